"""The faults of the practice hub, as a client meets them."""

import hashlib
import time
from collections.abc import Iterator
from json import JSONDecodeError
from pathlib import Path

import httpx
import pytest
from huggingface_hub import hf_hub_download, snapshot_download
from huggingface_hub.constants import DOWNLOAD_CHUNK_SIZE
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError
from huggingface_hub.utils._http import parse_ratelimit_headers

from runbook_lib.errors import SettingsError
from runbook_lib.practice.content import Content
from runbook_lib.practice.faults import Fault, FaultKind
from runbook_lib.practice.repository import RepositoryFile, linear_history
from runbook_lib.practice.server import PracticeHub

LAYOUT = "docling-project/docling-layout-heron"
WEIGHTS = "model.safetensors"
SILENCE_S = 1.5
"""How long a test waits for an answer that does not come."""

CONFIG_PATH = f"/{LAYOUT}/resolve/main/config.json"


@pytest.fixture
def client(hub: PracticeHub) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=hub.url, timeout=30.0, follow_redirects=True) as session:
        yield session


def _config(hub: PracticeHub) -> bytes:
    return b"".join(hub.repositories[0].head.by_path["config.json"].content.read())


def test_a_stall_answers_nothing(hub: PracticeHub, client: httpx.Client) -> None:
    hub.play(Fault("stall"))
    with pytest.raises(httpx.ReadTimeout):
        client.get("/", timeout=SILENCE_S)


def test_a_stall_in_the_body_sends_what_was_agreed_first(hub: PracticeHub, client: httpx.Client) -> None:
    hub.play(Fault("stall", after_bytes=100))
    with client.stream("GET", CONFIG_PATH, timeout=SILENCE_S) as response:
        chunks = response.iter_raw(100)
        assert next(chunks) == _config(hub)[:100]
        with pytest.raises(httpx.ReadTimeout):
            next(chunks)


def test_a_hub_stops_at_once_although_a_request_is_stalled(hub: PracticeHub, client: httpx.Client) -> None:
    hub.play(Fault("stall"))
    with pytest.raises(httpx.ReadTimeout):
        client.get("/", timeout=SILENCE_S)
    started = time.monotonic()
    hub.stop()
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("after_bytes", [0, 100])
def test_a_reset_ends_the_connection(hub: PracticeHub, client: httpx.Client, after_bytes: int) -> None:
    hub.play(Fault("reset", after_bytes=after_bytes))
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)) as caught:
        client.get(CONFIG_PATH)
    assert "reset" in str(caught.value).lower() or after_bytes


def test_a_hub_that_hangs_up_answers_nothing(hub: PracticeHub, client: httpx.Client) -> None:
    hub.play(Fault("hang_up"))
    for method in ("HEAD", "GET"):
        with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
            client.request(method, CONFIG_PATH)


def test_a_truncated_body_is_shorter_than_announced(hub: PracticeHub, client: httpx.Client) -> None:
    hub.play(Fault("truncate", after_bytes=100))
    with pytest.raises(httpx.RemoteProtocolError, match="received 100 bytes, expected"):
        client.get(CONFIG_PATH)


def test_a_corrupt_body_differs_in_one_byte(hub: PracticeHub, client: httpx.Client) -> None:
    hub.play(Fault("corrupt", after_bytes=100))
    received, served = client.get(CONFIG_PATH).content, _config(hub)
    assert [offset for offset in range(len(served)) if received[offset] != served[offset]] == [100]
    assert len(received) == len(served)


def test_a_corrupt_byte_stays_outside_a_range_that_does_not_hold_it(hub: PracticeHub, client: httpx.Client) -> None:
    hub.play(Fault("corrupt", after_bytes=100))
    assert client.get(CONFIG_PATH, headers={"Range": "bytes=101-"}).content == _config(hub)[101:]


def test_a_wrong_length_is_noticed_by_the_hub_client(hub: PracticeHub, tmp_path: Path) -> None:
    hub.play(Fault("wrong_length", f"*{WEIGHTS}"))
    size_bytes = hub.repositories[0].head.by_path[WEIGHTS].size_bytes
    with pytest.raises(OSError, match=f"should be of size {size_bytes} but has size {size_bytes - 1}"):
        hf_hub_download(LAYOUT, WEIGHTS, endpoint=hub.url, cache_dir=tmp_path)


