"""Every rule: its words, its examples, and what else it must and must not find."""

import ast
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from runbook_lib.audit.auditor import audit
from runbook_lib.audit.registry import RULES
from runbook_lib.audit.report import AuditReport
from runbook_lib.audit.rule import RuleWords
from runbook_lib.audit.sources.kinds import Kind, kind_of_name
from runbook_lib.quirks.catalogue import load_catalogue

Audit = Callable[[Mapping[str, str]], AuditReport]


WITHOUT_A_QUIRK = {"unused-suppression", "unpinned-remote-code", "exec-then-more"}


def rules_found(report: AuditReport) -> set[str]:
    return {one.rule_id for one in report.findings}


def places(report: AuditReport, rule_id: str) -> list[tuple[str, int]]:
    return [(one.path, one.line) for one in report.findings if one.rule_id == rule_id]


@pytest.mark.parametrize("rule_id", RULES)
def test_the_bad_example_fires_its_rule_and_no_other(rule_id: str, audit_tree: Audit) -> None:
    assert rules_found(audit_tree(RULES[rule_id].bad)) == {rule_id}


@pytest.mark.parametrize("rule_id", RULES)
def test_the_good_example_fires_no_rule(rule_id: str, audit_tree: Audit) -> None:
    report = audit_tree(RULES[rule_id].good)
    assert report.findings == ()
    assert report.files_read


@pytest.mark.parametrize("rule_id", RULES)
def test_a_rule_says_what_why_and_what_to_do_in_ascii(rule_id: str) -> None:
    rule = RULES[rule_id]
    assert rule.id == rule_id
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", rule_id)
    for words in (rule.title, rule.reason, rule.remedy):
        assert words
        assert words.isascii()
        assert "!" not in words
    assert re.fullmatch(r"[a-z0-9-]+", rule.quirk) or rule_id in WITHOUT_A_QUIRK


def test_every_quirk_that_a_rule_names_is_in_the_catalogue() -> None:
    known = {quirk.id for quirk in load_catalogue()}
    assert {rule.quirk for rule in RULES.values() if rule.quirk} - known == set()


def test_python_examples_are_python() -> None:
    examples = [files for rule in RULES.values() for files in (rule.bad, rule.good)]
    sources = [text for files in examples for name, text in files.items() if name.endswith(".py")]
    assert len(sources) >= 10
    for text in sources:
        ast.parse(text)


@pytest.mark.parametrize("rule_id", RULES)
def test_a_rule_looks_at_the_files_of_its_bad_example(rule_id: str) -> None:
    rule = RULES[rule_id]
    words = RuleWords([rule])
    looked_at = [rule.looks_at(kind_of(name), words.in_text(text)) for name, text in rule.bad.items()]
    assert any(looked_at) or rule_id == "unused-suppression"


def kind_of(name: str) -> Kind:
    kind = kind_of_name(name)
    assert kind is not None
    return kind


def test_every_rule_named_in_the_issue_exists() -> None:
    assert set(RULES) == {
        "models-not-loaded-at-boot",
        *("admin-launch", "container-root", "world-writable", "developer-mode"),
        *("warning-variable-only", "hub-constant-patched", "variable-after-import"),
        *("resume-download", "ignored-argument", "removed-name", "old-command", "unread-variable"),
        *("swallowed-download-error", "open-revision", "old-repository-name"),
        *("locks-switched-off", "own-symlink", "unpinned-remote-code", "pinned-commit-offline"),
        *("exec-then-more", "backup-skips-cache"),
        *("converter-argument", "download-in-handler", "no-preload"),
        *("no-prefetch-layer", "prefetch-after-offline", "snapshots-without-blobs"),
        *("prefetch-unused", "artifacts-path-level", "artifacts-in-hub-cache", "variable-of-docling-serve"),
        *("docling-pair", "moved-downloader"),
        *("fetched-by-root", "cache-copied-without-chown", "random-user"),
        *("empty-volume", "artifacts-not-mounted", "read-only-root"),
        *("open-version", "symlink-race-version", "torch-pair", "rapidocr-package", "opencv-in-slim"),
        *("token-in-file", "tls-unverified", "unused-suppression"),
    }


