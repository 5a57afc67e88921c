"""What a service's own code does to files and models that the libraries would do better or safer."""

import ast
import re
from collections.abc import Iterator

from runbook_lib.audit.finding import Severity
from runbook_lib.audit.parsers.python_module import PythonModule, keywords_of, text_of
from runbook_lib.audit.repository import HUB, ParsedSource, Repository
from runbook_lib.audit.rule import Hit, Rule
from runbook_lib.audit.rules.hits import at_node, in_command
from runbook_lib.audit.sources.kinds import Kind

_LOCKS = {"FileLock", "WeakFileLock", "SoftFileLock", "UnixFileLock"}
_LOCK_HOLDERS = ("huggingface_hub", "filelock")


def _locks_off(source: ParsedSource, _: Repository) -> Iterator[Hit]:
    module = source.python
    if module is None or source.is_test:
        return
    for node in module.all_of(ast.Assign):
        for target in node.targets:
            name = module.name_of(target)
            if isinstance(target, ast.Attribute) and target.attr in _LOCKS and name.startswith(_LOCK_HOLDERS):
                yield at_node(module, node, f"{name} is replaced: downloads of several processes are not kept apart")


_LINKS = {"symlink", "symlink_to"}
_OF_MODELS = re.compile(r"model|cache|hub|artifact|snapshot|weight|docling", re.IGNORECASE)


def _own_link(source: ParsedSource, repository: Repository) -> Iterator[Hit]:
    module = source.python if source.is_application_code and repository.runs_on_windows else None
    for call in module.calls if module else ():
        if module and _links_models(module, call) and not _catches(module, call):
            yield at_node(module, call, "makes a symbolic link itself: WinError 1314 for a user without that right")


def _links_models(module: PythonModule, call: ast.Call) -> bool:
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in _LINKS:
        return False
    is_link = call.func.attr == "symlink_to" or module.name_of(call.func) == "os.symlink"
    return is_link and bool(_OF_MODELS.search(ast.unparse(call)))


def _catches(module: PythonModule, call: ast.Call) -> bool:
    return any(isinstance(up, ast.Try) and up.handlers for up in module.ancestors(call))


_LOADERS = {"from_pretrained", "pipeline", "SentenceTransformer", "CrossEncoder", "load_dataset"}
_COMMIT = re.compile(r"[0-9a-f]{40}")
_REPO = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[\w.-]{1,96}")


def _remote_code(source: ParsedSource, _: Repository) -> Iterator[Hit]:
    module = None if source.is_test else source.python
    for call in module.calls_of(*_LOADERS) if module else ():
        if module and _runs_any_code(module, call):
            yield at_node(module, call, "trust_remote_code=True runs whatever code the newest revision holds")


def _runs_any_code(module: PythonModule, call: ast.Call) -> bool:
    given = keywords_of(call)
    trusted = given.get("trust_remote_code")
    if not (isinstance(trusted, ast.Constant) and trusted.value is True) or "" in given:
        return False
    named = call.args[0] if call.args else given.get("model") or given.get("pretrained_model_name_or_path")
    revision = given.get("code_revision") or given.get("revision")
    is_open = revision is None or bool((text := text_of(revision)) is not None and not _COMMIT.fullmatch(text))
    return is_open and bool(_REPO.fullmatch(module.constant_text(named) or ""))


_FETCHES = {"snapshot_download", "hf_hub_download"}
_BROKEN_SINCE, _MENDED = "1.26.0", "2.2"


def _pinned_offline(source: ParsedSource, repository: Repository) -> Iterator[Hit]:
    module = source.python if source.is_application_code and repository.is_offline else None
    if repository.is_before(HUB, _BROKEN_SINCE) or repository.is_from(HUB, _MENDED):
        return
    for call in module.calls_of("snapshot_download") if module else ():
        given = keywords_of(call)
        commit = module.constant_text(given.get("revision")) if module else None
        if module and not {"local_files_only", ""} & set(given) and _COMMIT.fullmatch(commit or ""):
            yield at_node(module, call, "a commit is asked for offline, without local_files_only=True")


_EXEC_THEN = re.compile(
    r"(?:^|&&|\|\||;|-c\s+[\"']?|\bthen|\bdo|[\[\"',])\s*[\"']?exec\s+(?![\d<>&{])[^;|&\n]{1,300}&&"
)


def _exec_then(source: ParsedSource, _: Repository) -> Iterator[Hit]:
    for command in source.commands if source.mentions("&&") else ():
        for match in _EXEC_THEN.finditer(command.text):
            offset = match.start() + match[0].index("exec")
            yield in_command(command, offset, "exec replaces the shell: what follows && never runs")


_SKIPS_CACHES = re.compile(r"--exclude-caches(?:-all|-under)?\b|--exclude-if-present[ =]CACHEDIR\.TAG")
_HUB_FOLDER = re.compile(r"hugging|\bhf[_-]|HF_HOME|HF_HUB_CACHE|models?\b|\.cache", re.IGNORECASE)


def _backup_skips(source: ParsedSource, _: Repository) -> Iterator[Hit]:
    for command in source.commands:
        for match in _SKIPS_CACHES.finditer(command.text):
            if _HUB_FOLDER.search(command.text):
                yield in_command(
                    command, match.start(), "leaves the model cache out: huggingface_hub marks it as a cache"
                )


