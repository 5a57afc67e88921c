"""What clients believe, foreseen on disk and at a mirror."""

import json
import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from runbook_lib.cache.artifacts import place_artifacts
from runbook_lib.cache.local_notes import HUGGINGFACE
from runbook_lib.checks.context import ProbeContext
from runbook_lib.checks.probes.integrity import PROBES, PrivateListing, judge_listings
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.run.check import Check, Status
from runbook_lib.system.packages import SitePackages
from tests.unit.cache_layouts import CacheLayout

MakeContext = Callable[..., ProbeContext]
MakeSite = Callable[..., SitePackages]
BY_ID = {probe.id: probe for probe in PROBES}
REPO = "org/name"
WEIGHTS = "model.safetensors"
FILES = {WEIGHTS: b"weights" * 100, "config.json": b"{}"}
posix = pytest.mark.skipif(os.name == "nt", reason="file modes")


def check(name: str, context: ProbeContext) -> Check:
    return BY_ID[name].check(context)


@pytest.fixture
def cache(tmp_path: Path) -> CacheLayout:
    return CacheLayout("copy", tmp_path / "hub")


@pytest.mark.parametrize("name", [probe.id for probe in PROBES if not probe.needs_network])
def test_all_is_well_where_nothing_is_and_where_all_is_whole(
    context: MakeContext, cache: CacheLayout, tmp_path: Path, name: str
) -> None:
    assert check(name, context()).status is Status.OK
    listing = cache.add(REPO, FILES)
    place_artifacts(
        listing, cache.repo(REPO).snapshot(listing.commit), tmp_path / "artifacts" / "org--name", docling="", link=True
    )
    assert check(name, context()).status is Status.OK


@pytest.mark.parametrize("text", ["", "{}\n", "{:.39}"])
def test_a_reference_that_holds_no_commit_is_found(context: MakeContext, cache: CacheLayout, text: str) -> None:
    listing = cache.add(REPO, FILES)
    (cache.repo(REPO).folder / "refs" / "main").write_text(text.format(listing.commit), encoding="utf-8", newline="\n")
    found = check("refs", context())
    assert (found.status, found.quirk) == (Status.FAIL, "ref-damaged")


def test_a_newer_commit_that_is_not_here_yet_is_no_damage(context: MakeContext, cache: CacheLayout) -> None:
    cache.add(REPO, FILES)
    (cache.repo(REPO).folder / "refs" / "main").write_text("f" * 40, encoding="utf-8")
    assert check("refs", context()).status is Status.OK


@posix
def test_a_listing_only_its_owner_can_read_is_found(context: MakeContext, cache: CacheLayout) -> None:
    listing = cache.add(REPO, FILES)
    (cache.repo(REPO).folder / "trees" / f"{listing.commit}.json").chmod(0o600)
    found = check("listing-readable", context())
    assert (found.status, found.quirk) == (Status.WARN, "tree-listing-private")


def test_a_listing_that_is_refused_is_not_called_damaged() -> None:
    verdict = judge_listings([PrivateListing(Path("trees/1.json"), "errno 13: Permission denied")])
    assert "Nothing is damaged" in verdict.remedy
    assert "errno 13" in verdict.evidence


def test_a_second_copy_of_a_file_is_found(context: MakeContext, cache: CacheLayout) -> None:
    listing = cache.add(REPO, FILES)
    etag = next(file.etag for file in listing.files if file.path == WEIGHTS)
    (cache.repo(REPO).blobs / etag).write_bytes(FILES[WEIGHTS])
    found = check("one-copy-each", context())
    assert (found.status, found.quirk) == (Status.WARN, "force-download-copies")


@pytest.mark.parametrize(("link", "status"), [(True, Status.FAIL), (False, Status.WARN)])
def test_a_file_written_to_since_it_was_placed_is_found(
    context: MakeContext, cache: CacheLayout, tmp_path: Path, link: bool, status: Status
) -> None:
    listing = cache.add(REPO, FILES)
    folder = tmp_path / "artifacts" / "org--name"
    placed = place_artifacts(listing, cache.repo(REPO).snapshot(listing.commit), folder, docling="", link=link)
    (folder / WEIGHTS).chmod(0o644)
    (folder / WEIGHTS).write_bytes(b"other")
    found = check("artifacts-unchanged", context())
    assert found.status is (Status.WARN if placed.cloned else status)
    assert found.quirk == "local-dir-writes-through"


@pytest.mark.parametrize(
    ("content", "quirk"), [(b"garbage", "local-dir-trusts-times"), (None, "local-dir-loses-files")]
)
def test_a_local_folder_that_counts_as_current_and_is_not(
    context: MakeContext, tmp_path: Path, content: bytes | None, quirk: str
) -> None:
    folder, commit = tmp_path / "artifacts" / "org--name", "1" * 40
    notes = folder / HUGGINGFACE
    (notes / "download").mkdir(parents=True)
    (notes / "trees").mkdir()
    (notes / "download" / f"{WEIGHTS}.metadata").write_text(f"{commit}\n{'a' * 64}\n2000000000.0\n", encoding="utf-8")
    entry = {"size": 700, "blob_id": "b" * 40, "lfs_sha256": "a" * 64, "lfs_size": 700}
    tree = {"format_version": 1, "files": {WEIGHTS: entry}}
    (notes / "trees" / f"{commit}.json").write_text(json.dumps(tree), encoding="utf-8")
    if content:
        (folder / WEIGHTS).write_bytes(content)
        os.utime(folder / WEIGHTS, (1_600_000_000, 1_600_000_000))
    found = check("local-notes", context())
    assert (found.status, found.quirk) == (Status.FAIL, quirk)


# -------------------------------------------------------------------------------------------------------- a mirror


@pytest.fixture
def mirror() -> Iterator[tuple[str, dict[str, str]]]:
    """A mirror whose listing names a Xet hash; the headers it sends for files may be changed."""
    headers: dict[str, str] = {}

    class Mirror(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            listed = [{"type": "file", "path": WEIGHTS, "size": 7, "xetHash": "a" * 64}]
            body = json.dumps(listed if "/tree/" in self.path else {}).encode()
            self.send_response(200)
            for name, value in {**headers, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815 - as http.server calls it

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", headers
        server.shutdown()
        thread.join()


def test_a_mirror_that_lists_xet_hashes_and_serves_no_xet_is_named_before_minutes_are_lost(
    context: MakeContext, site: MakeSite, mirror: tuple[str, dict[str, str]]
) -> None:
    url, headers = mirror
    packages = site({"huggingface-hub": "1.33.0", "hf-xet": "1.8.0"})
    given = {"endpoint": url, "packages": packages, "models": (ModelRef(REPO),)}
    found = check("mirror-xet", context(**given))
    assert (found.status, found.quirk) == (Status.WARN, "mirror-past-xet")
    assert "HF_HUB_DISABLE_XET=1" in found.remedy
    assert check("mirror-xet", context(**given, environ={"HF_HUB_DISABLE_XET": "1"})).status is Status.OK
    headers["X-Xet-Hash"] = "a" * 64
    assert check("mirror-xet", context(**given)).status is Status.OK


def test_an_older_client_asks_no_xet_server(context: MakeContext, site: MakeSite) -> None:
    packages = site({"huggingface-hub": "1.21.0", "hf-xet": "1.8.0"})
    assert check("mirror-xet", context(endpoint="http://127.0.0.1:9", packages=packages)).status is Status.OK
    assert check("mirror-xet", context(packages=packages)).status is Status.SKIP
