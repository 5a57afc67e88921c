"""Unchanged files become hard links in the new snapshot, in every layout of the cache."""

import os
from pathlib import Path

import pytest

from runbook_lib.cache import snapshot_links
from runbook_lib.cache.hashing import sha256_of
from runbook_lib.cache.layout import ListedFile, Listing
from runbook_lib.cache.snapshot_links import link_unchanged_files, linkable_files
from tests.unit.cache_layouts import CacheLayout, listing_of

REPO = "org/model"
FIRST = {"model.safetensors": b"weights " * 1000, "config.json": b'{"a": 1}', "sub/vocab.txt": b"words"}
SECOND = {**FIRST, "config.json": b'{"a": 2, "b": 3}'}


def _paths(files: tuple[ListedFile, ...]) -> list[str]:
    return [file.path for file in files]


def test_unchanged_files_are_linked_and_the_changed_one_is_left_to_be_fetched(layout: CacheLayout) -> None:
    old = layout.add(REPO, FIRST)
    new = listing_of(REPO, SECOND)
    repo = layout.repo(REPO)
    assert _paths(linkable_files(repo, new)) == ["model.safetensors", "sub/vocab.txt"]
    assert not repo.snapshot(new.commit).exists()
    assert _paths(link_unchanged_files(repo, new)) == ["model.safetensors", "sub/vocab.txt"]
    for name in ("model.safetensors", "sub/vocab.txt"):
        assert (repo.snapshot(new.commit) / name).read_bytes() == SECOND[name]
        assert (repo.snapshot(new.commit) / name).samefile(repo.snapshot(old.commit) / name)
        assert not (repo.snapshot(new.commit) / name).is_symlink()
    assert not (repo.snapshot(new.commit) / "config.json").exists()


def test_linking_again_finds_nothing_to_do(layout: CacheLayout) -> None:
    layout.add(REPO, FIRST)
    new = listing_of(REPO, SECOND)
    link_unchanged_files(layout.repo(REPO), new)
    assert link_unchanged_files(layout.repo(REPO), new) == ()


def test_a_damaged_old_file_is_never_spread(layout: CacheLayout) -> None:
    old = layout.add(REPO, FIRST)
    repo, new = layout.repo(REPO), listing_of(REPO, SECOND)
    weights = repo.snapshot(old.commit) / "model.safetensors"
    damaged = bytearray(FIRST["model.safetensors"])
    damaged[4000] ^= 1
    weights.write_bytes(damaged)
    assert _paths(link_unchanged_files(repo, new)) == ["sub/vocab.txt"]
    assert not (repo.snapshot(new.commit) / "model.safetensors").exists()


def test_a_renamed_file_is_found_by_its_hash(layout: CacheLayout) -> None:
    layout.add(REPO, FIRST)
    new = listing_of(REPO, {"renamed.safetensors": FIRST["model.safetensors"]})
    assert _paths(link_unchanged_files(layout.repo(REPO), new)) == ["renamed.safetensors"]


def test_a_cache_without_listings_is_searched_by_length_and_hash(layout: CacheLayout) -> None:
    layout.add(REPO, FIRST, keeps_listing=False)
    new = listing_of(REPO, {**SECOND, "sub/vocab.txt": b"WORDS"})
    assert _paths(link_unchanged_files(layout.repo(REPO), new)) == ["model.safetensors"]


def test_weights_are_found_in_another_repository_and_small_files_are_not(layout: CacheLayout) -> None:
    layout.add("other/model", FIRST)
    assert _paths(link_unchanged_files(layout.repo(REPO), listing_of(REPO, FIRST))) == ["model.safetensors"]


def test_a_blob_that_no_snapshot_leads_to_is_used(unshared: CacheLayout) -> None:
    new = listing_of(REPO, FIRST)
    repo = unshared.repo(REPO)
    repo.blobs.mkdir(parents=True)
    weights = next(file for file in new.files if file.sha256)
    (repo.blobs / weights.etag).write_bytes(FIRST[weights.path])
    assert _paths(link_unchanged_files(repo, new)) == [weights.path]


