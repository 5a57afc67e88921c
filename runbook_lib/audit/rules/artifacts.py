"""Where docling looks for its models, against where a repository puts them."""

import ast
import re
from collections.abc import Iterator, Mapping

from runbook_lib.audit.finding import Severity
from runbook_lib.audit.parsers.fetches import fetches_of
from runbook_lib.audit.parsers.image import Image, last_image
from runbook_lib.audit.parsers.python_module import PythonModule, text_of
from runbook_lib.audit.repository import ParsedSource, Repository
from runbook_lib.audit.rule import Hit, Rule
from runbook_lib.audit.rules.hits import at_node, in_command
from runbook_lib.audit.sources.kinds import Kind

LIBRARY, SERVE = "DOCLING_ARTIFACTS_PATH", "DOCLING_SERVE_ARTIFACTS_PATH"
_POINTERS = ("artifacts_path", "artifacts-path", "ARTIFACTS_PATH")
_DEFAULT_FOLDER = ".cache/docling/models"


def _prefetch_unused(source: ParsedSource, repository: Repository) -> Iterator[Hit]:
    image = last_image(source.instructions)
    if image is None or source.is_test or _is_of_docling_serve(image):
        return
    for fetch in fetches_of(image):
        if not fetch.is_doclings:
            continue
        pointed = [image.variables[name] for name in (LIBRARY, SERVE) if name in image.variables]
        folders = [fetch.step.expanded(path).rstrip("/") for path in pointed]
        put = fetch.folder or f"the default folder, ~/{_DEFAULT_FOLDER}"
        if not pointed and not repository.mentions(*_POINTERS):
            yield in_command(
                fetch.step.instruction.command,
                fetch.offset,
                f"fetches models into {put}, and nothing points docling to it",
            )
        elif (
            folders
            and fetch.folder.startswith("/")
            and all(one.startswith("/") for one in folders)
            and fetch.folder not in folders
        ):
            message = f"fetches models into {fetch.folder}, and docling looks into {folders[0]}"
            yield in_command(fetch.step.instruction.command, fetch.offset, message)


def _is_of_docling_serve(image: Image) -> bool:
    """Tell whether the base is docling-serve's image, which points docling to its own folder."""
    return "docling-serve" in image.base and SERVE not in image.variables


_REPOSITORY_FOLDER = re.compile(r"(?:^|[/\\])(?:[A-Za-z0-9][\w.]*(?:-[\w.]+)*)--[A-Za-z0-9][\w.-]*[/\\]?$")
_HUB_CACHE = re.compile(r"(?:^|[/\\])(?:models--[\w.-]+|snapshots(?:[/\\][0-9a-f]+)?|huggingface[/\\]hub)[/\\]?$")
_OPTION = re.compile(r"--artifacts-path(?:\s+|=)[\"']?([^\s\"']+)")


def _wrong_level(source: ParsedSource, _: Repository) -> Iterator[Hit]:
    for variable in source.variables:
        if variable.name in {LIBRARY, SERVE} and (message := _misplaced(variable.value or "")):
            yield Hit(variable.line, f"{variable.name} {message}", variable.column, scope=variable.scope)
    for command in source.commands:
        for option in _OPTION.finditer(command.text):
            if message := _misplaced(option[1]):
                yield in_command(command, option.start(), f"--artifacts-path {message}")
    module = source.python
    for node, value in _artifact_paths(module) if module else ():
        message = _misplaced(_last_text(module, value)) if module else ""
        if module and message:
            yield at_node(module, node, f"artifacts_path {message}")


def _artifact_paths(module: PythonModule) -> Iterator[tuple[ast.expr | ast.stmt, ast.expr]]:
    for call in module.calls:
        for keyword in call.keywords:
            if keyword.arg == "artifacts_path":
                yield call, keyword.value
    for node in module.all_of(ast.Assign):
        if any(isinstance(target, ast.Attribute) and target.attr == "artifacts_path" for target in node.targets):
            yield node, node.value


def _last_text(module: PythonModule, node: ast.expr) -> str:
    """Return the end of a path as far as it is written out: of `Path(x) / "a"`, of `join(x, "a")`, of an f-string."""
    match node:
        case ast.BinOp(right=right):
            return _last_text(module, right)
        case ast.Call(args=[*_, last]):
            return _last_text(module, last)
        case ast.JoinedStr(values=[*_, last]):
            return text_of(last) or ""
    return module.constant_text(node) or ""


def _misplaced(path: str) -> str:
    if _HUB_CACHE.search(path):
        return "names a folder of the Hub's cache, which is laid out differently"
    if "ds4sd--" in path and _REPOSITORY_FOLDER.search(path):
        return "names one model's folder, and by its old name; docling wants the folder above it"
    return "names the folder of one model; docling wants the folder above it" if _REPOSITORY_FOLDER.search(path) else ""


def _other_product(source: ParsedSource, repository: Repository) -> Iterator[Hit]:
    if repository.mentions("docling-serve", "docling_serve") or source.is_test:
        return
    for variable in source.variables:
        if variable.name == SERVE:
            message = f"{SERVE} is read by docling-serve only, and nothing here is that"
            yield Hit(variable.line, message, variable.column, scope=variable.scope)


_CACHE_VARIABLES = ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE")
_REFERENCE = re.compile(
    r"(?:DOCLING_(?:SERVE_)?ARTIFACTS_PATH[\"']?\s{0,3}[=:\s]|--artifacts-path[\s=])\s{0,3}[\"']?(?:\$\{?|\$env:|%)"
    rf"(?P<cache>{'|'.join(_CACHE_VARIABLES)})\b[}}%]?[\"']?(?=[\s;&|]|$)"
)
_FILLERS = ("docling-tools", "docling_tools", "download_models", "docling-project--", "ds4sd--")


