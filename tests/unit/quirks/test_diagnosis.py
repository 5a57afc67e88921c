"""From a log to findings: order, text, HTML, JSON."""

import json
from io import BytesIO
from pathlib import Path

import pytest

from runbook_lib.quirks.diagnosis import COLLECT, Diagnosis, diagnose
from runbook_lib.quirks.scan import EXCERPT_CHARS, MAX_OCCURRENCES

CHAIN = """\
Traceback (most recent call last):
  File "/opt/venv/lib/python3.11/site-packages/httpcore/_sync/connection.py", line 154, in _connect
httpcore.ConnectError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/srv/app/convert.py", line 12, in <module>
huggingface_hub.errors.LocalEntryNotFoundError: outgoing traffic has been disabled
"""


def ids(diagnosis: Diagnosis) -> list[str]:
    return [finding.quirk.id for finding in diagnosis.findings]


def test_the_innermost_cause_comes_first_and_the_rest_follows_from_it() -> None:
    diagnosis = diagnose(CHAIN)
    assert ids(diagnosis) == ["tls-interception", "offline-cache-miss"]
    assert [finding.consequence_of for finding in diagnosis.findings] == ["", "tls-interception"]
    assert diagnosis.innermost is not None
    assert diagnosis.innermost.startswith("httpcore.ConnectError: [SSL: CERTIFICATE_VERIFY_FAILED]")


def test_a_quirk_that_also_occurs_by_itself_is_no_consequence() -> None:
    diagnosis = diagnose(CHAIN + "\n" * 40 + "ERROR outgoing traffic has been disabled\n")
    assert [finding.consequence_of for finding in diagnosis.findings] == ["", ""]


def test_in_one_line_the_rightmost_is_the_cause() -> None:
    diagnosis = diagnose(
        "LocalEntryNotFoundError: outgoing traffic has been disabled. Got: [SSL: CERTIFICATE_VERIFY_FAILED]"
    )
    assert ids(diagnosis) == ["tls-interception", "offline-cache-miss"]


def test_noise_comes_last() -> None:
    text = "RuntimeWarning: Proactor event loop does not implement add_reader\n" + "-\n" * 40 + "OMP: Error #15\n"
    assert ids(diagnose(text)) == ["omp-duplicate", "zmq-proactor"]


def test_winerror_206_of_a_file_is_told_from_that_of_a_command_line() -> None:
    command = 'Traceback (most recent call last):\n  File "C:\\py\\subprocess.py", line 1538, in _execute_child\n'
    error = "FileNotFoundError: [WinError 206] The filename or extension is too long"
    assert ids(diagnose(command + error)) == []
    assert ids(diagnose(f"{command}{error}\n2026-03-02 08:14:55 next\n" + "-\n" * 30 + error)) == ["win-max-path"]


@pytest.mark.parametrize("line", ["OSError: [WinError 1314] x", "failed: x (os error 1314)"])
def test_the_number_is_enough_in_python_and_in_rust(line: str) -> None:
    assert ids(diagnose(line)) == ["quirk-001"]


def test_a_line_keeps_its_number_in_a_large_log() -> None:
    text = "INFO nothing of interest here\n" * 200_000 + "OSError: [WinError 1314] x\n" + "INFO after\n" * 100_000
    finding = diagnose(text).findings[0]
    assert (finding.line_number, finding.line) == (200_001, "OSError: [WinError 1314] x")


def test_a_finding_across_the_border_of_two_blocks_is_found() -> None:
    for shift in range(0, 40, 3):
        text = "x" * ((1 << 20) - shift) + " [WinError 1314] " + "y" * 500_000
        assert ids(diagnose(text)) == ["quirk-001"]