BAD: list[tuple[str, Mapping[str, str]]] = [
    ("admin-launch", {"start.ps1": "Start-Process uvicorn `\n  -ArgumentList 'app.main:app' `\n  -Verb RunAs\n"}),
    ("admin-launch", {"start.ps1": "#Requires -RunAsAdministrator\nuvicorn app.main:app\n"}),
    ("admin-launch", {"start.sh": "sudo -E /opt/venv/bin/uvicorn app.main:app\n"}),
    ("admin-launch", {"Makefile": "run:\n\tsudo HF_HOME=/models uvicorn app.main:app\n"}),
    ("admin-launch", {"run.py": 'import subprocess\n\nsubprocess.run(["sudo", "uvicorn", "app.main:app"])\n'}),
    ("admin-launch", {"run.py": 'import os\n\nos.system("runas /user:Administrator cmd")\n'}),
    (
        "admin-launch",
        {"run.py": 'import ctypes\n\nctypes.windll.shell32.ShellExecuteW(None, "runas", "python", "", None, 1)\n'},
    ),
    ("admin-launch", {".github/workflows/ci.yml": "jobs:\n  a:\n    steps:\n      - run: sudo docling x.pdf\n"}),
    ("container-root", {"Dockerfile": 'FROM a AS x\nUSER app\nFROM b\nUSER app\nuser 0:0\nCMD ["uvicorn", "x"]\n'}),
    ("container-root", {"compose.yaml": 'services:\n  app:\n    image: docling-serve\n    user: "0:0"\n'}),
    ("world-writable", {"Dockerfile": "FROM a\nRUN mkdir /models && \\\n    chmod -R a+rwx /models\n"}),
    ("world-writable", {"Dockerfile": "FROM a\nCOPY --chmod=777 models /models\n"}),
    ("world-writable", {"x.py": 'import os\nimport huggingface_hub\n\nos.chmod("/models", 0o777)\n'}),
    ("world-writable", {"x.bat": "icacls C:\\models /grant Everyone:(OI)(CI)F /T\n"}),
    ("developer-mode", {"README.md": "# Setup\n\nOn Windows, enable Developer Mode first.\n"}),
    (
        "developer-mode",
        {"x.ps1": "Set-ItemProperty -Path HKLM:\\x `\n  -Name AllowDevelopmentWithoutDevLicense -Value 1\n"},
    ),
    ("developer-mode", {"x.reg": '[HKEY_LOCAL_MACHINE\\x]\n"AllowDevelopmentWithoutDevLicense"=dword:00000001\n'}),
    ("warning-variable-only", {"Dockerfile": "FROM a\nENV HF_HUB_DISABLE_SYMLINKS_WARNING=1\n"}),
    (
        "warning-variable-only",
        {"x.py": 'import os\n\nos.environ.setdefault("HF_HUB_DISABLE_SYMLINKS_WARNING", "1")\n'},
    ),
    (
        "warning-variable-only",
        {"x.ps1": "$env:HF_HUB_DISABLE_SYMLINKS_WARNING = '1'\n$env:HF_HUB_DISABLE_SYMLINKS = '0'\n"},
    ),
    (
        "hub-constant-patched",
        {"x.py": "import huggingface_hub as h\n\nh.constants.HF_HUB_DISABLE_SYMLINKS = True\n"},
    ),
    (
        "hub-constant-patched",
        {"x.py": 'from huggingface_hub import constants\n\nsetattr(constants, "HF_HUB_DISABLE_SYMLINKS", True)\n'},
    ),
    (
        "variable-after-import",
        {"x.py": "import os\nimport transformers\n\n\ndef f():\n    os.environ.update(HF_HOME='/m')\n"},
    ),
    (
        "variable-after-import",
        {"x.py": "import os\n\n\ndef f():\n    import docling\n    os.environ['HF_HOME'] = '/m'\n"},
    ),
    (
        "swallowed-download-error",
        {"x.py": "try:\n    hf_hub_download(*a, **k)\nexcept:\n    print('no')\n    pass\n"},
    ),
    (
        "swallowed-download-error",
        {"x.py": "try:\n    model.download()\nexcept (OSError, ValueError) as e:\n    self.logger.warning(e)\n"},
    ),
    (
        "swallowed-download-error",
        {"x.py": "import contextlib\n\nwith contextlib.suppress(Exception):\n    m.download_models()\n"},
    ),
    ("swallowed-download-error", {"x.sh": "docling-tools models download \\\n  -o /models || true\n"}),
    ("resume-download", {"x.sh": "hf download a/b --revision main --resume-download\n"}),
    ("open-revision", {"x.py": 'import huggingface_hub\n\nhuggingface_hub.snapshot_download("a/b")\n'}),
    ("open-revision", {"x.py": 'from huggingface_hub import snapshot_download as get\n\nget("a/b")\n'}),
    ("open-revision", {"Dockerfile": "FROM a\nRUN python -c \"snapshot_download('a/b')\"\n"}),
    ("old-repository-name", {"ci.yml": "env:\n  MODEL: ds4sd/docling-models\n"}),
    ("converter-argument", {"x.py": 'DocumentConverter(artifacts_path="/m")\n'}),
    (
        "download-in-handler",
        {"x.py": '@bp.route("/x")\nasync def x():\n    await f(lambda: hf_hub_download("a/b", "c", revision="d"))\n'},
    ),
    (
        "download-in-handler",
        {"x.py": 'def x(request):\n    return DocumentConverter()\n\n\nroutes = [Route("/x", endpoint=x)]\n'},
    ),
    (
        "no-preload",
        {
            "app/main.py": "import fastapi\n",
            "app/adapter.py": "from docling.document_converter import DocumentConverter as C\n\n\n"
            "class Adapter:\n    def __init__(self):\n        self.converter = C()\n",
        },
    ),
    (
        "no-prefetch-layer",
        {"requirements.txt": "docling==2.143.0\n", "Dockerfile": "FROM a\nRUN pip install \\\n -r requirements.txt\n"},
    ),
    (
        "prefetch-after-offline",
        {"Dockerfile": "FROM a AS base\nENV HF_HUB_OFFLINE 1\nFROM base\nRUN hf download a/b --revision c\n"},
    ),
    (
        "snapshots-without-blobs",
        {"Dockerfile": "FROM a\nCOPY cache/huggingface/hub/models--a--b/snapshots/ /models/\n"},
    ),
    ("snapshots-without-blobs", {"x.bat": "robocopy C:\\hub\\models--a--b\\snapshots D:\\m /E\n"}),
    ("open-version", {"pyproject.toml": '[project]\nname = "x"\ndependencies = ["docling"]\n'}),
    ("open-version", {"x.sh": "pip install -U 'docling[vlm]>=2' httpx\n"}),
    ("open-version", {"environment.yml": "dependencies:\n  - python=3.11\n  - pip:\n    - docling\n"}),
    (
        "tls-unverified",
        {"x.py": "import docling\nimport ssl\n\nssl._create_default_https_context = ssl._create_unverified_context\n"},
    ),
    ("tls-unverified", {"x.py": "import httpx\nimport huggingface_hub\n\nclient = httpx.Client(verify=False)\n"}),
    ("tls-unverified", {"x.py": "import huggingface_hub\n\nsession.verify = False\n"}),
    ("tls-unverified", {"x.sh": 'export CURL_CA_BUNDLE=""\n'}),
    ("tls-unverified", {"x.sh": "curl -sSLk https://huggingface.co\n"}),
    ("open-version", {"requirements.txt": "docling-slim[standard]\n"}),
    ("open-version", {"requirements.txt": "docling-slim>=2.100\ndocling-core==2.90.0\n"}),
    ("docling-pair", {"pyproject.toml": '[project]\ndependencies = ["docling==2.143", "docling-slim[a]==2.142.1"]\n'}),
    (
        "docling-pair",
        {"Dockerfile": "FROM a\nRUN pip install docling_slim==2.120 docling==2.143\nENV DOCLING_ARTIFACTS_PATH=/m\n"},
    ),
    (
        "moved-downloader",
        {
            "Containerfile": "FROM a\nRUN python -c 'from docling.pipeline.standard_pdf_pipeline import "
            "StandardPdfPipeline; StandardPdfPipeline.download_models_hf(force=True)'\n"
        },
    ),
    (
        "moved-downloader",
        {
            "x.py": "import docling.pipeline.standard_pdf_pipeline as pipeline\n\n"
            "path = pipeline.StandardPdfPipeline.download_models_hf()\n"
        },
    ),
    ("artifacts-in-hub-cache", {"x.sh": "export DOCLING_ARTIFACTS_PATH=$HF_HOME\nuvicorn x:app\n"}),
    ("artifacts-in-hub-cache", {"x.sh": 'docling --artifacts-path "${HF_HUB_CACHE}" x.pdf\n'}),
    ("artifacts-in-hub-cache", {"x.bat": "set DOCLING_ARTIFACTS_PATH=%HF_HOME%\n"}),
    ("artifacts-in-hub-cache", {"x.ps1": "$env:DOCLING_ARTIFACTS_PATH = $env:HF_HOME\n"}),
    (
        "artifacts-in-hub-cache",
        {
            "x.py": "import os\nfrom pathlib import Path\n\nfrom docling.datamodel.pipeline_options import "
            'PdfPipelineOptions as O\n\nO(artifacts_path=Path(os.environ["HF_HOME"]))\n'
        },
    ),
    (
        "artifacts-in-hub-cache",
        {
            "compose.yaml": "services:\n  a:\n    image: docling\n    environment:\n      HF_HOME: /models/\n"
            "      DOCLING_ARTIFACTS_PATH: /models\n"
        },
    ),
    ("token-in-file", {"Dockerfile": "FROM a\nARG X\nENV HF_TOKEN=s3cr3tvalue99\n"}),
    ("token-in-file", {"x.py": 'login("hf_' + "Zy9Xw8Vu7T" * 3 + 'sR6q")\n'}),
]


