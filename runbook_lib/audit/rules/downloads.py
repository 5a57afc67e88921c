"""How the service downloads: failures kept quiet, revisions left open, arguments that are gone."""

import ast
import re
from collections.abc import Iterator

from runbook_lib.audit.finding import Severity
from runbook_lib.audit.parsers.commands import Command
from runbook_lib.audit.parsers.python_module import Function, PythonModule, keywords_of, text_of
from runbook_lib.audit.repository import ParsedSource, Repository
from runbook_lib.audit.rule import Hit, Rule
from runbook_lib.audit.rules.hits import at_node, in_command, in_commands, in_texts
from runbook_lib.audit.sources.kinds import is_documentation

_DOWNLOADS = re.compile(
    r"\b(?:snapshot_download|hf_hub_download|initialize_pipeline)$"
    r"|(?:download|prefetch|preload|fetch|pull)\w*(?:model|weight|artifact|docling)"
    r"|ensure\w*models?(?:_?(?:are_?)?(?:downloaded|available|present|ready|cached|exist)\w*)?$"
    r"|(?:model|weight|artifact|docling)\w*[._]?(?:download|prefetch|preload)",
    re.IGNORECASE,
)
_MAY_DOWNLOAD = re.compile(_DOWNLOADS.pattern.replace("$", r"\b"), re.IGNORECASE)
_LOGS = re.compile(r"(?:^|[._])(?:log(?:ger|ging)?|logging|warnings)\b|^print$", re.IGNORECASE)
_BROAD = {"Exception", "BaseException", "OSError", "IOError", "EnvironmentError", "PermissionError"}
_COMMAND_IGNORED = re.compile(
    r"\b(?:docling-tools\s+models\s+download|(?:hf|huggingface-cli)\s+download|snapshot_download)\b"
    r"[^\n]{0,500}?\|\|\s*(?:true|:|echo|exit\s+0)"
)
_MESSAGE = "a failed model download goes unnoticed here"


def _swallowed_error(source: ParsedSource, _: Repository) -> Iterator[Hit]:
    yield from in_commands(source, _COMMAND_IGNORED, _MESSAGE)
    may = source.mentions("except", "suppress") and _MAY_DOWNLOAD.search(source.source.text)
    if may and not source.is_test and source.python:
        yield from _silent_handlers(source.python)
        yield from _suppressed(source.python)


def _silent_handlers(module: PythonModule) -> Iterator[Hit]:
    for node in module.all_of(ast.Try):
        for handler in node.handlers if _downloads(module, node.body) else ():
            silent = all(_does_nothing(module, one) for one in handler.body)
            if silent and _is_broad(module, handler.type) and not _tells_by_none(module, handler):
                last = handler.end_lineno or handler.lineno
                yield Hit(handler.lineno, _MESSAGE, handler.col_offset + 1, last, (handler.lineno, last))


def _tells_by_none(module: PythonModule, handler: ast.ExceptHandler) -> bool:
    """Tell whether the handler returns nothing from a function that otherwise returns something: callers can see it."""
    around = module.function_around(handler)
    if around is None or not any(isinstance(one, ast.Return) for one in handler.body):
        return False
    returned = (one.value for one in module.all_of(ast.Return) if module.function_around(one) is around)
    return any(value is not None and not _is_none(value) for value in returned)


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _suppressed(module: PythonModule) -> Iterator[Hit]:
    for node in module.all_of(ast.With):
        for item in node.items:
            if _suppresses(module, item.context_expr) and _downloads(module, node.body):
                yield at_node(module, item.context_expr, _MESSAGE)


def _downloads(module: PythonModule, body: list[ast.stmt]) -> bool:
    calls = (node for one in body for node in ast.walk(one) if isinstance(node, ast.Call))
    return any(_DOWNLOADS.search(module.name_of(call.func)) for call in calls)


def _is_broad(module: PythonModule, caught: ast.expr | None) -> bool:
    if caught is None:
        return True
    names = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(module.name_of(name) in _BROAD for name in names)


def _suppresses(module: PythonModule, context: ast.expr) -> bool:
    if not isinstance(context, ast.Call) or module.name_of(context.func) != "contextlib.suppress":
        return False
    return any(module.name_of(argument) in _BROAD for argument in context.args)


def _does_nothing(module: PythonModule, statement: ast.stmt) -> bool:
    """Tell whether a statement only passes over the error or writes it to a log."""
    match statement:
        case ast.Pass() | ast.Continue() | ast.Expr(ast.Constant()):
            return True
        case ast.Return(value):
            return value is None or _is_none(value)
        case ast.Expr(ast.Call() as call):
            return bool(_LOGS.search(module.name_of(call.func)))
    return False


_FETCHES = {"snapshot_download", "hf_hub_download"}
_CLI_FETCH = re.compile(r"\b(?:hf|huggingface-cli)\s+download\s+(?!-)(?P<repo>[\w.-]{1,96}/[\w.-]{1,96})")
_QUOTED_FETCH = re.compile(r"\b(?:snapshot_download|hf_hub_download)\(\s*(?P<arguments>[^()]{1,500})\)")
_QUOTED_REPO = re.compile(r"^(?:repo_id\s*=\s*)?[\"'](?P<repo>[\w.-]{1,96}/[\w.-]{1,96})[\"']")
_REPO = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}")
_OF_DOCLING = ("docling-project/", "ds4sd/", "docling-models")


