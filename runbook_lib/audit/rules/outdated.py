"""What huggingface_hub, transformers and docling once had: arguments, names, commands, variables of no use now."""

import ast
import re
from collections.abc import Iterator

from runbook_lib.audit.finding import Severity
from runbook_lib.audit.parsers.python_module import Import, PythonModule, keywords_of
from runbook_lib.audit.repository import HUB, ParsedSource, Repository
from runbook_lib.audit.rule import Hit, Rule
from runbook_lib.audit.rules.hits import at_node, in_commands
from runbook_lib.audit.sources.kinds import Kind

_IGNORED_SINCE = "1.0"
_HUB_CALLS = {"snapshot_download", "hf_hub_download", "from_pretrained", "cached_file"}
_RESUME_OPTION = re.compile(r"\bhf\s+download\b[^\n|;&]{0,500}?--resume-download\b")


def _resume_download(source: ParsedSource, repository: Repository) -> Iterator[Hit]:
    if repository.is_before(HUB, _IGNORED_SINCE):
        return
    for hit in in_commands(
        source, _RESUME_OPTION, "hf has no option --resume-download: the command ends with an error"
    ):
        yield Hit(hit.line, hit.message, hit.column, scope=hit.scope, severity=Severity.ERROR)
    module = None if source.is_test else source.python
    for call in module.calls_of(*_HUB_CALLS) if module else ():
        if module and "resume_download" in keywords_of(call):
            yield at_node(module, call, "resume_download is ignored, with a warning, since huggingface_hub 1.0")


_IGNORED = {
    "proxies": "is ignored, with a warning, since huggingface_hub 1.0: set HTTPS_PROXY",
    "local_dir_use_symlinks": "is ignored, with a warning, since huggingface_hub 1.0: local_dir never holds links",
    "force_filename": "is ignored, with a warning, since huggingface_hub 1.0",
}
_REFUSED = {"use_auth_token": "is gone since huggingface_hub 1.0: the call ends with a TypeError; the name is token"}
_SYMLINKS_OPTION = re.compile(r"\bhf\s+download\b[^\n|;&]{0,500}?--local-dir-use-symlinks\b")
_STRICT_CALLS = {"snapshot_download", "hf_hub_download"}


def _ignored_argument(source: ParsedSource, repository: Repository) -> Iterator[Hit]:
    if repository.is_before(HUB, _IGNORED_SINCE):
        return
    message = "hf has no option --local-dir-use-symlinks: the command ends with an error"
    for hit in in_commands(source, _SYMLINKS_OPTION, message):
        yield Hit(hit.line, hit.message, hit.column, scope=hit.scope, severity=Severity.ERROR)
    module = None if source.is_test else source.python
    for call in module.calls_of(*_HUB_CALLS) if module else ():
        if module:
            given, is_strict = keywords_of(call), module.last_name_of(call) in _STRICT_CALLS
            for argument in sorted(_IGNORED.keys() & given):
                yield at_node(module, call, f"{argument} {_IGNORED[argument]}")
            for argument in sorted(_REFUSED.keys() & given) if is_strict else ():
                yield at_node(module, call, f"{argument} {_REFUSED[argument]}", Severity.ERROR)


_GONE = {
    "cached_download": "0.26",
    "url_to_filename": "0.26",
    "filename_to_url": "0.26",
    "ModelFilter": "0.24",
    "DatasetFilter": "0.24",
    "Repository": "1.0",
    "HfFolder": "1.0",
    "InferenceApi": "1.0",
    "configure_http_backend": "1.0",
}
"""Public names and the release without them, told from the wheels 0.23.5 to 1.0.1."""


def _removed_name(source: ParsedSource, repository: Repository) -> Iterator[Hit]:
    module = source.python
    if module is None:
        return
    for node, name in _uses(module):
        if not repository.is_before(HUB, _GONE[name]) and not _is_guarded(module, node):
            yield at_node(
                module, node, f"huggingface_hub.{name} is gone since {_GONE[name]}: it ends with an ImportError"
            )


