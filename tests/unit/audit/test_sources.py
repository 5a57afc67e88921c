"""Which files are read, in which encoding, and where their lines are."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from runbook_lib.audit.auditor import audit
from runbook_lib.audit.report import AuditReport
from runbook_lib.errors import UsageError

Audit = Callable[[Mapping[str, str]], AuditReport]
CHMOD = "chmod 777 /models\n"


def skipped(report: AuditReport) -> dict[str, str]:
    return {one.path: one.reason for one in report.files_skipped}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_scripts_are_read_in_every_encoding_windows_writes(encoding: str, tmp_path: Path) -> None:
    text = "Write-Host 'Gr\u00fc\u00dfe'\r\nStart-Process uvicorn -Verb RunAs\r\n"
    (tmp_path / "start.ps1").write_bytes(text.encode(encoding))
    [finding] = audit(tmp_path).findings
    assert (finding.rule_id, finding.line) == ("admin-launch", 2)


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"a\0b\0\0\0\xffchmod 777 /models", "binary"), (b"chmod 777 \x81\x8d\n", "neither UTF-8, UTF-16 nor cp1252")],
)
def test_what_is_no_text_is_skipped_with_a_reason(data: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "x.sh").write_bytes(data)
    report = audit(tmp_path)
    assert report.findings == ()
    assert skipped(report) == {"x.sh": reason}
    assert report.files_read == ()


def test_folders_of_other_peoples_code_are_skipped_with_a_reason(audit_tree: Audit) -> None:
    files = [".git/hooks/x.sh", "node_modules/a/x.sh", "my_env/pyvenv.cfg", "my_env/bin/x.sh", "src/x.sh"]
    report = audit_tree(dict.fromkeys(files, CHMOD))
    assert [one.path for one in report.findings] == ["src/x.sh"]
    assert skipped(report) == {
        ".git": "version control",
        "my_env": "a virtual environment",
        "node_modules": "installed packages",
    }


def test_a_file_that_is_too_large_is_skipped(audit_tree: Audit) -> None:
    report = audit_tree({"x.sh": CHMOD + "#" * 1_000_000})
    assert skipped(report) == {"x.sh": "1000018 bytes, more than the 1000000 that are read"}


@pytest.mark.skipif(os.name == "nt", reason="needs the right to make symbolic links")
def test_links_are_not_followed(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    for folder in (root, outside):
        folder.mkdir()
        (folder / "x.sh").write_text(CHMOD, encoding="utf-8")
    (root / "away").symlink_to(outside)
    (root / "away.sh").symlink_to(outside / "x.sh")
    (root / "circle").symlink_to(root / "circle")
    (root / "up").symlink_to(root)
    (root / "same.sh").symlink_to("x.sh")
    report = audit(root)
    assert [one.path for one in report.findings] == ["x.sh"]
    assert skipped(report) == {
        "away": "a link that leaves the audited folder",
        "away.sh": "a link that leaves the audited folder",
        "circle": "a link that leads nowhere or in a circle",
        "same.sh": "a link; its target is read under its own name",
        "up": "a link; its target is read under its own name",
    }


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.sh")
    assert skipped(audit(tmp_path)) == {"x.sh": "not a regular file"}


@pytest.mark.skipif(os.name == "nt", reason="Windows names are Unicode")
def test_a_name_that_is_not_unicode_survives_json_and_sarif(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.sh")).write_text(CHMOD, encoding="utf-8")
    report = audit(tmp_path)
    assert [one.path for one in report.findings] == ["\\udcff.sh"]
    assert "udcff.sh" in report.model_dump_json()
    assert "udcff.sh" in json.dumps(report.to_sarif())


@pytest.mark.skipif(os.name == "nt", reason="Windows has no mode bits")
def test_a_folder_that_cannot_be_listed_is_skipped(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    closed.chmod(0)
    try:
        if os.access(closed, os.R_OK):
            pytest.skip("this account may read everything")
        assert skipped(audit(tmp_path)) == {"closed": "cannot be read: PermissionError, errno 13"}
    finally:
        closed.chmod(0o700)


def test_a_single_file_can_be_audited(tmp_path: Path) -> None:
    (tmp_path / "x.sh").write_text(CHMOD, encoding="utf-8")
    assert [one.path for one in audit(tmp_path / "x.sh").findings] == ["x.sh"]


def test_a_path_that_does_not_exist_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing to audit"):
        audit(tmp_path / "none")


def test_an_unknown_rule_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no audit rule named nonsense"):
        audit(tmp_path, select=["nonsense"])


def test_a_script_without_suffix_is_known_by_its_first_line(audit_tree: Audit) -> None:
    report = audit_tree({"bin/start": f"#!/usr/bin/env bash\n{CHMOD}", "bin/notes": CHMOD})
    assert [(one.path, one.line) for one in report.findings] == [("bin/start", 2)]
    assert report.files_read == ("bin/start",)


def notebook(*cells: list[str]) -> str:
    def cell(source: list[str]) -> dict[str, object]:
        output = {"output_type": "stream", "text": source}
        return {"cell_type": "code", "metadata": {}, "outputs": [output], "source": source}

    markdown = {"cell_type": "markdown", "metadata": {}, "source": ["import docling\n"]}
    return json.dumps({"cells": [markdown, *map(cell, cells)], "nbformat": 4}, indent=1, sort_keys=True)


def test_cells_of_a_notebook_are_one_program_with_lines_of_the_file(audit_tree: Audit) -> None:
    text = notebook(["import os\n", "import docling\n", "!chmod 777 /models"], ["os.environ['HF_HOME'] = '/m'"])
    report = audit_tree({"a.ipynb": text})
    lines = text.split("\n")
    late, world = sorted(report.findings, key=lambda one: one.rule_id)
    assert (late.rule_id, world.rule_id) == ("variable-after-import", "world-writable")
    assert late.message == "code cell 2: HF_HOME is set after the import of docling"
    assert "HF_HOME" in lines[late.line - 1]
    assert "chmod" in lines[world.line - 1]
    repeated = [index for index, line in enumerate(lines, start=1) if "HF_HOME" in line]
    assert len(repeated) == 2, "the output repeats the source and stands before it"
    assert late.line == repeated[1]


def test_one_bad_cell_does_not_spoil_the_others(audit_tree: Audit) -> None:
    text = notebook(
        ["DocumentConverter(:\n"], ["%matplotlib inline\n", "docling?\n", "DocumentConverter(model_path=1)"]
    )
    report = audit_tree({"a.ipynb": text})
    assert [one.rule_id for one in report.findings] == ["converter-argument"]
    assert skipped(report) == {"a.ipynb": "read as text only: code cell 1: line 1 is not Python as it is known here"}


def test_shell_cells_are_read_as_shell_and_other_languages_not_at_all(audit_tree: Audit) -> None:
    report = audit_tree({"a.ipynb": notebook(["%%bash\n", CHMOD], ["%%html\n", CHMOD], ["%pip install docling\n"])})
    assert [one.rule_id for one in report.findings] == ["world-writable", "open-version"]


def test_a_broken_notebook_is_skipped(audit_tree: Audit) -> None:
    report = audit_tree({"a.ipynb": "{", "b.ipynb": '{"cells": [1]}', "c.ipynb": "[]"})
    assert set(skipped(report).values()) == {"not a notebook in the JSON format 4"}
    assert len(report.files_skipped) == 3


def test_python_of_another_version_is_still_searched_for_tokens(audit_tree: Audit) -> None:
    token = "hf_" + "aB3dE6gH9j" * 3 + "kL5m"
    report = audit_tree({"old.py": f'print snapshot_download("{token}")\n'})
    assert [one.rule_id for one in report.findings] == ["token-in-file"]
    assert skipped(report) == {"old.py": "read as text only: line 1 is not Python as it is known here"}


def test_only_known_code_blocks_of_a_document_are_code(audit_tree: Audit) -> None:
    text = f"{CHMOD}\n```text\n{CHMOD}```\n\n- item\n\n  ```console\n  $ {CHMOD}  ```\n\n~~~~sh\n```\n{CHMOD}~~~~\n"
    assert [(one.rule_id, one.line) for one in audit_tree({"a.md": text}).findings] == [
        ("world-writable", 10),
        ("world-writable", 15),
    ]