def _open_revision(source: ParsedSource, _: Repository) -> Iterator[Hit]:
    if source.is_test or is_documentation(source.source.path):
        return
    for command in source.commands:
        yield from _open_in_command(command)
    module = source.python
    for call in module.calls_of(*_FETCHES) if module else ():
        if module and not {"revision", ""} & set(keywords_of(call)):
            repo = _repo_of(module, call)
            message = f"{module.last_name_of(call)} without a revision"
            if repo or _is_in_code_of_docling(module, call):
                yield at_node(module, call, message, _severity_of(repo or "docling"))


def _open_in_command(command: Command) -> Iterator[Hit]:
    for match in _CLI_FETCH.finditer(command.text):
        end = command.text.find("&&", match.start())
        if "revision" not in command.text[match.start() : end if end >= 0 else None]:
            message = "downloads whatever revision is newest"
            yield in_command(command, match.start(), message, _severity_of(match["repo"]))
    for match in _QUOTED_FETCH.finditer(command.text):
        named = _QUOTED_REPO.match(match["arguments"])
        if named and "revision" not in match[0]:
            message = "downloads whatever revision is newest"
            yield in_command(command, match.start(), message, _severity_of(named["repo"]))


def _repo_of(module: PythonModule, call: ast.Call) -> str:
    """Return the repository a call names as a literal or as a constant of the module; empty if it is computed."""
    argument = call.args[0] if call.args else keywords_of(call).get("repo_id")
    text = module.constant_text(argument)
    return text if text and _REPO.fullmatch(text) else ""


def _is_in_code_of_docling(module: PythonModule, call: ast.Call) -> bool:
    """Tell whether a function or class around a call says by its name that it is about docling's models."""
    around = (up for up in module.ancestors(call) if isinstance(up, Function | ast.ClassDef))
    return any("docling" in one.name.lower() for one in around)


def _severity_of(repo: str) -> Severity | None:
    """Return what an open revision weighs: docling asks for tags of its own models, of others only a build differs."""
    return None if repo.startswith(_OF_DOCLING) or "docling" in repo else Severity.NOTE


_OLD_NAME = re.compile(
    r"(?<![\w./-])ds4sd/[A-Za-z0-9][\w.-]*|(?<![\w.-])ds4sd--[A-Za-z0-9][\w.-]*|\bhuggingface\.co/(?:api/models/)?ds4sd/|models--ds4sd--"
)


def _old_repository(source: ParsedSource, _: Repository) -> Iterator[Hit]:
    message = "ds4sd is the old name of docling-project"
    yield from in_texts(source, _OLD_NAME, message)
    module = source.python
    for node in module.all_of(ast.Constant) if module else ():
        if module and _names_old_repository(module, node):
            yield at_node(module, node, message)


def _names_old_repository(module: PythonModule, node: ast.Constant) -> bool:
    is_docstring = isinstance(module.parent_of(node), ast.Expr)
    return not is_docstring and bool(_OLD_NAME.search(text_of(node) or ""))


RULES = (
    Rule(
        id="swallowed-download-error",
        title="A failed model download is ignored",
        reason="The service starts, looks healthy, and fails on the first document with an error that names "
        "something else.",
        remedy="Let the error end the start, or catch the one that is expected and say what to do about it.",
        severity=Severity.ERROR,
        quirk="quirk-001",
        bad={"start.py": "try:\n    model_manager.ensure_models_downloaded()\nexcept Exception:\n    pass\n"},
        good={
            "start.py": "try:\n    model_manager.ensure_models_downloaded()\n"
            'except Exception as error:\n    raise SystemExit("models are missing") from error\n'
        },
        check=_swallowed_error,
        words=("download", "prefetch", "preload", "ensure_", "initialize_pipeline"),
    ),
    Rule(
        id="open-revision",
        title="A download does not say which revision",
        reason="Two builds of one commit may hold different models; and offline, docling asks for the tag that its "
        "release was made for, which a copy of the newest revision does not satisfy.",
        remedy="Pass revision=, or let docling-tools models download choose what the installed docling wants.",
        severity=Severity.WARNING,
        quirk="offline-cache-miss",
        bad={"fetch.sh": "hf download docling-project/docling-models\n"},
        good={"fetch.sh": "hf download docling-project/docling-models --revision v2.3.0\n"},
        check=_open_revision,
        words=("download",),
    ),
    Rule(
        id="old-repository-name",
        title="A model is named by its old owner",
        reason="The Hub redirects the old name, but mirrors, caches and artifact folders do not: docling looks for "
        "docling-project--... since 2.61.2.",
        remedy="Write docling-project/ instead of ds4sd/, and download the artifact folder again.",
        severity=Severity.WARNING,
        quirk="docling-artifacts-renamed",
        bad={"models.py": 'LAYOUT = "ds4sd/docling-layout-heron"\n'},
        good={"models.py": 'LAYOUT = "docling-project/docling-layout-heron"\n'},
        check=_old_repository,
        words=("ds4sd",),
    ),
)