def _uses(module: PythonModule) -> Iterator[tuple[Import | ast.Attribute, str]]:
    for origin in module.all_of(ast.ImportFrom):
        if origin.level == 0 and (origin.module or "").partition(".")[0] == "huggingface_hub":
            yield from ((origin, alias.name) for alias in origin.names if alias.name in _GONE)
    for node in module.all_of(ast.Attribute):
        if node.attr in _GONE and module.name_of(node.value) == "huggingface_hub":
            yield node, node.attr


def _is_guarded(module: PythonModule, node: ast.AST) -> bool:
    """Tell whether the code asks first: inside a `try`, or under an `if` that looks at a version."""
    return any(isinstance(up, ast.Try | ast.If) for up in module.ancestors(node))


_OLD_COMMAND = re.compile(
    r"(?<![\w./=-])huggingface-cli\s+(?:download|login|logout|whoami|upload|scan-cache|delete-cache|env|lfs-\S+|repo|tag)\b"
)


def _old_command(source: ParsedSource, repository: Repository) -> Iterator[Hit]:
    if not repository.is_before(HUB, _IGNORED_SINCE):
        yield from in_commands(source, _OLD_COMMAND, "huggingface-cli does nothing since huggingface_hub 1.0 but fail")


_TRANSFORMERS_5 = "5.0"
_UNREAD = {
    "HF_HUB_ENABLE_HF_TRANSFER": (HUB, _IGNORED_SINCE, "hf_transfer is not used since huggingface_hub 1.0"),
    "TRANSFORMERS_CACHE": ("transformers", _TRANSFORMERS_5, "transformers does not read it since 5.0"),
    "PYTORCH_TRANSFORMERS_CACHE": ("transformers", _TRANSFORMERS_5, "transformers does not read it since 5.0"),
    "PYTORCH_PRETRAINED_BERT_CACHE": ("transformers", _TRANSFORMERS_5, "transformers does not read it since 5.0"),
}


def _unread_variable(source: ParsedSource, repository: Repository) -> Iterator[Hit]:
    for variable in source.variables:
        package, version, effect = _UNREAD.get(variable.name, ("", "", ""))
        if package and not repository.is_before(package, version) and not source.is_test:
            message = f"{variable.name} is set, and {effect}"
            yield Hit(variable.line, message, variable.column, scope=variable.scope)


_DOWNLOADER = re.compile(r"(?<!Legacy)StandardPdfPipeline\.download_models_hf\b")
_DOWNLOADER_GONE = "2.60.0"
"""Told from the wheels 2.59.0 and 2.60.0; LegacyStandardPdfPipeline had it until the code moved to docling-slim."""


def _moved_downloader(source: ParsedSource, repository: Repository) -> Iterator[Hit]:
    if repository.is_before("docling", _DOWNLOADER_GONE):
        return
    message = "StandardPdfPipeline.download_models_hf is gone since docling 2.60: it ends with an AttributeError"
    yield from in_commands(source, _DOWNLOADER, message)
    module = source.python
    for call in module.calls_of("download_models_hf") if module else ():
        if module and _DOWNLOADER.search(module.name_of(call.func)) and not _is_guarded(module, call):
            yield at_node(module, call, message)


_FETCH = "from huggingface_hub import snapshot_download\n\n"
_CALL = 'snapshot_download("docling-project/docling-models", revision="v2.3.0"'

