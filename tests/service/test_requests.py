"""The example service under good and bad requests, many at a time, and while its models are replaced."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import cycle, islice

import httpx
import psutil
import pytest

from runbook_lib.practice.layout_model import REPO_ID as LAYOUT
from runbook_lib.practice.sample import SAMPLE_SENTENCES, SCAN_SENTENCES, sample_document, scanned_page
from runbook_lib.practice.server import PracticeHub
from tests.service.conftest import MAX_UPLOADS
from tests.service.documents import BAD, FILE_PART, Bad, document
from tests.service.running import MAX_REQUEST_BYTES, RunningService

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("example-service"), pytest.mark.timeout(1500)]

UPLOAD = "/documents/upload"


def test_the_port_opens_when_a_conversion_has_worked_and_not_before(service: RunningService) -> None:
    assert service.refused <= {"ConnectError"}
    assert [service.client.get(path).status_code for path in ("/livez", "/readyz")] == [200, 200]


def test_documents_and_scans_are_converted(service: RunningService) -> None:
    born_digital, scanned = service.markdown(sample_document()), service.markdown(scanned_page())
    assert [sentence for sentence in SAMPLE_SENTENCES if sentence not in born_digital] == []
    assert [sentence for sentence in SCAN_SENTENCES if sentence not in scanned] == []


def test_a_hundred_uploads_at_once_are_each_answered_with_their_own_text(service: RunningService) -> None:
    """More than may wait: the others are told when to come again, and do."""
    sentences = [f"This is letter number {number} of a hundred." for number in range(100)]
    tries: Counter[int] = Counter()

    def insist(sentence: str) -> str:
        while True:
            answer = service.upload("letter.pdf", document(sentence))
            tries[answer.status_code] += 1
            if answer.status_code != 503:
                return str(answer.json()["markdown"])
            time.sleep(float(answer.headers["Retry-After"]))

    with ThreadPoolExecutor(100) as pool:
        assert [text.strip() for text in pool.map(insist, sentences)] == sentences
    assert set(tries) == {200, 503}
    assert tries[200] == 100
    assert tries[503] >= 100 - MAX_UPLOADS


def test_a_thousand_bad_uploads_are_each_told_what_is_wrong_and_leave_nothing(service: RunningService) -> None:
    process = psutil.Process(service.process.pid)
    for bad in BAD.values():  # what docling loads late is loaded now
        answer_of(service, bad)
    files, handles, memory_bytes = service.temporary_files(), process.num_fds(), process.memory_info().rss
    kinds = list(islice(cycle(BAD.items()), 1000))
    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(lambda kind: answer_of(service, kind[1]), kinds))
    wrong = {name: status for (name, bad), status in zip(kinds, statuses, strict=True) if status != bad.status}
    assert wrong == {}
    assert service.temporary_files() == files
    assert process.num_fds() <= handles + 4  # connections that the client keeps
    assert process.memory_info().rss < memory_bytes + 150_000_000
    assert "still here" in service.upload("good.pdf", document("still here")).json()["markdown"]


def answer_of(service: RunningService, bad: Bad) -> int:
    """Return the status, having looked at the form of the answer."""
    answer = service.client.post(UPLOAD, **bad.request)
    problem = answer.json()
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert set(problem) == {"type", "title", "status", "detail"}
    assert problem["status"] == answer.status_code
    assert "Traceback" not in answer.text
    return answer.status_code


def test_an_upload_without_a_declared_length_is_stopped_at_the_limit(service: RunningService) -> None:
    def endless() -> Iterator[bytes]:
        yield FILE_PART
        for _ in range(1000):
            yield bytes(MAX_REQUEST_BYTES // 100)

    before = service.temporary_files()
    with suppress(httpx.TransportError):  # it does not read on, so that the connection may be reset
        assert answer_of(service, Bad(413, {"content": endless(), "headers": form_of("x")})) == 413
    assert f'"POST {UPLOAD} HTTP/1.1" 413' in service.said()
    assert service.temporary_files() == before


def form_of(boundary: str) -> dict[str, str]:
    return {"Content-Type": f"multipart/form-data; boundary={boundary}"}


def test_a_client_that_hangs_up_takes_no_place(service: RunningService) -> None:
    head = f"POST {UPLOAD} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nContent-Type: multipart/form-data; boundary=x"
    for _ in range(MAX_UPLOADS + 1):
        with socket.create_connection(("127.0.0.1", service.port)) as connection:
            connection.sendall(f"{head}\r\n\r\n--x".encode())
    noticed_by = time.monotonic() + 30
    while (status := service.upload("letter.pdf", document("There is room.")).status_code) == 503:
        assert time.monotonic() < noticed_by
        time.sleep(0.05)
    assert status == 200


def test_other_addresses_and_methods_are_problems_too(service: RunningService) -> None:
    answers = [service.client.get("/other"), service.client.get(UPLOAD)]
    assert [answer.status_code for answer in answers] == [404, 405]
    assert {answer.headers["Content-Type"] for answer in answers} == {"application/problem+json"}


UPGRADE = """
import sys
from runbook_lib import DoclingModelManager
print(DoclingModelManager(models=sys.argv[1]).ensure_models_downloaded(verify=True).linked_bytes)
"""


def test_models_are_replaced_under_it_and_it_goes_on_with_those_it_has(
    service: RunningService, hub: PracticeHub
) -> None:
    """Files are replaced, never written to: what is mapped into memory stays; the next start loads the new ones."""
    (repository,) = (one for one in hub.repositories if one.repo_id == LAYOUT)
    second = repository.commits[-1]
    readme = service.home / "artifacts" / LAYOUT.replace("/", "--") / "README.md"
    before = readme.read_text(encoding="utf-8")
    environ = {
        **os.environ,
        "RUNBOOK_HUB": hub.url,
        "RUNBOOK_CACHE_DIR": str(service.home / "hub"),
        "RUNBOOK_ARTIFACTS_DIR": str(service.home / "artifacts"),
    }
    upgrade = subprocess.Popen([sys.executable, "-c", UPGRADE, f"{LAYOUT}@{second.id}"], env=environ)
    texts = []
    while upgrade.poll() is None:
        texts.append(service.upload("during.pdf", document("during")).json()["markdown"].strip())
    assert upgrade.returncode == 0
    assert set(texts) == {"during"}
    assert readme.read_text(encoding="utf-8") != before
    assert "after" in service.upload("after.pdf", document("after")).json()["markdown"]


def test_told_to_stop_it_answers_what_it_has_begun(service: RunningService) -> None:
    """The last test: it ends the service of all the others."""
    with ThreadPoolExecutor(1) as pool:
        scan = pool.submit(service.upload, "scan.pdf", scanned_page().read_bytes())
        wait_for_start(service, "scan.pdf")
        service.process.send_signal(signal.SIGTERM)
        answer = scan.result()
    assert SCAN_SENTENCES[0] in answer.json()["markdown"]
    assert service.process.wait(60) in (0, -signal.SIGTERM)
    assert "Application shutdown complete" in service.said()
    assert "Traceback" not in service.said()


def wait_for_start(service: RunningService, name: str) -> None:
    ends_at = time.monotonic() + 60
    while f"Processing document {name}" not in service.said():
        assert time.monotonic() < ends_at
        time.sleep(0.01)
