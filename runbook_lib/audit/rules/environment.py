"""Variables and constants of huggingface_hub that do not do what was hoped."""

import ast
import re
from collections.abc import Iterator

from runbook_lib.audit.finding import Severity
from runbook_lib.audit.parsers.python_module import Import, PythonModule, imported_packages, text_of
from runbook_lib.audit.parsers.variables import Variable
from runbook_lib.audit.repository import DISABLE_SYMLINKS, HUB, ParsedSource, Repository
from runbook_lib.audit.rule import Hit, Rule
from runbook_lib.audit.rules.hits import at_node
from runbook_lib.audit.sources.kinds import Kind
from runbook_lib.quirks.hub_versions import RACE_FIXED_IN, VARIABLE_WORKS_SINCE

_RACE_FIXED = str(RACE_FIXED_IN)
_VARIABLE_EXISTS = str(VARIABLE_WORKS_SINCE)
_WARNING_VARIABLE = f"{DISABLE_SYMLINKS}_WARNING"


def _warning_variable_only(source: ParsedSource, repository: Repository) -> Iterator[Hit]:
    if repository.symlinks_are_disabled or repository.is_from(HUB, _RACE_FIXED):
        return
    for variable in source.variables:
        if variable.name == _WARNING_VARIABLE:
            message = f"{_WARNING_VARIABLE} only hides the warning; nothing here prevents the failure"
            yield Hit(variable.line, message, variable.column, scope=variable.scope)


def _constants_patched(source: ParsedSource, repository: Repository) -> Iterator[Hit]:
    module = source.python
    if module is None:
        return
    works = repository.is_from(HUB, _VARIABLE_EXISTS)
    if works:
        effect = "is not seen by calls made before it, nor by other processes"
    elif repository.is_before(HUB, _VARIABLE_EXISTS):
        effect = "does nothing in the huggingface_hub required here, which is older than 1.9"
    else:
        effect = "does nothing before huggingface_hub 1.9, and no file here requires that"
    for node in _assignments_of_constant(module):
        message = f"assigning constants.{DISABLE_SYMLINKS} {effect}"
        yield at_node(module, node, message, Severity.WARNING if works else None)


def _assignments_of_constant(module: PythonModule) -> Iterator[ast.stmt | ast.expr]:
    for node in module.all_of(ast.Assign):
        if any(module.name_of(target).endswith(f"constants.{DISABLE_SYMLINKS}") for target in node.targets):
            yield node
    for call in module.calls:
        named = any(text_of(argument) == DISABLE_SYMLINKS for argument in call.args)
        if named and module.name_of(call.func) == "setattr":
            yield call


_READS_AT_IMPORT = {"huggingface_hub", "transformers", "docling", "docling_core", "docling_ibm_models", "datasets"}
_PREFIXES = ("HF_", "HUGGINGFACE_HUB_", "TRANSFORMERS_", "DOCLING_")
_QUOTED_NAME = re.compile(r"[\"'](?:HF|HUGGINGFACE_HUB|TRANSFORMERS|DOCLING)_|\b(?:HF|DOCLING|TRANSFORMERS)_[A-Z_]+=")
_READ_AT_CALL = re.compile(
    r"HF_TOKEN|HUGGING_FACE_HUB_TOKEN|DOCLING_(?:DEVICE|NUM_THREADS|CUDA_USE_FLASH_ATTENTION2|SECURITY_\w+|SERVE_\w+)"
)
"""huggingface_hub 1.33 looks the token up at each call (utils/_auth.py), docling 2.143 those of AcceleratorOptions."""