@pytest.mark.parametrize(("rule_id", "files"), BAD, ids=[f"{rule}-{i}" for i, (rule, _) in enumerate(BAD)])
def test_a_rule_finds_other_forms_of_the_fault(rule_id: str, files: Mapping[str, str], audit_tree: Audit) -> None:
    assert rules_found(audit_tree(files)) == {rule_id}


GOOD: list[Mapping[str, str]] = [
    {"start.sh": "# never: runas /user:Administrator\nsudo -u app uvicorn app.main:app\nsudo apt-get install wine\n"},
    {"start.bat": "REM runas /user:Administrator\nrunas /user:service uvicorn\n"},
    {"Dockerfile": "FROM a AS build\nUSER root\nFROM b\nUSER root\nRUN x\nUSER 1000\n"},
    {"x.sh": "chmod 755 /m\nchmod 0700 /m\nchmod u+rwx /m\n"},
    {"README.md": "Do not enable Developer Mode.\n\nIt works without Developer Mode.\n"},
    {"probe.py": 'import winreg\n\nwinreg.QueryValueEx(key, "AllowDevelopmentWithoutDevLicense")\n'},
    {"requirements.txt": "huggingface_hub==1.33.0\n", ".env": "HF_HUB_DISABLE_SYMLINKS_WARNING=1\n"},
    {"x.py": "import os\n\nimport docling\n\nos.environ['HF_TOKEN'] = token()\nos.environ['OTHER'] = '1'\n"},
    {
        "x.py": "import os\nfrom typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    import docling\n\n"
        "os.environ['HF_HOME'] = '/m'\n"
    },
    {"x.py": "import os\n\n\ndef f():\n    import docling\n\n\nos.environ['HF_HOME'] = '/m'\n"},
    {"x.py": "try:\n    m.download()\nexcept OSError as e:\n    log.error(e)\n    raise\n"},
    {"x.py": "try:\n    m.download()\nexcept KeyError:\n    pass\n"},
    {"x.py": "try:\n    m.close()\nexcept Exception:\n    pass\n"},
    {"x.py": "snapshot_download('a/b', **options)\n"},
    {"x.sh": "docker pull quay.io/ds4sd/docling-serve\ngit clone https://github.com/ds4sd/docling\n"},
    {"x.py": '"""Formerly ds4sd/docling-models."""\n'},
    {"x.py": 'config = settings.get("/x", verify=True)\njwt.decode(token, verify=False)\n'},
    {"x.py": '@pytest.fixture(scope="x")\ndef f():\n    return DocumentConverter()\n'},
    {"app/main.py": "import fastapi\n", "tests/test_x.py": "DocumentConverter()\n"},
    {
        "app/main.py": "import fastapi\n",
        "app/a.py": "c = DocumentConverter()\n\n\ndef warm_up():\n    c.convert('x.pdf')\n",
    },
    {"Dockerfile": "FROM a\nRUN pip install docling==2.143.0\nCOPY --from=models /models /models\n"},
    {"Dockerfile": "FROM a\nRUN pip install docling==2.143.0\nENV DOCLING_ARTIFACTS_PATH=/mnt\n"},
    {"Dockerfile": "FROM a\nRUN pip install requests==2.32.0\n"},
    {
        "Dockerfile": "FROM a\nENV HF_HUB_OFFLINE=1\nRUN HF_HUB_OFFLINE=0 hf download a/b --revision c\n",
    },
    {"Dockerfile": "FROM a AS x\nENV HF_HUB_OFFLINE=1\nFROM b\nRUN hf download a/b --revision c\n"},
    {"x.sh": "cp -a ~/.cache/huggingface/hub /srv\ncp -a /var/lib/zfs/snapshots /backup\n"},
    {
        "pyproject.toml": '[project]\ndependencies = ["docling"]\n',
        "uv.lock": '[[package]]\nname="docling"\nversion="2.143.0"\n',
    },
    {"requirements.txt": "docling\n", "constraints.txt": "docling==2.143.0  # pinned\n"},
    {"x.sh": "pip install -c constraints.txt docling\npip install -r requirements.txt\n"},
    {"environment.yml": "dependencies:\n  - docling=2.143\n"},
    {"compose.yaml": "environment:\n  - HF_TOKEN=${HF_TOKEN}\n  - HF_TOKEN=your-token-here\n"},
    {"ci.yml": "env:\n  HF_TOKEN: ${{ secrets.HF_TOKEN }}\n"},
    {"README.md": "Set `HF_TOKEN=hf_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx`.\n"},
    {"x.sh": "curl -fsSL https://huggingface.co\nwget -k https://example.org\n"},
    {"requirements.txt": "docling==2.143.0\ndocling-slim\ndocling-core\n"},
    {"requirements.txt": "docling\ndocling-slim==2.143.0\n"},
    {"requirements.txt": "docling==2.90.0\ndocling-slim==2.92.0\n"},
    {"a/requirements.txt": "docling==2.143.0\n", "b/requirements.txt": "docling-slim==2.140.0\n"},
    {
        "requirements.txt": "docling==2.15.0\n",
        "x.py": "from docling.pipeline.standard_pdf_pipeline import StandardPdfPipeline\n\n"
        "StandardPdfPipeline.download_models_hf()\n",
    },
    {
        "x.py": "from docling.pipeline.standard_pdf_pipeline import StandardPdfPipeline as Pipeline\n\ntry:\n"
        "    path = Pipeline.download_models_hf()\nexcept AttributeError:\n    path = None\n"
    },
    {
        "x.py": "from docling.pipeline.legacy_standard_pdf_pipeline import LegacyStandardPdfPipeline\n\n"
        "LegacyStandardPdfPipeline.download_models_hf()\n"
    },
    {".env": "HF_HOME=/models/hf\nDOCLING_ARTIFACTS_PATH=/models\n"},
    {"x.sh": "export HF_HOME=/m DOCLING_ARTIFACTS_PATH=/m\ndocling-tools models download -o /m\n"},
    {"x.sh": "export DOCLING_ARTIFACTS_PATH=$HF_HOME/docling\n"},
    {
        "compose.yaml": "services:\n  a:\n    image: docling\n    environment: [HF_HOME=/models]\n"
        "  b:\n    image: docling\n    environment: [DOCLING_ARTIFACTS_PATH=/models]\n"
    },
]


