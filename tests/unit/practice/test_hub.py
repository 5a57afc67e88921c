"""The life of a practice hub: start, stop, knobs, counters."""

import httpx
import pytest

from runbook_lib.errors import PracticeError, SettingsError
from runbook_lib.practice.content import Content
from runbook_lib.practice.counters import HubCounters
from runbook_lib.practice.repository import RepositoryFile, linear_history
from runbook_lib.practice.server import PracticeHub, running_hub


def test_a_hub_listens_on_the_loopback_only_while_it_runs() -> None:
    hub = PracticeHub()
    with pytest.raises(PracticeError):
        _ = hub.url
    with hub:
        url = hub.url
        assert url.startswith("http://127.0.0.1:")
        assert hub.start().url == url
        assert httpx.get(url).status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


def test_a_hub_can_be_started_again(hub: PracticeHub) -> None:
    hub.stop()
    hub.start()
    assert httpx.get(hub.url).status_code == 200


def test_a_port_that_is_taken_is_an_error_that_names_it(hub: PracticeHub) -> None:
    port = int(hub.url.rpartition(":")[2])
    with pytest.raises(PracticeError, match=str(port)):
        PracticeHub(port=port).start()


def test_an_unknown_head_is_refused() -> None:
    with pytest.raises(SettingsError, match="third"):
        PracticeHub(head="third")  # type: ignore[arg-type]  # the point of the test


def test_a_process_has_one_hub_for_the_same_knobs() -> None:
    assert running_hub() is running_hub()
    assert running_hub(head="first") is not running_hub()
    assert httpx.get(running_hub().url).status_code == 200


def test_counters_tell_requests_and_bytes_by_path() -> None:
    files = (RepositoryFile("a.txt", Content.of_bytes(b"12345")), RepositoryFile("b.bin", Content.of_padding(99), True))
    with PracticeHub(repositories=[linear_history("org/name", files)]) as hub:
        httpx.get(f"{hub.url}/org/name/resolve/main/a.txt")
        httpx.head(f"{hub.url}/org/name/resolve/main/a.txt")
        httpx.get(f"{hub.url}/org/name/resolve/main/b.bin", follow_redirects=True)
        seen = hub.counters
        assert (seen.requests, seen.body_bytes, seen.weight_bytes) == (4, 104, 99)
        assert seen.by_path["/org/name/resolve/main/a.txt"].requests == 2
        assert seen.by_path["/org/name/resolve/main/a.txt"].body_bytes == 5
        hub.reset_counters()
        assert hub.counters == HubCounters()


def test_a_file_may_be_empty_or_have_a_name_that_urls_must_quote() -> None:
    names = ("leer.txt", "with space.txt", "100%.txt", "gr\u00f6\u00dfe.txt")
    files = tuple(RepositoryFile(name, Content.of_bytes(b""), lfs=True) for name in names)
    with PracticeHub(repositories=[linear_history("org/name", files)]) as hub:
        for name in names:
            url = httpx.URL(f"{hub.url}/org/name/resolve/main/").join(httpx.URL("", path=name))
            response = httpx.get(url, follow_redirects=True)
            assert (response.status_code, response.content) == (200, b"")


def test_the_pace_of_a_hub_holds_for_every_body() -> None:
    files = (RepositoryFile("a.txt", Content.of_bytes(b"x" * 300)),)
    with PracticeHub(repositories=[linear_history("org/name", files)], bytes_per_s=1000) as hub:
        response = httpx.get(f"{hub.url}/org/name/resolve/main/a.txt")
    assert response.elapsed.total_seconds() > 0.2


def test_a_revision_from_outside_cannot_break_out_of_a_header(hub: PracticeHub) -> None:
    response = httpx.get(f"{hub.url}/api/models/docling-project/docling-models/revision/a%0d%0aX-Evil:%201")
    assert response.status_code == 404
    assert "X-Evil" not in response.headers