RULES = (
    Rule(
        id="locks-switched-off",
        title="The locks of huggingface_hub are switched off",
        reason="Two processes then write one file at the same time, and a damaged model is the result. Since "
        "huggingface_hub 0.23 file_download.FileLock is read by nothing at all.",
        remedy="Leave the locks. On a network drive without locking put the cache on a local disk (HF_HOME), or "
        "download in one process and run the others with HF_HUB_OFFLINE=1.",
        severity=Severity.ERROR,
        quirk="lock-network-fs",
        bad={
            "patch.py": "import contextlib\n\nimport huggingface_hub.file_download\n\n"
            "huggingface_hub.file_download.FileLock = contextlib.nullcontext\n"
        },
        good={"start.sh": "export HF_HOME=/var/lib/app/huggingface\nexec uvicorn app.main:app\n"},
        check=_locks_off,
        kinds=(Kind.PYTHON,),
        words=tuple(_LOCKS),
    ),
    Rule(
        id="own-symlink",
        title="The service's code links models itself, and runs on Windows",
        reason="Making a symbolic link needs a right that users on Windows do not have.",
        remedy="Make a hard link (os.link) or a copy where OSError says no; or let huggingface_hub fill local_dir.",
        severity=Severity.WARNING,
        quirk="quirk-001",
        bad={
            "models.py": "from pathlib import Path\n\nPath('models/docling').symlink_to('/srv/models')\n",
            "start.bat": "uvicorn app.main:app\n",
        },
        good={
            "models.py": "from pathlib import Path\n\ntry:\n    Path('models/docling').symlink_to('/srv/models')\n"
            "except OSError:\n    copy()\n",
            "start.bat": "uvicorn app.main:app\n",
        },
        check=_own_link,
        kinds=(Kind.PYTHON,),
        words=("symlink",),
    ),
    Rule(
        id="unpinned-remote-code",
        title="Code from the Hub is run, of whatever revision is newest",
        reason="Whoever can change that repository runs code in this service. docling 2.143 warns of it, and refuses "
        "it with DOCLING_SECURITY_REFUSE_UNPINNED_REMOTE_CODE=1.",
        remedy="Pass revision= with the full commit of a version that was read; or drop trust_remote_code, which many "
        "models no longer need.",
        severity=Severity.WARNING,
        quirk="",
        bad={
            "model.py": "from transformers import AutoModel\n\n"
            'AutoModel.from_pretrained("org/model", trust_remote_code=True)\n'
        },
        good={
            "model.py": "from transformers import AutoModel\n\n"
            f'AutoModel.from_pretrained("org/model", trust_remote_code=True, revision="{"0a1b" * 10}")\n'
        },
        check=_remote_code,
        kinds=(Kind.PYTHON,),
        words=("trust_remote_code=True", "trust_remote_code = True"),
    ),
    Rule(
        id="pinned-commit-offline",
        title="A commit is downloaded offline without local_files_only",
        reason="With huggingface_hub 1.26 to 2.1, snapshot_download of a full commit asks the Hub although every file "
        "is in the cache, unless the cache holds the list of that commit (trees/COMMIT.json).",
        remedy="Pass local_files_only=True; or ask by branch or tag; or require huggingface_hub >= 2.2.",
        severity=Severity.NOTE,
        quirk="offline-cache-miss",
        bad={
            "fetch.py": "from huggingface_hub import snapshot_download\n\n"
            f'snapshot_download("org/model", revision="{"0a1b" * 10}")\n',
            ".env": "HF_HUB_OFFLINE=1\n",
        },
        good={
            "fetch.py": "from huggingface_hub import snapshot_download\n\n"
            f'snapshot_download("org/model", revision="{"0a1b" * 10}", local_files_only=True)\n',
            ".env": "HF_HUB_OFFLINE=1\n",
        },
        check=_pinned_offline,
        kinds=(Kind.PYTHON,),
        words=("snapshot_download",),
    ),
    Rule(
        id="exec-then-more",
        title="A command follows exec in the same list",
        reason="exec replaces the shell by the first program; when that ends, so does the container, and the service "
        "is never started.",
        remedy="Only the last command gets an exec: docling-tools models download && exec docling-serve run.",
        severity=Severity.ERROR,
        quirk="",
        bad={"start.sh": "exec docling-tools models download -o /models && exec docling-serve run\n"},
        good={"start.sh": "docling-tools models download -o /models && exec docling-serve run\n"},
        check=_exec_then,
        words=("exec",),
    ),
    Rule(
        id="backup-skips-cache",
        title="A backup leaves the models out",
        reason="huggingface_hub puts a CACHEDIR.TAG into its cache, and tools that are told to skip caches obey it: "
        "the restored machine has no models.",
        remedy="Back up the models with a command of their own, without --exclude-caches.",
        severity=Severity.WARNING,
        quirk="cache-copied-dangling",
        bad={"backup.sh": "tar --exclude-caches -cf /backup/models.tar /srv/huggingface\n"},
        good={"backup.sh": "tar -cf /backup/models.tar /srv/huggingface\n"},
        check=_backup_skips,
        words=("--exclude-caches", "CACHEDIR.TAG"),
    ),
)