@pytest.mark.parametrize("files", GOOD, ids=[str(i) for i in range(len(GOOD))])
def test_what_is_right_is_left_alone(files: Mapping[str, str], audit_tree: Audit) -> None:
    report = audit_tree(files)
    assert [(one.rule_id, one.path, one.line, one.message) for one in report.findings] == []
    assert len(report.files_read) == len(files)


def test_a_finding_in_a_continued_line_names_the_line_and_column(audit_tree: Audit) -> None:
    report = audit_tree(
        {"Dockerfile": "FROM a\nRUN mkdir /m && \\\n    # a comment\n    chmod -R 777 /models\nUSER app\n"}
    )
    [finding] = report.findings
    assert (finding.path, finding.line, finding.column) == ("Dockerfile", 4, 5)


def test_the_constant_is_a_lesser_fault_where_huggingface_hub_reads_it(audit_tree: Audit) -> None:
    module = {"x.py": "from huggingface_hub import constants\n\nconstants.HF_HUB_DISABLE_SYMLINKS = True\n"}
    severities = {}
    for requirement in ("huggingface_hub==1.8.0", "huggingface_hub<1.9", "huggingface_hub>=1.9,<2", "httpx"):
        [finding] = audit_tree({**module, "requirements.txt": f"{requirement}\n"}).findings
        severities[requirement] = (finding.severity.value, finding.line)
    assert severities == {
        "huggingface_hub==1.8.0": ("error", 3),
        "huggingface_hub<1.9": ("error", 3),
        "huggingface_hub>=1.9,<2": ("warning", 3),
        "httpx": ("error", 3),
    }


