"""When the service loads its models: at start-up, or while somebody waits."""

import ast
import re
from collections.abc import Iterator

from runbook_lib.audit.finding import Severity
from runbook_lib.audit.parsers.python_module import Function, PythonModule, keywords_of, text_of
from runbook_lib.audit.parsers.variables import Variable
from runbook_lib.audit.repository import ParsedSource, Repository
from runbook_lib.audit.rule import Hit, Rule
from runbook_lib.audit.rules.hits import at_node
from runbook_lib.audit.sources.kinds import Kind

_NO_SUCH_ARGUMENT = {"model_path", "artifacts_path", "cache_dir"}


def _converter_argument(source: ParsedSource, repository: Repository) -> Iterator[Hit]:
    module = None if repository.is_before("docling", "2.0") else source.python
    for call in module.calls_of("DocumentConverter") if module else ():
        if module:
            for name in sorted(_NO_SUCH_ARGUMENT & set(keywords_of(call))):
                yield at_node(module, call, f"DocumentConverter has no argument {name}")


_MADE_ONCE = {"__init__", "__new__", "__post_init__", "setup", "main"}
_AT_START = re.compile(r"lifespan|start_?up|get_converter|create_app|(?:create|make|build)_converter", re.IGNORECASE)
_ROUTE_METHODS = {"get", "post", "put", "delete", "patch", "head", "options", "route", "api_route", "websocket"}
_ROUTE_ADDERS = {"Route", "WebSocketRoute", "add_route", "add_api_route", "add_url_rule", "add_websocket_route"}
_LOADS = {"snapshot_download", "hf_hub_download", "download_models", "DocumentConverter", "initialize_pipeline"}


def _download_in_handler(source: ParsedSource, _: Repository) -> Iterator[Hit]:
    module = None if source.is_test else source.python
    if module is None:
        return
    handlers = _handlers(module)
    for call in module.calls_of(*_LOADS):
        if handlers.intersection(module.functions_around(call)):
            yield at_node(module, call, f"{module.last_name_of(call)} runs while a request waits")


def _handlers(module: PythonModule) -> set[Function]:
    """Return the functions that answer requests: decorated with a route, or handed to one."""
    named = {
        argument.id
        for call in module.calls_of(*_ROUTE_ADDERS)
        for argument in (*call.args, *keywords_of(call).values())
        if isinstance(argument, ast.Name)
    }
    return {one for one in module.functions if one.name in named or any(map(_is_route, one.decorator_list))}


def _is_route(decorator: ast.expr) -> bool:
    """Tell `@app.post("/x")` from other decorators: a method call whose first argument is a path."""
    if not isinstance(decorator, ast.Call) or not isinstance(decorator.func, ast.Attribute):
        return False
    path = decorator.args[0] if decorator.args else keywords_of(decorator).get("path")
    return decorator.func.attr in _ROUTE_METHODS and (text_of(path) or "/").startswith("/")


def _no_preload(source: ParsedSource, repository: Repository) -> Iterator[Hit]:
    if not source.is_application_code or not repository.serves_http or repository.preloads_models:
        return
    module = source.python
    for call in module.calls_of("DocumentConverter") if module else ():
        if module and _lives_long(module, call):
            yield at_node(module, call, "creating a DocumentConverter loads no model; the first request will")


def _lives_long(module: PythonModule, call: ast.Call) -> bool:
    """Tell whether a converter is made once: as the module is imported, with an object, or at start-up."""
    around = module.function_around(call)
    return around is None or around.name in _MADE_ONCE or bool(_AT_START.search(around.name))


_BOOT = "DOCLING_SERVE_LOAD_MODELS_AT_BOOT"
_OFF = {"0", "off", "f", "false", "n", "no"}
"""What pydantic reads as false, which reads docling-serve's variables."""


def _boot_off(source: ParsedSource, _: Repository) -> Iterator[Hit]:
    message = f"{_BOOT} is off: ready says nothing of models, and the first request loads them or fails"
    if source.is_test:
        return
    found = {one.line: Hit(one.line, message, one.column, scope=one.scope) for one in source.variables if _is_off(one)}
    for container in source.containers:
        if container.variable(_BOOT).strip().lower() in _OFF:
            line = container.variables[_BOOT].line
            found.setdefault(line, Hit(line, message))
    yield from found.values()


