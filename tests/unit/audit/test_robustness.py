"""Whatever stands in the files, the audit ends, and soon."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_lib.audit.auditor import audit
from runbook_lib.audit.registry import RULES

NAMES = [
    "Dockerfile",
    "x.sh",
    "x.ps1",
    "x.bat",
    "x.yml",
    ".env",
    "x.py",
    "x.ipynb",
    "requirements.txt",
    "x.md",
    "x.txt",
]
NAMES += ["pyproject.toml", "uv.lock", "Pipfile.lock", "environment.yml", "x.json", "bin"]
WORDS = sorted({word for rule in RULES.values() for text in rule.bad.values() for word in text.split(" ")})
FRAGMENTS = st.lists(
    st.sampled_from(
        [*WORDS, "\n", "\\\n", "`\n", "<<EOF\n", "```sh\n", "```\n", "# runbook: ignore[", "]", "\0", "\ud7ff"]
    )
)


def audit_bytes(name: str, data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(data)
        report = audit(Path(folder))
        lines = data.count(b"\n") + data.count(b"\r") + 1
        assert all(1 <= one.line <= lines for one in report.findings)
        assert str(report)
        assert report.to_sarif()["version"] == "2.1.0"


@settings(max_examples=100, deadline=None)
@given(name=st.sampled_from(NAMES), data=st.binary(max_size=400))
def test_random_bytes_never_crash_it(name: str, data: bytes) -> None:
    audit_bytes(name, data)


@settings(max_examples=200, deadline=None)
@given(name=st.sampled_from(NAMES), words=FRAGMENTS, encoding=st.sampled_from(["utf-8", "utf-16"]))
def test_random_pieces_of_bad_examples_never_crash_it(name: str, words: list[str], encoding: str) -> None:
    audit_bytes(name, " ".join(words).encode(encoding))


HOSTILE = {
    "deep.py": "(" * 5000 + ")" * 5000,
    "sum.py": "a = " + "1+" * 20_000 + "1\n",
    "chain.py": "a" + ".b()" * 5_000,
    "null.py": "a = '\0'\n",
    "deep.json": "[" * 33_333,
    "deep.ipynb": '{"cells": ' + "[" * 33_333,
    "deep.toml": "a = " + "[" * 33_333,
    "spaces.sh": "sudo" + " " * 300_000,
    "chmods.sh": "chmod -R " * 33_333,
    "curls.sh": "curl -a " * 36_666,
    "tars.sh": "tar cp " * 40_000,
    "fetches.sh": "snapshot_download( " * 15_000,
    "hubs.sh": "cp models--" * 26_666,
    "assignments.sh": "HF_HOME='\"" * 30_000,
    "quotes.sh": "A01=\"A02='" * 30_000,
    "users.bat": "runas " * 50_000,
    "continued.sh": "pip install \\\n" * 23_333,
    "Dockerfile": "RUN <<A\n" * 40_000,
    "Dockerfile.pip": "RUN pip " + "pip uv " * 43_333,
    "Dockerfile.copy": "COPY " + "model " * 50_000,
    "deep.yml": "- " * 100_000,
    "flow.yml": "[" * 300_000,
    "laughs.yml": "a0: &a0 [x]\n" + "".join(f"a{n + 1}: &a{n + 1} [{f'*a{n},' * 9}]\n" for n in range(50)),
    "itself.yml": "&a\nservices: *a\ncontainers: &b [*a, *b]\nimage: docling\n<<: *a\n",
    "names.yml": "HF_HOME: x\n" * 20_000,
    "poem.md": "docling " + "*_[`" * 60_000,
    "quotes.md": "> " * 100_000 + "docling",
    "magics.ipynb": json.dumps({"cells": [{"cell_type": "code", "source": ["!ls docling\n"] * 2_000}]}),
    "percent.ipynb": json.dumps({"cells": [{"cell_type": "code", "source": "%" * 100_000 + " docling"}]}),
    "pylock.toml": "lock-version = '1.0'\n" + "[[packages]]\nname = 'docling'\n" * 5_000,
    "uv.lock": 'name = "docling"\nversion = "1"\n' * 10_000,
    "Dockerfile.args": "ARG A=$B\nARG B=$A$A\nFROM $A\n" + "RUN hf download $A/$B -o $A\n" * 5_000,
    "Dockerfile.stages": "FROM a AS b\n" * 20_000 + "USER app\nRUN docling-tools models download\n",
    "execs.sh": "exec " * 60_000 + "&&",
    "fences.md": "```sh\n~~~\n" * 30_000,
    "suppressions.sh": "# runbook: ignore[a,\n" * 15_000,
    "comments.sh": "# runbook: ignore[admin-launch]\nchmod 777 a #runbook: ignore[world-writable]\n" * 5_000,
    "comments.py": "# runbook: ignore[admin-launch]\na = 'ignore['\n" * 5_000,
    "requirements.txt": "docling" + "[" * 33_333 + "\n" + "docling " * 33_333 + "\n" + "a\n" * 33_333,
    "developers.md": "use developer " * 23_333,
    "tokens.txt": "hf_" * 100_000,
    "old.txt": "ds4sd--" * 40_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_done_in_seconds(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(HOSTILE[name], encoding="utf-8", newline="")
    begun = time.process_time()
    audit(tmp_path)
    assert time.process_time() - begun < 6, "a file of a few hundred kilobytes takes a second or two"


def test_two_thousand_small_files_take_seconds(tmp_path: Path) -> None:
    examples = [(name, text) for rule in RULES.values() for name, text in (*rule.bad.items(), *rule.good.items())]
    for number in range(2000):
        name, text = examples[number % len(examples)]
        folder = tmp_path / f"service{number}"
        folder.mkdir()
        (folder / name).write_text(text * 3, encoding="utf-8")
    begun = time.process_time()
    report = audit(tmp_path)
    busy_s = time.process_time() - begun
    assert len(report.files_read) == 2000
    assert busy_s < 10, "it takes about 2 s"


def test_nothing_that_is_read_is_run(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    code = f"open({str(marker)!r}, 'w')\n"
    (tmp_path / "setup.py").write_text(code, encoding="utf-8")
    (tmp_path / "conftest.py").write_text(code, encoding="utf-8")
    (tmp_path / "x.yml").write_text(f"a: !!python/object/apply:builtins.open [{str(marker)!r}, w]\n", encoding="utf-8")
    assert len(audit(tmp_path).files_read) == 3
    assert not marker.exists()


def test_importing_the_audit_loads_nothing_heavy() -> None:
    code = (
        "import sys, runbook_lib.audit.auditor\n"
        "heavy = {'huggingface_hub', 'docling', 'torch', 'transformers', 'papermill', 'IPython', 'nbformat', 'yaml'}\n"
        "sys.exit(str(sorted(heavy & set(sys.modules))) if heavy & set(sys.modules) else 0)\n"
    )
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