def test_what_is_gone_since_1_0_is_no_finding_while_an_older_release_is_pinned(audit_tree: Audit) -> None:
    files = {
        "x.py": 'hf_hub_download("a/b", "c", revision="d", resume_download=True, proxies=p)\n',
        "x.sh": "huggingface-cli download a/b --revision main\n",
        ".env": "HF_HUB_ENABLE_HF_TRANSFER=1\nTRANSFORMERS_CACHE=/m\n",
        "old.py": "from huggingface_hub import Repository\n",
    }
    pins = "huggingface_hub<1.0,>=0.26\ntransformers==4.57.0\n"
    assert rules_found(audit_tree({**files, "requirements.txt": pins})) == set()
    assert rules_found(audit_tree({**files, "requirements.txt": "huggingface_hub==1.33.0\n"})) == {
        *("resume-download", "ignored-argument", "old-command", "unread-variable", "removed-name")
    }


def test_an_option_that_the_command_refuses_is_worse_than_an_argument_that_is_ignored(audit_tree: Audit) -> None:
    report = audit_tree(
        {
            "ci.yml": "steps:\n  - run: hf download a/b --revision main --resume-download\n",
            "x.py": 'hf_hub_download("a/b", "c", revision="d", resume_download=True)\n',
        }
    )
    found = {one.path: (one.rule_id, one.severity.value) for one in report.findings}
    assert found == {"ci.yml": ("resume-download", "error"), "x.py": ("resume-download", "warning")}


def test_only_the_selected_rules_are_applied(tmp_path: Path) -> None:
    (tmp_path / "x.sh").write_text("sudo uvicorn a\nchmod 777 models\n", encoding="utf-8")
    assert places(audit(tmp_path, select=["world-writable"]), "world-writable") == [("x.sh", 2)]
    assert rules_found(audit(tmp_path, select=["world-writable"])) == {"world-writable"}


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("Dockerfile", "FROM quay.io/docling-project/docling-serve:1.38.2\nENV {}=0\n", 2),
        ("start.sh", "export {}=False\ndocling-serve run\n", 1),
        ("compose.yaml", "services:\n  d:\n    image: docling-serve:1\n    environment:\n      {}: 'no'\n", 5),
        (
            "pod.yaml",
            "kind: Pod\nspec:\n  containers:\n  - image: a\n    env:\n    - name: {}\n      value: 'false'\n",
            6,
        ),
    ],
)
def test_loading_at_boot_is_found_off_wherever_it_is_set(name: str, text: str, line: int, audit_tree: Audit) -> None:
    found = places(audit_tree({name: text.format("DOCLING_SERVE_LOAD_MODELS_AT_BOOT")}), "models-not-loaded-at-boot")
    assert found == [(name, line)]