def _is_off(variable: Variable) -> bool:
    return variable.name == _BOOT and (variable.value or "").strip().lower() in _OFF


_APP = "from docling.document_converter import DocumentConverter\nfrom fastapi import FastAPI\n\napp = FastAPI()\n"
_LIFESPAN = """from contextlib import asynccontextmanager

from docling.datamodel.base_models import InputFormat
from docling.document_converter import DocumentConverter
from fastapi import FastAPI


@asynccontextmanager
async def lifespan(app):
    app.state.converter = DocumentConverter()
    app.state.converter.initialize_pipeline(InputFormat.PDF)
    yield


app = FastAPI(lifespan=lifespan)
"""

RULES = (
    Rule(
        id="converter-argument",
        title="DocumentConverter is given an argument that docling 2 does not have",
        reason="It raises TypeError; the folder of models belongs to the options of the pipeline.",
        remedy="Pass PdfPipelineOptions(artifacts_path=...) in a PdfFormatOption, or set DOCLING_ARTIFACTS_PATH. "
        "The folder is the parent of the org--name folders.",
        severity=Severity.ERROR,
        quirk="docling-model-path-kw",
        bad={
            "convert.py": "from docling.document_converter import DocumentConverter\n\n"
            'converter = DocumentConverter(model_path="/app/models")\n'
        },
        good={
            "convert.py": "from docling.datamodel.base_models import InputFormat\n"
            "from docling.datamodel.pipeline_options import PdfPipelineOptions\n"
            "from docling.document_converter import DocumentConverter, PdfFormatOption\n\n"
            'options = PdfPipelineOptions(artifacts_path="/app/models")\n'
            "converter = DocumentConverter(\n"
            "    format_options={InputFormat.PDF: PdfFormatOption(pipeline_options=options)}\n)\n"
        },
        check=_converter_argument,
        kinds=(Kind.PYTHON,),
        words=("DocumentConverter",),
    ),
    Rule(
        id="download-in-handler",
        title="Models are loaded inside a request handler",
        reason="The first request hangs for minutes, each worker does it again, and huggingface_hub sets no limit "
        "to its first look-up.",
        remedy="Download when the image is built; build one converter at start-up and call initialize_pipeline.",
        severity=Severity.ERROR,
        quirk="snapshot-no-timeout-hang",
        bad={
            "main.py": _APP
            + '\n\n@app.post("/convert")\ndef convert(path: str):\n    return DocumentConverter().convert(path)\n'
        },
        good={
            "main.py": _LIFESPAN
            + '\n\n@app.post("/convert")\ndef convert(path: str):\n    return app.state.converter.convert(path)\n'
        },
        check=_download_in_handler,
        kinds=(Kind.PYTHON,),
        words=tuple(sorted(_LOADS)),
    ),
    Rule(
        id="no-preload",
        title="Nothing loads the models at start-up",
        reason="DocumentConverter() returns at once and loads the models in the first convert(): a start without "
        "models looks healthy, and the first user waits.",
        remedy="Call converter.initialize_pipeline(InputFormat.PDF) in the lifespan or start-up hook.",
        severity=Severity.WARNING,
        quirk="snapshot-no-timeout-hang",
        bad={"main.py": _APP + "converter = DocumentConverter()\n"},
        good={"main.py": _LIFESPAN},
        check=_no_preload,
        kinds=(Kind.PYTHON,),
        words=("DocumentConverter",),
    ),
    Rule(
        id="models-not-loaded-at-boot",
        title="docling-serve is told not to load its models when it starts",
        reason="It then says ready without a model. A folder or a model that is missing shows in the first request, "
        "which is answered with 404, and the orchestrator sees a healthy service.",
        remedy="Leave the variable out, and give a startupProbe the minutes that loading takes.",
        severity=Severity.WARNING,
        quirk="serve-ready-without-models",
        bad={".env": f"{_BOOT}=false\n"},
        good={".env": f"{_BOOT}=true\n"},
        check=_boot_off,
        words=(_BOOT,),
    ),
)
