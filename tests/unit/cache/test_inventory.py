"""What stands in a cache, and that nobody else looks for himself."""

import ast
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import runbook_lib
from runbook_lib.cache.inventory import Entry, Role, files_below, inventory
from tests.unit.cache_layouts import CacheLayout

PACKAGE = Path(runbook_lib.__file__).parent

WALKING = {"rglob", "glob", "iterdir", "walk", "scandir", "listdir", "fwalk"}
ELSEWHERE = {
    "cache/walk.py": "the one walk",
    "audit/sources/walk.py": "a service's repository",
    "bundle/wheel_download.py": "wheels in a folder of this program's own",
    "checks/probes/jupyter.py": "notebooks beside the working folder",
    "checks/probes/runtime.py": "OpenMP libraries of installed packages",
    "checks/probes/ocr_engines.py": "the models inside the installed rapidocr",
    "bundle/media.py": "whether a folder for a bundle is empty",
    "fleet/report/store.py": "records at an address that fsspec knows",
    "headless/died.py": "folders of runs",
    "history/prune.py": "folders of runs",
    "upkeep/repair/notes.py": "notes in the folder of a run",
    "headless/scratch.py": "temporary folders of runs that were killed",
    "interactive/lab.py": "the notebooks",
    "quirks/catalogue.py": "the entries of the catalogue",
    "run/documents.py": "documents of the user",
    "stages/convert/collect.py": "what a conversion wrote",
    "run/folder.py": "folders of runs",
    "run/presence.py": "marks in the folder of a run",
    "system/other_hub.py": "site-packages of another program",
    "practice/drills/machines.py": "a drill's own folder",
    "workers/scripts/ocr_files.py": "a temporary folder, in the interpreter under examination",
    "workers/scripts/fetch_snapshot.py": "runs in the interpreter under examination, without anything of ours",
}
"""Modules that list folders, and which; none of these is a cache or an artifacts folder."""


def listing_calls(path: Path) -> Iterator[str]:
    """Yield the names of the functions by which a module lists folders."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            of_syntax = isinstance(node.func.value, ast.Name) and node.func.value.id == "ast"
            yield from {node.func.attr} & WALKING if not of_syntax else ()
        if isinstance(node, ast.ImportFrom) and node.module in ("os", "glob"):
            yield from (alias.name for alias in node.names if alias.name in WALKING)


def test_nothing_but_the_inventory_walks_a_cache() -> None:
    found = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if any(listing_calls(path))}
    assert found == set(ELSEWHERE)


def by_name(entries: Iterator[Entry], cache_dir: Path) -> dict[str, Entry]:
    return {entry.path.relative_to(cache_dir).as_posix(): entry for entry in entries}


def test_every_name_of_a_cache_is_there_once_with_its_role(layout: CacheLayout) -> None:
    revision = layout.add("org/name", {"config.json": b"{}", "sub/model.safetensors": b"w" * 100})
    repo = layout.repo("org/name")
    repo.blobs.mkdir(exist_ok=True)
    (repo.blobs / f"{'a' * 64}.12345678.incomplete").write_bytes(b"x")
    (repo.snapshot(revision.commit) / ".123456.rblink").write_bytes(b"x")
    for path in (
        ".locks/models--org--name/a.lock",
        "blobs/shared",
        "models--org--name/.runbook-quarantine/1/bad",
        "x/y",
    ):
        (layout.cache_dir / path).parent.mkdir(parents=True, exist_ok=True)
        (layout.cache_dir / path).write_bytes(b"x")
    entries = tuple(inventory(layout.cache_dir))
    found = by_name(iter(entries), layout.cache_dir)
    assert len(found) == len(entries)
    everything = {
        path.relative_to(layout.cache_dir).as_posix() for path in layout.cache_dir.rglob("*") if not path.is_dir()
    }
    assert everything - set(found) == set()
    home = f"models--org--name/snapshots/{revision.commit}"
    assert {
        name: found[name].role for name in found if "blobs/" not in name or "incomplete" in name or name[0] == "b"
    } == {
        f"{home}/config.json": Role.SNAPSHOT,
        f"{home}/sub/model.safetensors": Role.SNAPSHOT,
        f"{home}/.123456.rblink": Role.TEMPORARY,
        f"models--org--name/blobs/{'a' * 64}.12345678.incomplete": Role.INCOMPLETE,
        "models--org--name/refs/main": Role.REF,
        f"models--org--name/trees/{revision.commit}.json": Role.LISTING,
        "models--org--name/.runbook-quarantine/1/bad": Role.QUARANTINE,
        ".locks/models--org--name/a.lock": Role.LOCK,
        "blobs/shared": Role.SHARED_STORE,
        "x/y": Role.OTHER,
    }


def test_a_name_in_a_snapshot_knows_repository_commit_etag_and_content(layout: CacheLayout) -> None:
    revision = layout.add("org/name", {"model.safetensors": b"w" * 100})
    (entry,) = (entry for entry in inventory(layout.cache_dir) if entry.role is Role.SNAPSHOT)
    listing = layout.repo("org/name").listing(revision.commit)
    assert listing is not None
    assert (entry.folder, entry.commit, entry.name) == ("models--org--name", revision.commit, "model.safetensors")
    assert entry.etag == listing.files[0].etag
    assert (entry.link is not None) is (layout.mode == "symlink")
    content = entry.content()
    assert content is not None
    assert content.st_size == 100


@pytest.mark.skipif(os.name == "nt", reason="symlinks need a privilege there")
def test_a_link_to_nothing_has_no_content_and_is_dangling(unshared: CacheLayout) -> None:
    revision = unshared.add("org/name", {"config.json": b"{}"})
    (unshared.repo("org/name").snapshot(revision.commit) / "gone").symlink_to("../../blobs/gone")
    (entry,) = (entry for entry in inventory(unshared.cache_dir) if entry.name == "gone")
    assert (entry.content(), entry.is_dangling(), entry.link) == (None, True, "../../blobs/gone")


def test_a_model_folder_is_told_by_its_stamp_and_its_notes_are_no_files_of_the_model(tmp_path: Path) -> None:
    folder = tmp_path / "org--name"
    for name in (
        "config.json",
        ".runbook-artifacts.json",
        ".cache/huggingface/download/h.e.incomplete",
        "sub/.cache/x",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"{}")
    (tmp_path / "loose").write_bytes(b"x")
    entries = {entry.name: entry.role for entry in inventory(tmp_path / "no-cache", tmp_path)}
    assert entries == {
        "loose": Role.ARTIFACT,
        "config.json": Role.ARTIFACT,
        "sub/.cache/x": Role.ARTIFACT,
        ".runbook-artifacts.json": Role.NOTE,
        ".cache/huggingface/download/h.e.incomplete": Role.INCOMPLETE,
    }
    assert [path.relative_to(folder).as_posix() for path in files_below(folder)] == ["config.json", "sub/.cache/x"]