def _hub_cache(source: ParsedSource, repository: Repository) -> Iterator[Hit]:
    if source.is_test or repository.mentions(*_FILLERS):
        return
    for line, name, cache in _same_folders(source):
        yield Hit(line, f"{name} is the folder of {cache}, and nothing puts docling's models into it")
    for command in source.commands:
        for found in _REFERENCE.finditer(command.text):
            message = f"docling's folder is that of {found['cache']}, and nothing puts docling's models into it"
            yield in_command(command, found.start(), message)
    module = source.python
    for node, value in _artifact_paths(module) if module else ():
        if module and (cache := _cache_asked_for(module, value)):
            message = f"artifacts_path is the folder of {cache}, and nothing puts docling's models into it"
            yield at_node(module, node, message)


def _same_folders(source: ParsedSource) -> Iterator[tuple[int, str, str]]:
    """Yield where docling and the Hub are given one folder by literal values: in one container, or in one script."""
    for container in source.containers:
        set_here = {name: (one.line, one.value or "") for name, one in container.variables.items()}
        yield from _equal(set_here)
    if source.kind is not Kind.YAML:
        yield from _equal({one.name: (one.line, one.value or "") for one in source.variables})


def _equal(set_here: Mapping[str, tuple[int, str]]) -> Iterator[tuple[int, str, str]]:
    for name in (LIBRARY, SERVE):
        line, folder = set_here.get(name, (0, ""))
        same = (one for one in _CACHE_VARIABLES if set_here.get(one, (0, ""))[1].rstrip("/") == folder.rstrip("/"))
        if folder.strip("/") and (cache := next(same, "")):
            yield line, name, cache


def _cache_asked_for(module: PythonModule, node: ast.expr) -> str:
    """Return the variable of the Hub's cache that an expression reads: `os.environ[...]`, `os.getenv(...)`."""
    match node:
        case ast.Call(args=[inner]) if module.last_name_of(node) in {"Path", "str"}:
            return _cache_asked_for(module, inner)
        case ast.Call(args=[first, *_]) if module.name_of(node.func) in {"os.getenv", "os.environ.get"}:
            name = text_of(first)
        case ast.Subscript(value=value, slice=key) if module.name_of(value) == "os.environ":
            name = text_of(key)
        case _:
            return ""
    return name if name in _CACHE_VARIABLES else ""


_BASE = "FROM python:3.11\nRUN pip install docling==2.143.0\n"
_CONVERT = "from docling.datamodel.pipeline_options import PdfPipelineOptions as Options\n\n"

RULES = (
    Rule(
        id="prefetch-unused",
        title="Models are fetched into a folder that docling is not told of",
        reason="docling-tools models download fills a folder, and docling looks there only if it is named: otherwise "
        "it downloads everything once more, or fails without a network.",
        remedy="ENV DOCLING_ARTIFACTS_PATH=... with that very folder (.cache/docling/models in the home of whoever "
        "fetched, if none was given to docling-tools), or pass artifacts_path.",
        severity=Severity.ERROR,
        quirk="docling-artifacts-path",
        bad={"Dockerfile": _BASE + "RUN docling-tools models download\n"},
        good={"Dockerfile": _BASE + "RUN docling-tools models download -o /m\nENV DOCLING_ARTIFACTS_PATH=/m\n"},
        check=_prefetch_unused,
        kinds=(Kind.DOCKERFILE,),
        words=("docling-tools", "download_models"),
    ),
    Rule(
        id="artifacts-path-level",
        title="The artifacts path is not the folder that docling wants",
        reason="docling looks for org--name folders below the path. One of them, or a folder of the Hub's cache, holds "
        "none of these: it ends with 'Model artifacts not found' or the like.",
        remedy="Name the parent of the org--name folders, as docling-tools models download -o made it; for models "
        "under their old names, download again.",
        severity=Severity.ERROR,
        quirk="docling-artifacts-path",
        bad={"convert.py": f'{_CONVERT}Options(artifacts_path="/m/docling-project--docling-models")\n'},
        good={"convert.py": f'{_CONVERT}Options(artifacts_path="/models")\n'},
        check=_wrong_level,
        words=_POINTERS,
    ),
    Rule(
        id="artifacts-in-hub-cache",
        title="docling is pointed to the Hub's own cache",
        reason="docling looks for org--name folders there, and the cache holds hub/models--org--name: with the "
        "variable set docling downloads nothing and ends with 'Model artifacts not found' or the like.",
        remedy="Leave DOCLING_ARTIFACTS_PATH out, and docling uses the Hub's cache by itself; or fill a folder of its "
        "own with docling-tools models download -o DIR.",
        severity=Severity.WARNING,
        quirk="docling-artifacts-path",
        bad={".env": f"HF_HOME=/models\n{LIBRARY}=/models\n"},
        good={".env": "HF_HOME=/models\n"},
        check=_hub_cache,
        words=_POINTERS,
    ),
    Rule(
        id="variable-of-docling-serve",
        title="The library is given the variable of docling-serve",
        reason="docling reads DOCLING_ARTIFACTS_PATH; the variable with SERVE in it means nothing to it.",
        remedy="Set DOCLING_ARTIFACTS_PATH to the folder above the org--name folders.",
        severity=Severity.ERROR,
        quirk="docling-artifacts-path",
        bad={".env": f"{SERVE}=/models\n"},
        good={".env": f"{LIBRARY}=/models\n"},
        check=_other_product,
        words=(SERVE,),
    ),
)