RULES = (
    Rule(
        id="resume-download",
        title="resume_download is passed",
        reason="huggingface_hub 1.0 took its effect away; a download resumes within one call, and none across runs. "
        "The command hf refuses the option.",
        remedy="Remove the argument.",
        severity=Severity.WARNING,
        quirk="incomplete-no-resume",
        bad={"fetch.py": f"{_FETCH}{_CALL}, resume_download=True)\n"},
        good={"fetch.py": f"{_FETCH}{_CALL})\n"},
        check=_resume_download,
        words=("resume_download", "resume-download"),
    ),
    Rule(
        id="ignored-argument",
        title="An argument is passed that huggingface_hub no longer reads",
        reason="A download that needs a proxy goes without it, and the only sign is a warning.",
        remedy="Remove it. For a proxy set HTTPS_PROXY in the environment, or build the client with "
        "huggingface_hub.set_client_factory; a token goes into token=.",
        severity=Severity.WARNING,
        quirk="proxy-env-parse",
        bad={"fetch.py": f'{_FETCH}{_CALL}, proxies={{"https": "http://proxy.example.com:3128"}})\n'},
        good={"fetch.py": f"{_FETCH}{_CALL})\n", ".env": "HTTPS_PROXY=http://proxy.example.com:3128\n"},
        check=_ignored_argument,
        words=("proxies", "local_dir_use_symlinks", "local-dir-use-symlinks", "force_filename", "use_auth_token"),
    ),
    Rule(
        id="removed-name",
        title="A name is used that huggingface_hub no longer has",
        reason="The import fails, often in a library that was never updated, and takes the service with it.",
        remedy="hf_hub_download for cached_download, HfApi for Repository, get_token and login for HfFolder; or pin "
        "huggingface_hub below the release that removed it.",
        severity=Severity.ERROR,
        quirk="transformers-incompatible",
        bad={"fetch.py": "from huggingface_hub import cached_download\n"},
        good={"fetch.py": "from huggingface_hub import hf_hub_download\n"},
        check=_removed_name,
        kinds=(Kind.PYTHON,),
        words=tuple(_GONE),
    ),
    Rule(
        id="old-command",
        title="The command huggingface-cli is called",
        reason="Since huggingface_hub 1.0 it prints that it no longer works and ends with exit code 1; in 2.x it is "
        "not installed any more.",
        remedy="Call hf: hf download, hf auth login, hf cache ls.",
        severity=Severity.ERROR,
        quirk="transformers-incompatible",
        bad={"fetch.sh": "huggingface-cli download docling-project/docling-models --revision v2.3.0\n"},
        good={"fetch.sh": "hf download docling-project/docling-models --revision v2.3.0\n"},
        check=_old_command,
        words=("huggingface-cli",),
    ),
    Rule(
        id="unread-variable",
        title="A variable is set that nothing reads any more",
        reason="The models land in the default folder, or the download is no faster, and nothing says so.",
        remedy="For the place of the cache set HF_HOME; in place of HF_HUB_ENABLE_HF_TRANSFER nothing is needed "
        "(HF_XET_HIGH_PERFORMANCE=1 on a large machine).",
        severity=Severity.WARNING,
        quirk="cache-location-confusion",
        bad={".env": "TRANSFORMERS_CACHE=/models\n"},
        good={".env": "HF_HOME=/models\n"},
        check=_unread_variable,
        words=tuple(_UNREAD),
    ),
    Rule(
        id="moved-downloader",
        title="docling's models are fetched by a method that docling no longer has",
        reason="It stood in StandardPdfPipeline until docling 2.59; an image that installs a newer docling does not "
        "build any more.",
        remedy="RUN docling-tools models download -o DIR and ENV DOCLING_ARTIFACTS_PATH=DIR; in Python "
        "docling.utils.model_downloader.download_models. Or pin docling below 2.60.",
        severity=Severity.ERROR,
        quirk="docling-downloader-moved",
        bad={
            "fetch.py": "from docling.pipeline.standard_pdf_pipeline import StandardPdfPipeline\n\n"
            "StandardPdfPipeline.download_models_hf(force=True)\n"
        },
        good={
            "fetch.py": "from docling.utils.model_downloader import download_models\n\ndownload_models()\n",
        },
        check=_moved_downloader,
        words=("download_models_hf",),
    ),
)