def test_a_slow_body_takes_its_time(hub: PracticeHub, client: httpx.Client) -> None:
    hub.play(Fault("slow", bytes_per_s=3000))
    started = time.monotonic()
    assert client.get(CONFIG_PATH).content == _config(hub)
    assert time.monotonic() - started > len(_config(hub)) / 3000 * 0.8


def test_a_block_page_is_html_with_a_good_status(hub: PracticeHub, client: httpx.Client) -> None:
    hub.play(Fault("block_page"))
    response = client.get(f"/api/models/{LAYOUT}")
    assert (response.status_code, response.headers["Content-Type"]) == (200, "text/html")
    assert response.content.startswith(b"<!DOCTYPE html>")
    assert "X-Repo-Commit" not in response.headers


@pytest.mark.parametrize("kind", ["401", "403", "404", "429", "500", "503"])
def test_a_status_is_answered_to_head_and_get(hub: PracticeHub, client: httpx.Client, kind: FaultKind) -> None:
    hub.play(Fault(kind))
    for method in ("HEAD", "GET"):
        assert client.request(method, CONFIG_PATH).status_code == int(kind)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault("reset"), httpx.ReadError),
        (Fault("reset", after_bytes=10), httpx.ReadError),
        (Fault("wrong_length"), OSError),
        (Fault("block_page"), JSONDecodeError),
        (Fault("block_page", "*/resolve/*"), LocalEntryNotFoundError),
        (Fault("401"), HfHubHTTPError),
        (Fault("403"), LocalEntryNotFoundError),
        (Fault("gated"), GatedRepoError),
        (Fault("404"), RepositoryNotFoundError),
        (Fault("429"), LocalEntryNotFoundError),
        (Fault("500"), LocalEntryNotFoundError),
        (Fault("503"), LocalEntryNotFoundError),
    ],
    ids=lambda value: f"{value.kind}-{value.path_glob}-{value.after_bytes}" if isinstance(value, Fault) else None,
)
def test_a_fault_that_the_hub_client_cannot_survive_ends_in_its_error(
    hub: PracticeHub, tmp_path: Path, fault: Fault, error: type[Exception]
) -> None:
    """What huggingface_hub 1.33 makes of each fault; a reset escapes it as httpx's own error."""
    hub.play(fault)
    with pytest.raises(error):
        snapshot_download(LAYOUT, endpoint=hub.url, cache_dir=tmp_path)


