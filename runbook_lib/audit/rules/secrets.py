"""Tokens in files, and connections whose other end is not checked."""

import ast
import base64
import re
from collections.abc import Iterator

from runbook_lib.audit.finding import Severity
from runbook_lib.audit.parsers.python_module import PythonModule, imported_packages, keywords_of, text_of
from runbook_lib.audit.parsers.variables import Variable
from runbook_lib.audit.repository import ParsedSource, Repository
from runbook_lib.audit.rule import Hit, Rule
from runbook_lib.audit.rules.hits import at_node, in_command
from runbook_lib.core.masking import HUB_TOKEN

_TOKEN_VARIABLES = {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_HUB_TOKEN", "HUGGINGFACEHUB_API_TOKEN"}
_PLACEHOLDER = re.compile(
    r"x{4}|your|example|change.?me|dummy|fake|test|none|null|secret|token|placeholder|todo|[<>*{}()]|\.\.\.",
    re.IGNORECASE,
)
_BASE64_OF_HF = "aGZf"
_SHORTEST_TOKEN = 8
_FEWEST_CHARACTERS = 6
"""A token made of fewer different characters is a placeholder such as hf_xxxx."""


def _token_in_file(source: ParsedSource, _: Repository) -> Iterator[Hit]:
    found: set[int] = set()
    for number, line in enumerate(source.lines, start=1):
        for token in HUB_TOKEN.finditer(line) if "hf_" in line else ():
            if len(set(token[0])) >= _FEWEST_CHARACTERS and number not in found:
                found.add(number)
                yield Hit(number, "a Hugging Face token (hf_***) is written into the file", token.start() + 1)
    for variable in source.variables if source.mentions(*_TOKEN_VARIABLES) else ():
        if variable.name in _TOKEN_VARIABLES and variable.line not in found and _is_literal(variable):
            found.add(variable.line)
            message = f"{variable.name} is given as a literal"
            yield Hit(variable.line, message, variable.column, scope=variable.scope)


def _is_literal(variable: Variable) -> bool:
    value = variable.value
    if value is None or len(value) < _SHORTEST_TOKEN or _PLACEHOLDER.search(value):
        return False
    decoded = _base64(value)
    return decoded is None or bool(HUB_TOKEN.search(decoded))


def _base64(value: str) -> str | None:
    """Return what a Kubernetes secret's base64 of a token holds; None if it is not the base64 of one or of its like."""
    if not value.startswith(_BASE64_OF_HF):
        return None
    try:
        return base64.b64decode(value, validate=True).decode("latin-1")
    except ValueError:
        return ""


_CLIENT_CALLS = {
    *("get", "post", "put", "delete", "patch", "head", "options", "request", "stream", "send", "build_request"),
    *("Client", "AsyncClient", "Session", "HTTPTransport", "AsyncHTTPTransport", "create_context", "partial"),
}
_UNVERIFIED = ("ssl._create_unverified_context", "ssl._create_default_https_context")
_EMPTIED = {"CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"}
_ZEROED = {"PYTHONHTTPSVERIFY"}
_INSECURE_COMMAND = re.compile(
    r"\bcurl\b[^|;&]{0,300}?\s(?:-[a-zA-Z]{0,6}k[a-zA-Z]{0,6}|--insecure)(?=\s|$)[^|;&]{0,300}"
    r"|\bwget\b[^|;&]{0,300}--no-check-certificate[^|;&]{0,300}"
)
_FROM_A_HUB = re.compile(r"huggingface|\bhf\.co|hf-mirror|HF_ENDPOINT|modelscope|docling|models?\b", re.IGNORECASE)
_OWN_MACHINE = re.compile(r"localhost|127\.0\.0\.1|\[::1\]|/v1/")
_NEVER_READ = "HF_HUB_DISABLE_SSL_VERIFY"
_CLIENTS = {"huggingface_hub", "transformers", "docling", "sentence_transformers"}
_SWITCHES = ("verify=False", "verify = False", "unverified_context", "CERT_NONE", "check_hostname")
_MESSAGE = "certificates are not checked"


def _tls_unverified(source: ParsedSource, _: Repository) -> Iterator[Hit]:
    for command in source.commands:
        for match in _INSECURE_COMMAND.finditer(command.text):
            if _FROM_A_HUB.search(match[0]) and not _OWN_MACHINE.search(match[0]):
                yield in_command(command, match.start(), _MESSAGE)
    for variable in source.variables if source.mentions(*_EMPTIED, *_ZEROED, _NEVER_READ) else ():
        emptied = variable.name in _EMPTIED and variable.value == ""
        if emptied or (variable.name in _ZEROED and variable.value == "0"):
            message = f"{variable.name} is set so that {_MESSAGE}"
            yield Hit(variable.line, message, variable.column, scope=variable.scope)
        elif variable.name == _NEVER_READ:
            message = f"no version of huggingface_hub reads {_NEVER_READ}; certificates are checked as before"
            yield Hit(variable.line, message, variable.column, scope=variable.scope)
    if source.names_the_subject and not source.is_test and source.mentions(*_SWITCHES) and source.python:
        yield from _unverified_in_python(source.python)


def _unverified_in_python(module: PythonModule) -> Iterator[Hit]:
    for call in module.calls:
        off = _is_false(keywords_of(call).get("verify")) and module.last_name_of(call) in _CLIENT_CALLS
        if (off or module.name_of(call.func) == _UNVERIFIED[0]) and _is_of_a_hub(module, call):
            yield at_node(module, call, _MESSAGE)
    for node in module.all_of(ast.Assign) if _imports_a_client(module) else ():
        if _switches_off(module, node) and not any(isinstance(up, ast.If) for up in module.ancestors(node)):
            yield at_node(module, node, _MESSAGE)


def _switches_off(module: PythonModule, node: ast.Assign) -> bool:
    attributes = {target.attr for target in node.targets if isinstance(target, ast.Attribute)}
    if attributes & {"verify", "check_hostname"}:
        return _is_false(node.value)
    if "verify_mode" in attributes:
        return module.name_of(node.value).endswith("CERT_NONE")
    replaced = any(module.name_of(target) == _UNVERIFIED[1] for target in node.targets)
    return replaced and module.name_of(node.value) == _UNVERIFIED[0]


def _is_of_a_hub(module: PythonModule, call: ast.Call) -> bool:
    """Tell whether a call goes to a hub by its address, or may do so as the module works with one."""
    address = text_of(call.args[0]) if call.args else None
    if address and _OWN_MACHINE.search(address):
        return False
    return bool(address and _FROM_A_HUB.search(address)) or _imports_a_client(module)


def _imports_a_client(module: PythonModule) -> bool:
    return any(_CLIENTS & set(imported_packages(one)) for one in module.imports)


def _is_false(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


RULES = (
    Rule(
        id="token-in-file",
        title="A token is written into a file",
        reason="Whoever can read the repository, its history or an image layer can use it; once it expires, "
        "even public models are refused.",
        remedy="Revoke the token. Take it from the environment, a CI secret or a build secret "
        "(RUN --mount=type=secret); the docling models need none.",
        severity=Severity.ERROR,
        quirk="stale-token-401",
        # Put together here, so that no scanner takes the example for a token that leaked.
        bad={".env": "HF_TOKEN=hf_" + "aB3dE6gH9j" * 3 + "kL5m\n"},
        good={"compose.yaml": "services:\n  app:\n    environment:\n      HF_TOKEN: ${HF_TOKEN}\n"},
        check=_token_in_file,
        words=("hf_", "HF_TOKEN", "HUGGING"),
    ),
    Rule(
        id="tls-unverified",
        title="Certificates are not checked",
        reason="Anybody on the way can then send other models; huggingface_hub >= 1.0 and Xet do not even look at "
        "these switches, so the download fails as before.",
        remedy="Join certifi's bundle and the company's root in one PEM file; set SSL_CERT_FILE and "
        "REQUESTS_CA_BUNDLE to it.",
        severity=Severity.ERROR,
        quirk="tls-interception",
        bad={"fetch.py": 'import requests\n\nrequests.get("https://huggingface.co", verify=False, timeout=10)\n'},
        good={
            "fetch.py": 'import requests\n\nrequests.get("https://huggingface.co", verify="company.pem", timeout=9)\n'
        },
        check=_tls_unverified,
        words=(
            "curl",
            "wget",
            "CA_BUNDLE",
            "SSL_CERT_FILE",
            "HTTPSVERIFY",
            _NEVER_READ,
            "verif",
            "CERT_NONE",
            "hostname",
        ),
    ),
)
