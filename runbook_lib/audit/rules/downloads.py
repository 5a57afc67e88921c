"""How the service downloads: failures kept quiet, revisions left open, arguments that are gone."""

import ast
import re
from collections.abc import Iterator

from runbook_lib.audit.finding import Severity
from runbook_lib.audit.parsers.python_module import PythonModule, keywords_of, text_of
from runbook_lib.audit.repository import HUB, ParsedSource, Repository
from runbook_lib.audit.rule import Hit, Rule
from runbook_lib.audit.rules.hits import at_node, in_command, in_commands

_DOWNLOADS = re.compile(r"download|prefetch|preload|ensure_model|initialize_pipeline|from_pretrained", re.IGNORECASE)
_LOGS = re.compile(r"(?:^|[._])(?:log(?:ger|ging)?|logging|warnings)\b|^print$", re.IGNORECASE)
_BROAD = {"Exception", "BaseException", "OSError", "IOError", "EnvironmentError", "PermissionError"}
_COMMAND_IGNORED = re.compile(
    r"\b(?:docling-tools\s+models\s+download|(?:hf|huggingface-cli)\s+download|snapshot_download)\b"
    r"[^\n]{0,500}?\|\|\s*(?:true|:|echo|exit\s+0)"
)
_MESSAGE = "a failed model download goes unnoticed here"


def _swallowed_error(source: ParsedSource, _: Repository) -> Iterator[Hit]:
    yield from in_commands(source, _COMMAND_IGNORED, _MESSAGE)
    if source.python:
        yield from _silent_handlers(source.python)
        yield from _suppressed(source.python)


def _silent_handlers(module: PythonModule) -> Iterator[Hit]:
    for node in module.all_of(ast.Try):
        for handler in node.handlers if _downloads(module, node.body) else ():
            if _is_broad(module, handler.type) and all(_does_nothing(module, one) for one in handler.body):
                last = handler.end_lineno or handler.lineno
                yield Hit(handler.lineno, _MESSAGE, handler.col_offset + 1, last, (handler.lineno, last))


def _suppressed(module: PythonModule) -> Iterator[Hit]:
    for node in module.all_of(ast.With):
        for item in node.items:
            if _suppresses(module, item.context_expr) and _downloads(module, node.body):
                yield at_node(module, item.context_expr, _MESSAGE)


def _downloads(module: PythonModule, body: list[ast.stmt]) -> bool:
    calls = (node for one in body for node in ast.walk(one) if isinstance(node, ast.Call))
    return any(_DOWNLOADS.search(module.last_name_of(call)) for call in calls)


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
            return value is None or (isinstance(value, ast.Constant) and value.value is None)
        case ast.Expr(ast.Call() as call):
            return bool(_LOGS.search(module.name_of(call.func)))
    return False


_RESUME_OPTION = re.compile(r"\b(?:hf|huggingface-cli)\s+download\b[^\n]{0,500}?--resume-download\b")
_RESUME_GONE = "1.0"


def _resume_download(source: ParsedSource, repository: Repository) -> Iterator[Hit]:
    message = "resume_download is gone since huggingface_hub 1.0"
    yield from in_commands(source, _RESUME_OPTION, message)
    module = source.python
    severity = Severity.NOTE if repository.is_before(HUB, _RESUME_GONE) else None
    for call in module.calls if module else ():
        if module and "resume_download" in keywords_of(call):
            yield at_node(module, call, message, severity)


_FETCHES = {"snapshot_download", "hf_hub_download"}
_CLI_FETCH = re.compile(r"\b(?:hf|huggingface-cli)\s+download\s+(?!-)[\w.-]{1,96}/[\w.-]{1,96}")
_QUOTED_FETCH = re.compile(r"\b(?:snapshot_download|hf_hub_download)\(\s*[^()]{1,500}\)")


def _open_revision(source: ParsedSource, _: Repository) -> Iterator[Hit]:
    for command in source.commands:
        for pattern in (_CLI_FETCH, _QUOTED_FETCH):
            for match in pattern.finditer(command.text):
                end = command.text.find("&&", match.start())
                if "revision" not in command.text[match.start() : end if end >= 0 else None]:
                    yield in_command(command, match.start(), "downloads whatever revision is newest")
    module = source.python
    for call in module.calls if module else ():
        if module and module.last_name_of(call) in _FETCHES and not {"revision", ""} & set(keywords_of(call)):
            yield at_node(module, call, f"{module.last_name_of(call)} without a revision")


_OLD_NAME = re.compile(
    r"(?<![\w./-])ds4sd(?:/|--)[A-Za-z0-9][\w.-]*|\bhuggingface\.co/(?:api/models/)?ds4sd/|models--ds4sd--"
)


def _old_repository(source: ParsedSource, _: Repository) -> Iterator[Hit]:
    message = "ds4sd is the old name of docling-project"
    yield from in_commands(source, _OLD_NAME, message)
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
    ),
    Rule(
        id="resume-download",
        title="resume_download is passed",
        reason="huggingface_hub 1.0 removed the argument; each download resumes within one call, and none across runs.",
        remedy="Remove the argument.",
        severity=Severity.ERROR,
        quirk="incomplete-no-resume",
        bad={
            "fetch.py": "from huggingface_hub import snapshot_download\n\n"
            'snapshot_download("docling-project/docling-models", revision="v2.3.0", resume_download=True)\n'
        },
        good={
            "fetch.py": "from huggingface_hub import snapshot_download\n\n"
            'snapshot_download("docling-project/docling-models", revision="v2.3.0")\n'
        },
        check=_resume_download,
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
    ),
    Rule(
        id="old-repository-name",
        title="A model is named by its old owner",
        reason="The Hub redirects the old name, but mirrors, caches and artifact folders do not: docling looks for "
        "docling-project--... since 2.61.2.",
        remedy="Write docling-project/ instead of ds4sd/, and download the artifact folder anew.",
        severity=Severity.WARNING,
        quirk="docling-artifacts-renamed",
        bad={"models.py": 'LAYOUT = "ds4sd/docling-layout-heron"\n'},
        good={"models.py": 'LAYOUT = "docling-project/docling-layout-heron"\n'},
        check=_old_repository,
    ),
)