@pytest.mark.parametrize(
    ("fault", "intact"),
    [
        (Fault("truncate", times=1, after_bytes=10), True),
        (Fault("slow", bytes_per_s=1_000_000), True),
        (Fault("corrupt", f"*{WEIGHTS}", after_bytes=5000), False),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else None,
)
def test_a_fault_that_the_hub_client_survives_may_leave_wrong_bytes(
    hub: PracticeHub, tmp_path: Path, fault: Fault, intact: bool
) -> None:
    """A flipped byte is not noticed by huggingface_hub 1.33: it compares lengths, not hashes."""
    hub.play(fault)
    folder = Path(snapshot_download(LAYOUT, endpoint=hub.url, cache_dir=tmp_path))
    received = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    assert (received == hub.repositories[0].head.by_path[WEIGHTS].etag) == intact


def test_too_many_requests_say_when_to_come_back(hub: PracticeHub, client: httpx.Client) -> None:
    hub.play(Fault("429", retry_after_s=7))
    response = client.get("/")
    limit = parse_ratelimit_headers(response.headers)
    assert response.headers["Retry-After"] == "7"
    assert limit is not None
    assert (limit.remaining, limit.reset_in_seconds, limit.limit) == (0, 7, 500)


def test_the_hub_client_waits_out_one_429_on_a_download(hub: PracticeHub, tmp_path: Path) -> None:
    hub.play(Fault("429", "/lfs/*", times=1, retry_after_s=0))
    path = hf_hub_download(LAYOUT, WEIGHTS, endpoint=hub.url, cache_dir=tmp_path)
    assert Path(path).stat().st_size == hub.repositories[0].head.by_path[WEIGHTS].size_bytes


def test_the_hub_client_resumes_with_a_range(tmp_path: Path) -> None:
    """The client keeps whole chunks of DOWNLOAD_CHUNK_SIZE; the rest of what came before the cut is sent again."""
    mib = 1 << 20
    weights = RepositoryFile(WEIGHTS, Content.of_padding(24 * mib), lfs=True)
    fault = Fault("truncate", "/lfs/*", times=1, after_bytes=21 * mib)
    with PracticeHub(repositories=[linear_history("org/large", (weights,))], faults=[fault]) as hub:
        path = hf_hub_download("org/large", WEIGHTS, endpoint=hub.url, cache_dir=tmp_path)
        kept_bytes = 21 * mib // DOWNLOAD_CHUNK_SIZE * DOWNLOAD_CHUNK_SIZE
        assert hub.counters.weight_bytes == 21 * mib + weights.size_bytes - kept_bytes
        assert kept_bytes > 0
    assert hashlib.sha256(Path(path).read_bytes()).hexdigest() == weights.etag


def test_a_fault_strikes_as_often_as_it_was_told(hub: PracticeHub, client: httpx.Client) -> None:
    hub.play(Fault("503", times=2), Fault("500", "*config*", times=1))
    statuses = [client.get(CONFIG_PATH).status_code for _ in range(5)]
    assert statuses == [503, 503, 500, 200, 200]


def _struck(hub: PracticeHub, client: httpx.Client, fault: Fault, *, backwards: bool = False) -> list[tuple[int, int]]:
    """Return which of twenty files failed when each was asked for six times, in one order or the other."""
    hub.play(fault)
    numbers = range(19, -1, -1) if backwards else range(20)
    asked = [(number, attempt) for attempt in range(6) for number in numbers]
    return sorted(one for one in asked if client.get(f"/none/none/{one[0]}").status_code == 500)


def test_a_fault_of_a_share_strikes_about_that_share_and_the_same_requests_for_the_same_seed(
    hub: PracticeHub, client: httpx.Client
) -> None:
    struck = _struck(hub, client, Fault("500", percent=30, seed=1))
    assert 20 < len(struck) < 55  # of 120
    assert struck == _struck(hub, client, Fault("500", percent=30, seed=1), backwards=True)
    assert struck != _struck(hub, client, Fault("500", percent=30, seed=2))


def test_a_fault_strikes_only_its_paths(hub: PracticeHub, client: httpx.Client) -> None:
    hub.play(Fault("500", "/api/*"))
    assert client.get(f"/api/models/{LAYOUT}").status_code == 500
    assert client.get(CONFIG_PATH).status_code == 200
    hub.play()
    assert client.get(f"/api/models/{LAYOUT}").status_code == 200


def test_a_fault_of_the_body_is_not_spent_on_heads_and_redirects(hub: PracticeHub, client: httpx.Client) -> None:
    hub.play(Fault("corrupt", f"*{WEIGHTS}", times=1))
    url = f"/{LAYOUT}/resolve/main/{WEIGHTS}"
    client.head(url)
    served = b"".join(hub.repositories[0].head.by_path[WEIGHTS].content.read())
    assert client.get(url).content != served
    assert client.get(url).content == served


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("stall", Fault("stall")),
        ("corrupt:*.safetensors:times=1", Fault("corrupt", "*.safetensors", times=1)),
        ("stall:after_bytes=4096", Fault("stall", after_bytes=4096)),
        ("429:/api/*:times=2:retry_after_s=5", Fault("429", "/api/*", times=2, retry_after_s=5)),
        ("slow::bytes_per_s=10", Fault("slow", bytes_per_s=10)),
        ("hang_up:percent=15:seed=3", Fault("hang_up", percent=15, seed=3)),
    ],
)
def test_a_fault_can_be_written_as_text(text: str, fault: Fault) -> None:
    assert Fault.parse(text) == fault


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("explode", "truncate"),
        ("", "stall"),
        ("stall:*:tmies=1", "times"),
        ("stall:times=-1", "at least 1"),
        ("stall:times=0", "at least 1"),
        ("slow:bytes_per_s=0", "at least 1"),
        ("reset:percent=0", "at least 1, at most 100"),
        ("reset:percent=101", "at least 1, at most 100"),
        ("stall:after_bytes=\u0663", "at least 0"),
    ],
)
def test_nonsense_is_refused_and_names_what_is_known(text: str, names: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Fault.parse(text)
    assert names in caught.value.remedy
