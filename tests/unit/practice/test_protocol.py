"""The protocol of the practice hub, as the unmodified huggingface_hub client speaks it."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest
from huggingface_hub import HfApi, get_hf_file_metadata, hf_hub_download, hf_hub_url, snapshot_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile, RepoFolder

from runbook_lib.practice.content import Content
from runbook_lib.practice.repository import RepositoryFile, linear_history
from runbook_lib.practice.server import PracticeHub
from runbook_lib.system.filesystem import probe_symlink

LAYOUT = "docling-project/docling-layout-heron"
TABLES = "docling-project/docling-models"
WEIGHTS = "model.safetensors"


def _hashes(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize(("repo_id", "revision"), [(LAYOUT, "main"), (TABLES, "v2.3.0")])
def test_a_snapshot_has_the_bytes_of_the_repository(
    hub: PracticeHub, tmp_path: Path, repo_id: str, revision: str
) -> None:
    folder = snapshot_download(repo_id, revision=revision, endpoint=hub.url, cache_dir=tmp_path)
    served = next(repository for repository in hub.repositories if repository.repo_id == repo_id)
    assert Path(folder).name == served.head.id
    assert _hashes(Path(folder)) == {file.path: file.content.sha256 for file in served.head.files}


def test_a_second_snapshot_transfers_no_weights(hub: PracticeHub, tmp_path: Path) -> None:
    snapshot_download(LAYOUT, endpoint=hub.url, cache_dir=tmp_path)
    weights = hub.repositories[0].head.by_path[WEIGHTS]
    assert hub.counters.weight_bytes == weights.size_bytes
    hub.reset_counters()
    snapshot_download(LAYOUT, endpoint=hub.url, cache_dir=tmp_path)
    assert hub.counters.weight_bytes == 0
    assert hub.counters.requests == 1
    assert list(hub.counters.by_path) == [f"/api/models/{LAYOUT}/revision/main"]


def test_a_new_revision_changes_the_readme_alone(tmp_path: Path) -> None:
    if not probe_symlink(tmp_path).works:
        pytest.skip("without symlinks hub fetches everything again")
    with PracticeHub(head="first") as hub:
        first = snapshot_download(LAYOUT, endpoint=hub.url, cache_dir=tmp_path)
        hub.reset_counters()
        hub.move_head("second")
        second = snapshot_download(LAYOUT, endpoint=hub.url, cache_dir=tmp_path)
        assert hub.counters.weight_bytes == 0
    before, after = _hashes(Path(first)), _hashes(Path(second))
    assert [path for path in before if before[path] != after[path]] == ["README.md"]


def test_the_tag_of_docling_moves_with_main(hub: PracticeHub) -> None:
    api = HfApi(endpoint=hub.url)
    for head in ("first", "second"):
        hub.move_head(head)
        assert (
            api.model_info(TABLES, revision="v2.3.0").sha == api.model_info(TABLES).sha == hub.repositories[1].head.id
        )


def test_branches_tags_and_short_or_long_commit_ids_are_revisions(hub: PracticeHub) -> None:
    first, second = hub.repositories[0].commits
    api = HfApi(endpoint=hub.url)
    expected = {"main": second, "latest": second, "previous": first, first.id: first, second.id[:8]: second}
    assert {name: api.model_info(LAYOUT, revision=name).sha for name in expected} == {
        name: commit.id for name, commit in expected.items()
    }
    refs = api.list_repo_refs(LAYOUT)
    assert [(ref.name, ref.target_commit) for ref in refs.branches] == [("main", second.id)]
    assert {ref.name: ref.target_commit for ref in refs.tags} == {"latest": second.id, "previous": first.id}


def test_model_info_tells_sizes_and_hashes_when_asked(hub: PracticeHub) -> None:
    info = HfApi(endpoint=hub.url).model_info(LAYOUT, files_metadata=True)
    file = hub.repositories[0].head.by_path[WEIGHTS]
    sibling = next(sibling for sibling in info.siblings or [] if sibling.rfilename == WEIGHTS)
    assert (sibling.size, sibling.blob_id) == (file.size_bytes, file.git_oid)
    assert sibling.lfs is not None
    assert (sibling.lfs.sha256, sibling.lfs.size, sibling.lfs.pointer_size) == (file.etag, file.size_bytes, 132)
    assert info.last_modified is not None
    assert info.gated is False


def test_model_info_can_be_expanded_to_single_properties(hub: PracticeHub) -> None:
    info = HfApi(endpoint=hub.url).model_info(LAYOUT, expand=["sha", "usedStorage"])
    assert info.sha == hub.repositories[0].head.id
    assert info.used_storage == sum(file.size_bytes for file in hub.repositories[0].head.files)
    assert info.siblings is None


def test_the_tree_lists_one_level_or_all(hub: PracticeHub) -> None:
    api = HfApi(endpoint=hub.url)
    top = list(api.list_repo_tree(TABLES))
    assert [entry.path for entry in top if isinstance(entry, RepoFolder)] == ["model_artifacts"]
    below = api.list_repo_tree(TABLES, "model_artifacts/tableformer", recursive=True)
    names = [entry.path.rpartition("/")[2] for entry in below]
    assert names == ["accurate", "tableformer_accurate.safetensors", "tm_config.json"]


def test_an_expanded_tree_names_the_commit_that_changed_each_file(hub: PracticeHub) -> None:
    first, second = hub.repositories[0].commits
    entries = HfApi(endpoint=hub.url).list_repo_tree(LAYOUT, expand=True)
    changed = {entry.path: entry.last_commit.oid for entry in entries if entry.last_commit}
    assert changed.pop("README.md") == second.id
    assert set(changed.values()) == {first.id}


def test_a_long_tree_comes_in_pages(tmp_path: Path) -> None:
    files = tuple(RepositoryFile(f"part/{number:05}.txt", Content.of_bytes(b"x")) for number in range(2100))
    with PracticeHub(repositories=[linear_history("org/many", files)]) as hub:
        entries = list(HfApi(endpoint=hub.url).list_repo_tree("org/many", recursive=True))
        assert hub.counters.requests == 3
    listed = [entry.path for entry in entries if isinstance(entry, RepoFile)]
    assert listed == [file.path for file in files]


def test_paths_info_leaves_out_what_is_not_there(hub: PracticeHub) -> None:
    found = HfApi(endpoint=hub.url).get_paths_info(TABLES, ["README.md", "model_artifacts", "no/such"])
    assert [(type(entry), entry.path) for entry in found] == [(RepoFile, "README.md"), (RepoFolder, "model_artifacts")]


@pytest.mark.parametrize(("path", "lfs"), [(WEIGHTS, True), ("config.json", False)])
def test_the_metadata_of_a_file_is_what_the_hub_sends(hub: PracticeHub, path: str, lfs: bool) -> None:
    file = hub.repositories[0].head.by_path[path]
    metadata = get_hf_file_metadata(hf_hub_url(LAYOUT, path, endpoint=hub.url))
    assert (metadata.etag, metadata.size) == (file.etag, file.size_bytes)
    assert metadata.commit_hash == hub.repositories[0].head.id
    assert ("/lfs/" in metadata.location) == lfs
    assert metadata.xet_file_data is None


def test_an_lfs_file_is_redirected_and_everything_else_is_not(hub: PracticeHub) -> None:
    small = httpx.head(f"{hub.url}/{LAYOUT}/resolve/main/config.json")
    large = httpx.head(f"{hub.url}/{LAYOUT}/resolve/main/{WEIGHTS}")
    assert (small.status_code, large.status_code) == (200, 302)
    assert large.headers["X-Linked-Size"] == str(hub.repositories[0].head.by_path[WEIGHTS].size_bytes)
    assert large.headers["Location"].startswith(f"{hub.url}/lfs/")
    for response in (small, large):
        assert response.headers["X-Repo-Commit"] == hub.repositories[0].head.id
        assert response.headers["X-Request-Id"]
        assert not any(name.lower().startswith("x-xet") for name in response.headers)


@pytest.mark.parametrize(
    ("header", "status", "start", "stop"),
    [
        ("bytes=10-19", 206, 10, 20),
        ("bytes=1000-", 206, 1000, None),
        ("bytes=-7", 206, -7, None),
        ("bytes=0-999999", 206, 0, None),
        ("bytes=999999-", 416, 0, 0),
    ],
)
def test_ranges_are_served(hub: PracticeHub, header: str, status: int, start: int, stop: int | None) -> None:
    whole = b"".join(hub.repositories[0].head.by_path["config.json"].content.read())
    url = f"{hub.url}/{LAYOUT}/resolve/main/config.json"
    response = httpx.get(url, headers={"Range": header})
    assert response.status_code == status
    assert response.content == whole[start:stop]
    total = response.headers["Content-Range"].rpartition("/")[2]
    assert int(total) == len(whole)


@pytest.mark.parametrize(
    ("repo_id", "revision", "path", "error"),
    [
        ("org/unknown", "main", "README.md", RepositoryNotFoundError),
        (LAYOUT, "no-such-branch", "README.md", RevisionNotFoundError),
        (LAYOUT, "0" * 40, "README.md", RevisionNotFoundError),
        (LAYOUT, "main", "no_such_file.bin", EntryNotFoundError),
    ],
)
def test_what_is_not_there_is_named_as_the_hub_names_it(
    hub: PracticeHub, tmp_path: Path, repo_id: str, revision: str, path: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        hf_hub_download(repo_id, path, revision=revision, endpoint=hub.url, cache_dir=tmp_path)


def test_an_unknown_folder_of_the_tree_is_an_unknown_entry(hub: PracticeHub) -> None:
    with pytest.raises(EntryNotFoundError):
        list(HfApi(endpoint=hub.url).list_repo_tree(LAYOUT, "no/such/folder"))


def test_a_stale_token_is_refused_everywhere(hub: PracticeHub, tmp_path: Path) -> None:
    with pytest.raises(HfHubHTTPError, match="Invalid credentials in Authorization header"):
        snapshot_download(LAYOUT, endpoint=hub.url, cache_dir=tmp_path, token="stale")
    with pytest.raises(HfHubHTTPError, match="Invalid user token"):
        HfApi(endpoint=hub.url, token="stale").whoami()


def test_any_other_token_has_a_user_and_none_has_not(hub: PracticeHub) -> None:
    assert HfApi(endpoint=hub.url, token="hf_practice").whoami()["name"] == "practice"
    assert httpx.get(f"{hub.url}/api/whoami-v2").status_code == 401


def test_the_root_says_what_this_is(hub: PracticeHub) -> None:
    assert httpx.get(hub.url).json()["repositories"] == [LAYOUT, f"{LAYOUT}-onnx", TABLES]
    assert httpx.post(f"{hub.url}/api/repos/create").status_code == 404


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_commit_ids_are_those_of_git(hub: PracticeHub, tmp_path: Path) -> None:
    def git(*arguments: str, stdin: bytes = b"", people: Mapping[str, str] | None = None) -> str:
        environment = {"GIT_DIR": str(tmp_path / "git"), "PATH": os.environ["PATH"], **(people or {})}
        finished = subprocess.run(["git", *arguments], input=stdin, capture_output=True, env=environment, check=True)
        return finished.stdout.decode().strip()

    git("init", "--quiet", "--bare", str(tmp_path / "git"))
    parent: list[str] = []
    for commit in hub.repositories[1].commits:
        git("read-tree", "--empty")
        for file in commit.files:
            stored = file.pointer if file.lfs else b"".join(file.content.read())
            oid = git("hash-object", "-w", "--stdin", stdin=stored)
            git("update-index", "--add", "--cacheinfo", f"100644,{oid},{file.path}")
        people = {
            f"GIT_{role}_{part}": value
            for role in ("AUTHOR", "COMMITTER")
            for part, value in (
                ("NAME", "Practice Hub"),
                ("EMAIL", "practice@localhost"),
                ("DATE", f"{int(commit.date.timestamp())} +0000"),
            )
        }
        made = git("commit-tree", git("write-tree"), *parent, "-m", commit.title, people=people)
        assert made == commit.id
        parent = ["-p", made]


@pytest.mark.parametrize("path", ["", "/revision/main", "/tree/main", "/refs"])
def test_head_answers_as_get_does_without_a_body(hub: PracticeHub, path: str) -> None:
    """Caching mirrors ask so before they fetch."""
    url = f"{hub.url}/api/models/{LAYOUT}{path}"
    asked, got = httpx.head(url), httpx.get(url)
    assert (asked.status_code, asked.content) == (200, b"")
    for name in ("content-type", "content-length", "x-repo-commit"):
        assert asked.headers.get(name) == got.headers.get(name)
