"""Command lines that a Python module starts, as far as they are written out in it."""

import ast
from collections.abc import Iterator

from runbook_lib.audit.parsers.commands import Command
from runbook_lib.audit.parsers.python_module import PythonModule, text_of

_STARTERS = ("os.system", "os.popen", "os.exec", "os.spawn", "subprocess.", "asyncio.create_subprocess")
STARTING_WORDS = ("subprocess", "os.system", "popen", "os.exec", "os.spawn", "ShellExecute", "create_subprocess")
"""Of which one stands in every module that starts a program."""
_IN_IPYTHON = ("().system", "().getoutput", "().run_line_magic")
_MAGICS = {"pip", "uv", "conda", "sx", "system", "env", "set_env"}
_SHELL_EXECUTE = ("ShellExecuteW", "ShellExecuteA", "ShellExecute", "ShellExecuteEx")


def commands_of_module(module: PythonModule) -> Iterator[Command]:
    """Yield one command per call that starts a program: its literal words; IPython's `!` and `%pip` too."""
    for call in module.calls:
        name = module.name_of(call.func)
        if name.startswith(_STARTERS) or name.endswith((*_SHELL_EXECUTE, *_IN_IPYTHON)):
            words = [text for argument in call.args for text in _words(argument)]
            if name.endswith(_IN_IPYTHON[-1]) and (not words or words[0] not in _MAGICS):
                continue
            if name.endswith(_SHELL_EXECUTE):
                words.insert(0, "ShellExecute")
            if words:
                yield Command(" ".join(words), (0,), (call.lineno,), module.statement_scope(call))


def _words(argument: ast.expr) -> list[str]:
    if isinstance(argument, ast.List | ast.Tuple):
        return [text for item in argument.elts if (text := text_of(item)) is not None]
    text = text_of(argument)
    return [] if text is None else [text]
