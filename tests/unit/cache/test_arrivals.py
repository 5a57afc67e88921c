from runbook_lib.cache.arrivals import arrivals
from tests.unit.cache_layouts import CacheLayout, listing_of

FILES = {"config.json": b"{}", "model.safetensors": b"weights" * 10}


def test_whole_files_have_arrived_in_every_layout(layout: CacheLayout) -> None:
    listing = layout.add("org/name", FILES)
    assert all(arrival.is_whole for arrival in arrivals(layout.repo("org/name"), listing))


def test_a_partial_file_counts_with_its_length(unshared: CacheLayout) -> None:
    listing = listing_of("org/name", FILES)
    repo = unshared.repo("org/name")
    repo.blobs.mkdir(parents=True)
    etag = next(file.etag for file in listing.files if file.path == "model.safetensors")
    (repo.blobs / f"{etag}.1234abcd.incomplete").write_bytes(b"x" * 20)
    (repo.blobs / f"{etag}.incomplete").write_bytes(b"x" * 5)
    seen = {arrival.path: arrival for arrival in arrivals(repo, listing)}
    assert seen["model.safetensors"].arrived_bytes == 20
    assert not seen["model.safetensors"].is_whole
    assert seen["config.json"].arrived_bytes == 0


def test_a_cache_that_does_not_exist_holds_nothing(unshared: CacheLayout) -> None:
    seen = arrivals(unshared.repo("org/name"), listing_of("org/name", FILES))
    assert [arrival.arrived_bytes for arrival in seen] == [0, 0]