@pytest.mark.skipif(os.name == "nt", reason="needs symlinks")
def test_a_source_outside_the_cache_is_refused(unshared: CacheLayout, tmp_path: Path) -> None:
    old = unshared.add(REPO, FIRST)
    weights = unshared.repo(REPO).snapshot(old.commit) / "model.safetensors"
    weights.rename(tmp_path / "elsewhere")
    weights.symlink_to(tmp_path / "elsewhere")
    assert _paths(link_unchanged_files(unshared.repo(REPO), listing_of(REPO, SECOND))) == ["sub/vocab.txt"]


@pytest.mark.skipif(os.name == "nt", reason="needs symlinks")
def test_a_snapshot_folder_that_leads_out_of_the_cache_is_not_written_to(unshared: CacheLayout, tmp_path: Path) -> None:
    unshared.add(REPO, FIRST)
    new = listing_of(REPO, SECOND)
    snapshot = unshared.repo(REPO).snapshot(new.commit)
    (tmp_path / "elsewhere").mkdir()
    snapshot.mkdir()
    (snapshot / "sub").symlink_to(tmp_path / "elsewhere")
    assert _paths(link_unchanged_files(unshared.repo(REPO), new)) == ["model.safetensors"]
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("name", ["../evil.safetensors", "/evil.safetensors", "C:\\evil.safetensors", "a/../../b"])
def test_a_name_that_leads_out_of_the_snapshot_is_passed_over(unshared: CacheLayout, name: str) -> None:
    unshared.add(REPO, FIRST)
    file = listing_of(REPO, FIRST).files[1].model_copy(update={"path": name})
    listing = Listing(repo_id=REPO, revision="main", commit="f" * 40, files=(file,))
    assert link_unchanged_files(unshared.repo(REPO), listing) == ()


def test_a_file_of_wrong_length_in_the_new_snapshot_is_replaced(unshared: CacheLayout) -> None:
    unshared.add(REPO, FIRST)
    new = listing_of(REPO, SECOND)
    target = unshared.repo(REPO).snapshot(new.commit) / "model.safetensors"
    target.parent.mkdir()
    target.write_bytes(b"half")
    link_unchanged_files(unshared.repo(REPO), new)
    assert target.read_bytes() == SECOND["model.safetensors"]


def test_a_source_exchanged_while_it_is_hashed_is_not_linked(
    unshared: CacheLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hash_then_exchange(path: Path) -> str:
        digest = sha256_of(path)
        other = path.with_name("other")
        other.write_bytes(b"E" * path.stat().st_size)
        other.replace(path)
        return digest

    unshared.add(REPO, FIRST)
    new = listing_of(REPO, SECOND)
    monkeypatch.setattr(snapshot_links, "sha256_of", hash_then_exchange)
    assert _paths(link_unchanged_files(unshared.repo(REPO), new)) == ["sub/vocab.txt"]
    assert not (unshared.repo(REPO).snapshot(new.commit) / "model.safetensors").exists()


def test_each_content_is_hashed_once_however_many_names_it_has(
    unshared: CacheLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[Path] = []

    def counted(path: Path) -> str:
        hashed.append(path)
        return sha256_of(path)

    unshared.add(REPO, {"a.safetensors": b"w" * 50})
    new = listing_of(REPO, dict.fromkeys(("x.safetensors", "y.safetensors", "z.safetensors"), b"w" * 50))
    monkeypatch.setattr(snapshot_links, "sha256_of", counted)
    assert len(link_unchanged_files(unshared.repo(REPO), new)) == 3
    assert len(hashed) == 1


def test_an_empty_cache_has_nothing_to_link(unshared: CacheLayout) -> None:
    assert linkable_files(unshared.repo(REPO), listing_of(REPO, FIRST)) == ()
    assert link_unchanged_files(unshared.repo(REPO), listing_of(REPO, FIRST)) == ()
    assert not unshared.cache_dir.exists()