def _variable_after_import(source: ParsedSource, _: Repository) -> Iterator[Hit]:
    may = not source.is_test and (_QUOTED_NAME.search(source.source.text) or source.source.compiled)
    module = source.python if may else None
    if module is None:
        return
    imports = list(_frozen_by(module))
    for variable in source.variables:
        if not variable.name.startswith(_PREFIXES) or _READ_AT_CALL.fullmatch(variable.name):
            continue
        earlier = next((one for one in imports if _precedes(module, one, variable)), None)
        if earlier is not None:
            package = imported_packages(earlier)[0]
            message = f"{variable.name} is set after the import of {package} in line {earlier.lineno}"
            if source.source.origins:
                message = f"{variable.name} is set after the import of {package}"
            yield Hit(variable.line, message, variable.column, scope=variable.scope)


def _frozen_by(module: PythonModule) -> Iterator[Import]:
    """Yield the imports after which the variables are no longer read."""
    for node in sorted(module.imports, key=lambda one: one.lineno):
        if _READS_AT_IMPORT & set(imported_packages(node)):
            guards = (up for up in module.ancestors(node) if isinstance(up, ast.If))
            if not any(module.name_of(up.test).endswith("TYPE_CHECKING") for up in guards):
                yield node


def _precedes(module: PythonModule, node: Import, variable: Variable) -> bool:
    """Tell whether the import has surely happened: module level runs before the bodies of functions."""
    if variable.node is None:
        return False
    importer, setter = module.function_around(node), module.function_around(variable.node)
    if importer is setter:
        return node.lineno < variable.line
    return importer is None


RULES = (
    Rule(
        id="warning-variable-only",
        title="Only the warning is switched off",
        reason=f"{_WARNING_VARIABLE} hides the message about symlinks and changes nothing else: with "
        "huggingface_hub before 1.33 downloads on Windows still fail with WinError 1314.",
        remedy="Require huggingface_hub >= 1.33, or set HF_HUB_DISABLE_SYMLINKS=1 (huggingface_hub >= 1.9).",
        severity=Severity.WARNING,
        quirk="quirk-001",
        bad={".env": f"{_WARNING_VARIABLE}=1\n"},
        good={".env": f"{_WARNING_VARIABLE}=1\n{DISABLE_SYMLINKS}=1\n"},
        check=_warning_variable_only,
        words=(_WARNING_VARIABLE,),
    ),
    Rule(
        id="hub-constant-patched",
        title="A constant of huggingface_hub is assigned",
        reason=f"constants.{DISABLE_SYMLINKS} is read by nothing before huggingface_hub 1.9; after it, it is an "
        "internal name that other processes and workers do not share.",
        remedy=f"Set the variable {DISABLE_SYMLINKS}=1 before Python starts, with huggingface_hub >= 1.9; "
        "best of all require >= 1.33.",
        severity=Severity.ERROR,
        quirk="quirk-001",
        bad={
            "models.py": f"from huggingface_hub import constants\n\nconstants.{DISABLE_SYMLINKS} = True\n",
            "requirements.txt": "huggingface_hub==0.25.2\n",
        },
        good={
            "start.sh": f"export {DISABLE_SYMLINKS}=1\nexec uvicorn app.main:app\n",
            "requirements.txt": "huggingface_hub==1.33.0\n",
        },
        check=_constants_patched,
        kinds=(Kind.PYTHON,),
        words=(DISABLE_SYMLINKS,),
    ),
    Rule(
        id="variable-after-import",
        title="A variable is set after the import that reads it",
        reason="huggingface_hub, transformers and docling read their variables once, when they are imported; "
        "later changes do nothing, and nothing says so.",
        remedy="Set it in the shell, the Dockerfile or the kernel specification; at the least above every import.",
        severity=Severity.ERROR,
        quirk="env-read-at-import",
        bad={"app.py": 'import os\n\nimport huggingface_hub\n\nos.environ["HF_HUB_OFFLINE"] = "1"\n'},
        good={"app.py": 'import os\n\nos.environ["HF_HUB_OFFLINE"] = "1"\n\nimport huggingface_hub\n'},
        check=_variable_after_import,
        kinds=(Kind.PYTHON,),
        words=("environ", "putenv", "%env", "%set_env"),
    ),
)