def test_a_traceback_across_the_border_of_two_windows_is_one_event() -> None:
    for shift in (0, 100, 300, 500):
        text = "INFO filling line\n" * ((1 << 20) // 18)
        diagnosis = diagnose(text[: (1 << 20) - (1 << 16) - shift] + "\n" + CHAIN + "INFO more\n" * 20_000)
        assert [finding.consequence_of for finding in diagnosis.findings] == ["", "tls-interception"]


def test_a_quirk_is_counted_up_to_a_limit_and_shown_once() -> None:
    finding = diagnose("OSError: [WinError 1314] x\n" * 1000).findings[0]
    assert (finding.occurrences, finding.line_number) == (MAX_OCCURRENCES, 1)
    assert f"in {MAX_OCCURRENCES}+ lines" in str(diagnose("OSError: [WinError 1314] x\n" * 1000))


def test_the_excerpt_is_printable_capped_and_without_secrets() -> None:
    line = "a" * 5000 + "\x07\x00 hf_abcdefghijklmnop [WinError 1314] \u5ba2\u6237 " + "b" * 5000
    shown = diagnose(line).findings[0].line
    assert "[WinError 1314] \u5ba2\u6237" in shown
    assert "abcdefghijklmnop" not in shown
    assert shown.isprintable()
    assert len(shown) <= EXCERPT_CHARS + len("...  ...")


def test_the_innermost_error_shows_no_secret_either() -> None:
    assert diagnose("ValueError: bad token hf_abcdefghijklmnop").innermost == "ValueError: bad token hf_" + "*" * 16


def test_an_unknown_error_is_answered_with_the_innermost_line_and_what_to_collect(fixtures_dir: Path) -> None:
    diagnosis = diagnose(fixtures_dir / "none" / "unknown-error.log")
    assert diagnosis.innermost == "KeyError: 'invoice'"
    text = str(diagnosis)
    assert "no known quirk" in text
    assert "KeyError: 'invoice'" in text
    assert all(item in text for item in COLLECT)


def test_a_log_without_an_error_says_so() -> None:
    diagnosis = diagnose("all is well\n")
    assert diagnosis.innermost is None
    text = str(diagnosis)
    assert "There is no error in it." in text
    assert "What to collect" not in text
    assert not any(item in text for item in COLLECT)


def test_an_error_that_only_warnings_stand_beside_is_shown_with_them() -> None:
    warning = (
        "app/torch/cuda/__init__.py:138: UserWarning: The NVIDIA driver on your system is too old (found version 1)."
    )
    ended = 'Traceback (most recent call last):\n  File "a.py", line 1, in f\nsocket.timeout: timed out'
    diagnosis = diagnose(f"{warning}\n{ended}\n")
    assert [(finding.quirk.id, finding.warned) for finding in diagnosis.findings] == [("gpu-driver-too-old", True)]
    assert "The innermost error is: socket.timeout: timed out" in str(diagnosis)
    assert "innermost error" not in str(diagnose(f"{warning}\n"))
    explained = diagnose(f"{warning}\n{ended.replace('socket.timeout: timed out', 'OSError: [Errno 122] Quota')}\n")
    assert {finding.quirk.id for finding in explained.findings} == {"gpu-driver-too-old", "disk-quota"}
    assert "innermost error" not in str(explained)


def test_the_last_error_line_stands_in_where_there_is_no_traceback() -> None:
    assert diagnose("ERROR first\nERROR second\nINFO bye\n").innermost == "ERROR second"


def test_the_same_log_is_read_from_text_stream_and_file(tmp_path: Path) -> None:
    file = tmp_path / "log.txt"
    file.write_text(CHAIN, encoding="utf-8", newline="\n")
    from_stream = diagnose(BytesIO(CHAIN.encode()))
    assert diagnose(CHAIN) == from_stream == diagnose(file)
    assert (from_stream.lines_read, from_stream.size_bytes) == (CHAIN.count("\n"), len(CHAIN))


def test_a_stream_stays_open() -> None:
    stream = BytesIO(b"x")
    diagnose(stream)
    assert not stream.closed


def test_the_remedy_is_the_one_for_the_versions_the_caller_names() -> None:
    finding = diagnose("[WinError 1314]", installed={"huggingface_hub": "1.20.0"}).findings[0]
    assert "or set HF_HUB_DISABLE_SYMLINKS=1" in finding.remedy
    assert "it can occur" in finding.versions


def test_without_versions_those_of_this_environment_count() -> None:
    assert "huggingface_hub" in diagnose("[WinError 1314]").findings[0].versions


def test_json_names_the_quirk_and_holds_the_whole_finding() -> None:
    document = json.loads(diagnose(CHAIN).model_dump_json())
    assert document.keys() == {"findings", "recovered", "innermost", "lines_read", "size_bytes"}
    first = document["findings"][0]
    assert first["quirk"]["id"] == "tls-interception"
    assert first["quirk"]["number"] == "Q16"
    assert {"line_number", "line", "cause", "remedy", "dont", "references"} <= first.keys()


def test_text_and_html_show_the_same_and_html_is_escaped() -> None:
    diagnosis = diagnose("[WinError 1314] <script>alert(1)</script>")
    bundle = diagnosis._repr_mimebundle_()
    assert bundle["text/plain"] == str(diagnosis)
    assert "<script>" not in bundle["text/html"]
    assert "&lt;script&gt;" in bundle["text/html"]
    assert "quirk-001" in bundle["text/html"]


def test_a_hypothesis_is_shown_as_one() -> None:
    assert "hypothesis: nobody reproduced this" in str(diagnose("OSError: [WinError 1] Incorrect function: 'x' -> 'y'"))


def test_progress_bars_do_not_hide_the_line_of_an_error() -> None:
    bar = "\r".join(f"model.safetensors: {percent}%|###" for percent in range(100))
    finding = diagnose(f"{bar}\rOSError: [Errno 28] No space left on device\n").findings[0]
    assert finding.line == "OSError: [Errno 28] No space left on device"


def test_the_evidence_is_the_error_and_not_the_warning_before_it() -> None:
    warning = (
        "UserWarning: cache-system uses symlinks by default to efficiently store duplicated files but your machine"
    )
    error = "OSError: [WinError 1314] A required privilege is not held by the client: 'a' -> 'b'"
    traceback = f'Traceback (most recent call last):\n  File "x.py", line 1, in f\n    os.symlink(a, b)\n{error}\n'
    (finding,) = diagnose(f"{warning} does not support them in C:\\hf.\n{traceback}").findings
    assert (finding.line_number, finding.line) == (5, error)
    assert "only the warning" not in finding.cause
    (alone,) = diagnose(f"{warning} does not support them in C:\\hf.\n").findings
    assert "only the warning" in alone.cause


def test_what_went_well_afterwards_has_recovered() -> None:
    retried = "WARNING HTTP Error 429 thrown while requesting HEAD https://huggingface.co/x/y\n"
    diagnosis = diagnose(f"{retried}Download complete: : 171MB\n")
    assert (ids(diagnosis), [finding.quirk.id for finding in diagnosis.recovered]) == ([], ["rate-limit-429"])
    assert "Recovered by itself" in str(diagnosis)
    assert ids(diagnose(f"{retried}Download complete: : 171MB\nERROR it failed\n{retried}")) == ["rate-limit-429"]
    assert ids(diagnose(f"Download complete: : 171MB\n{retried}")) == ["rate-limit-429"]


PIP_RETRIED = """
WARNING: Retrying (Retry(total=4, connect=None)) after connection broken by \
'ReadTimeoutError("HTTPSConnectionPool(host='pypi.org', port=443): Read timed out.")': /simple/docling/
Successfully installed docling-2.143.0
"""
UV_RETRIED = """
warning: Transient request failure for https://pypi.org/simple/torch/, retrying: error sending request
  Caused by: operation timed out
Installed 31 packages in 312ms
"""
DISK_ATTACHED = """
Warning  FailedAttachVolume      5m  attachdetach-controller  Multi-Attach error for volume "pvc-1"
Normal   SuccessfulAttachVolume  4m  attachdetach-controller  AttachVolume.Attach succeeded for volume "pvc-1"
"""


@pytest.mark.parametrize(
    ("log", "recovered"),
    [(PIP_RETRIED, "index-unreachable"), (UV_RETRIED, "index-unreachable"), (DISK_ATTACHED, "volume-not-mounted")],
)
def test_an_installation_and_a_pod_recover_too_and_leave_no_error_behind(log: str, recovered: str) -> None:
    diagnosis = diagnose(log)
    assert (ids(diagnosis), [finding.quirk.id for finding in diagnosis.recovered]) == ([], [recovered])
    assert diagnosis.innermost is None


def test_what_python_warned_of_stands_behind_what_ended_the_program() -> None:
    warned = (
        "/app/torch/cuda/__init__.py:230: UserWarning: \n"
        "NVIDIA GeForce RTX 5090 with CUDA capability sm_120 is not compatible with the current PyTorch installation.\n"
    )
    ended = (
        'Traceback (most recent call last):\n  File "x.py", line 1, in f\nOSError: [Errno 122] Disk quota exceeded\n'
    )
    assert ids(diagnose(warned + ended)) == ["disk-quota", "gpu-not-in-build"]
    assert ids(diagnose(warned)) == ["gpu-not-in-build"]


def test_two_causes_that_remain_are_both_named_with_the_question_that_decides() -> None:
    (finding,) = diagnose("Error: Local entry not found. [SSL: WRONG_VERSION_NUMBER] wrong version number").findings
    assert "HTTPS_PROXY" in finding.otherwise
    assert "or else" in str(diagnose(finding.line))


def test_a_log_in_json_keeps_the_order_of_a_chain() -> None:
    diagnosis = diagnose(json.dumps({"level": "error", "exc_info": CHAIN}))
    assert [(finding.quirk.id, finding.consequence_of) for finding in diagnosis.findings] == [
        ("tls-interception", ""),
        ("offline-cache-miss", "tls-interception"),
    ]


def test_where_a_finding_was_reported_is_a_link_in_a_notebook_and_an_address_in_text() -> None:
    diagnosis = diagnose("OSError: [Errno 122] Disk quota exceeded: '/srv/.cache/huggingface/hub'")
    (finding,) = diagnosis.findings
    url = finding.references[0]
    assert f'<a href="{url}" target="_blank" rel="noopener">{url}</a>' in diagnosis._repr_mimebundle_()["text/html"]
    assert url in str(diagnosis)
