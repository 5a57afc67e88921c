"""What is no bundle, or no longer one, or one that means harm: one clear error, and nothing is written."""

import hashlib
import io
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.bundle.export import export_bundle
from runbook_lib.bundle.names import reason_against, require_names
from runbook_lib.errors import BundleError, DiskError
from runbook_lib.run.target import ResolvedTarget
from tests.unit.bundle.bundles import Forge, MakeTarget, take
from tests.unit.cache_layouts import state_on_disk
from tests.unit.stages.verify.real_caches import WEIGHTS, Installed, flip_bit


@pytest.fixture
def forge(folder: Path, tmp_path: Path) -> Forge:
    return Forge.of(folder, tmp_path / "forged")


def refusal(path: Path, target: ResolvedTarget, tmp_path: Path) -> BundleError:
    """Import, and require that it is refused and has changed nothing anywhere."""
    before = state_on_disk(tmp_path)
    with pytest.raises(BundleError) as caught:
        take(path, target)
    assert state_on_disk(tmp_path).keys() == before.keys()
    error = caught.value
    assert error.why
    assert error.remedy
    return error


# -------------------------------------------------------------------------------------------------- names

HOSTILE = [
    "../outside",
    "a/../../outside",
    "..\\outside",
    "/etc/passwd",
    "\\\\server\\share\\x",
    "C:/Windows/x",
    "c:x",
    "x:stream",
    "con",
    "CON.txt",
    "sub/nul",
    "COM1.json",
    "aux .txt",
    "lpt9",
    "ends.",
    "ends ",
    "a//b",
    "./a",
    "a/",
    "a/./b",
    "",
    "bell\x07",
    "line\nfeed",
    "zero\x00",
    "what?",
    "st*r",
    "pipe|",
    '"',
    "<",
    ".cache/huggingface/trees/x.json",
    ".runbook-artifacts.json",
    "sub/.RUNBOOK-QUARANTINE/x",
    "n" * 256,
    "\u00e4" * 130,
    "/".join(["part"] * 300),
    "\ud800",
]


@pytest.mark.parametrize("name", HOSTILE, ids=[ascii(name)[:30] for name in HOSTILE])
def test_a_name_that_would_do_harm_on_any_system_is_refused(name: str) -> None:
    assert reason_against(name)
    with pytest.raises(BundleError):
        require_names([name], "it")


@pytest.mark.parametrize(
    "name",
    ["model.safetensors", ".gitattributes", "model_artifacts/tableformer/fast/x.json", "console.txt", "\u00fc.md"],
)
def test_names_that_models_have_are_taken(name: str) -> None:
    require_names([name, "other"], "it")


@pytest.mark.parametrize(
    "names",
    [
        ["README.md", "readme.MD"],
        ["\u00fc", "u\u0308"],
        ["folder", "folder/file"],
        ["Folder/x", "folder"],
        ["same", "same"],
        ["stra\u00dfe", "STRASSE"],
    ],
)
def test_two_names_that_are_one_file_somewhere_are_refused(names: list[str]) -> None:
    with pytest.raises(BundleError):
        require_names(names, "it")
    with pytest.raises(BundleError):
        require_names(list(reversed(names)), "it")


@pytest.mark.parametrize("name", ["../../outside", "/abs", "C:/x", "con", "README.md/x", ".cache/huggingface/x", "a:b"])
def test_a_bundle_that_agrees_with_itself_about_a_hostile_name_is_refused_too(
    forge: Forge, make_target: MakeTarget, tmp_path: Path, name: str
) -> None:
    forge.rename("config.json", name)
    refusal(forge.root, make_target(), tmp_path)


@pytest.mark.parametrize("ref", ["../../../x", "/abs", "a\\..\\..\\b", "con", "x\ny"])
def test_a_ref_that_leads_elsewhere_is_refused(forge: Forge, make_target: MakeTarget, tmp_path: Path, ref: str) -> None:
    def change(kind: str, document: dict[str, Any]) -> None:
        if kind == "config":
            document["refs"] = {name: [ref] for name in document["refs"]}

    forge.rewrite(change)
    refusal(forge.root, make_target(), tmp_path)


def test_a_revision_that_leads_elsewhere_is_refused(forge: Forge, make_target: MakeTarget, tmp_path: Path) -> None:
    def change(kind: str, document: dict[str, Any]) -> None:
        if kind == "lock":
            document["repositories"][0]["revision"] = "../../../outside"

    forge.rewrite(change)
    refusal(forge.root, make_target(), tmp_path)


# ---------------------------------------------------------------------------------------------- agreement


def drop_layer(kind: str, document: dict[str, Any]) -> None:
    if kind == "model":
        document["layers"].pop()


def other_size(kind: str, document: dict[str, Any]) -> None:
    if kind in ("model", "lock"):
        files = document["layers"] if kind == "model" else document["repositories"][0]["files"]
        for file in files:
            if WEIGHTS in str(file):
                file["size" if kind == "model" else "size_bytes"] += 1


def other_commit(kind: str, document: dict[str, Any]) -> None:
    if kind == "lock":
        document["repositories"][0]["commit"] = "0" * 40


def other_git_id(kind: str, document: dict[str, Any]) -> None:
    if kind == "lock":
        for file in document["repositories"][0]["files"]:
            if not file["lfs"]:
                file["git_sha1"] = "1" * 40


def no_lock(kind: str, document: dict[str, Any]) -> None:
    if kind == "papers":
        layers = document["layers"]
        document["layers"] = [one for one in layers if "lock" not in one["mediaType"]]


def odd_digest(kind: str, document: dict[str, Any]) -> None:
    if kind == "model":
        document["layers"][0]["digest"] = "sha256:../../x"


def unknown_field(kind: str, document: dict[str, Any]) -> None:
    if kind == "lock":
        document["surprise"] = 1


def needs_more(kind: str, document: dict[str, Any]) -> None:
    if kind == "config":
        document["requires"] = ["teleport"]


def newer(kind: str, document: dict[str, Any]) -> None:
    if kind == "config":
        document["schema_version"] = 2


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (drop_layer, "contradicts"),
        (other_size, "damaged"),
        (other_commit, "contradicts"),
        (other_git_id, "contradicts"),
        (no_lock, "lock"),
        (odd_digest, "manifest"),
        (unknown_field, "surprise"),
        (needs_more, "teleport"),
        (newer, "newer"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_documents_that_do_not_agree_are_refused(
    forge: Forge,
    make_target: MakeTarget,
    tmp_path: Path,
    change: Callable[[str, dict[str, Any]], None],
    says: str,
) -> None:
    forge.rewrite(change)
    error = refusal(forge.root, make_target(), tmp_path)
    assert says in f"{error.what} {error.why}"


def test_unknown_fields_that_nothing_depends_on_are_passed_over(forge: Forge, make_target: MakeTarget) -> None:
    def change(kind: str, document: dict[str, Any]) -> None:
        if kind != "lock":
            document["later"] = {"x": 1}

    forge.rewrite(change)
    assert take(forge.root, make_target()).changed


# ---------------------------------------------------------------------------------------------- contents


def weights_of(root: Path) -> Path:
    return max((root / "blobs" / "sha256").iterdir(), key=lambda path: path.stat().st_size)


def test_a_flipped_bit_in_the_weights_is_refused(forge: Forge, make_target: MakeTarget, tmp_path: Path) -> None:
    flip_bit(weights_of(forge.root), 999_999)
    assert "damaged" in refusal(forge.root, make_target(), tmp_path).what


def test_a_flipped_bit_in_any_document_is_refused(forge: Forge, make_target: MakeTarget, tmp_path: Path) -> None:
    target = make_target()
    for path in sorted((forge.root / "blobs" / "sha256").iterdir()):
        content = path.read_bytes()
        if content.startswith((b"{", b"[")):
            flip_bit(path, 80)
            refusal(forge.root, target, tmp_path)
            path.write_bytes(content)
    assert take(forge.root, target).changed


def test_a_missing_content_and_a_short_one_are_refused(forge: Forge, make_target: MakeTarget, tmp_path: Path) -> None:
    weights = weights_of(forge.root)
    with weights.open("r+b") as file:
        file.truncate(1000)
    assert "1000 bytes" in refusal(forge.root, make_target(), tmp_path).why
    weights.unlink()
    assert "missing" in refusal(forge.root, make_target(), tmp_path).why


@pytest.mark.parametrize("where", ["blob", "index.json", "oci-layout"])
def test_a_link_in_place_of_a_file_is_refused(
    forge: Forge, make_target: MakeTarget, tmp_path: Path, where: str
) -> None:
    path = weights_of(forge.root) if where == "blob" else forge.root / where
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert "regular file" in refusal(forge.root, make_target(), tmp_path).why


def test_a_named_pipe_is_refused_and_not_waited_for(forge: Forge, make_target: MakeTarget, tmp_path: Path) -> None:
    path = weights_of(forge.root)
    path.unlink()
    os.mkfifo(path)
    assert "regular file" in refusal(forge.root, make_target(), tmp_path).why


@pytest.mark.parametrize("name", ["index.json", "oci-layout"])
def test_a_document_larger_than_any_is_not_read(
    forge: Forge, make_target: MakeTarget, tmp_path: Path, name: str
) -> None:
    with (forge.root / name).open("r+b") as file:
        file.truncate(10 * 1024**3)
    assert "bytes" in refusal(forge.root, make_target(), tmp_path).why


def test_nested_json_is_refused(forge: Forge, make_target: MakeTarget, tmp_path: Path) -> None:
    (forge.root / "index.json").write_text("[" * 100_000, encoding="utf-8")
    refusal(forge.root, make_target(), tmp_path)


def test_a_folder_that_is_none_says_so(make_target: MakeTarget, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "oci-layout is missing" in refusal(tmp_path / "empty", make_target(), tmp_path).why
    assert "no bundle at" in refusal(tmp_path / "nowhere", make_target(), tmp_path).what


def test_a_layout_of_something_else_says_so(forge: Forge, make_target: MakeTarget, tmp_path: Path) -> None:
    (forge.root / "index.json").write_text('{"schemaVersion": 2, "manifests": []}', encoding="utf-8")
    assert "not a bundle of this runbook" in refusal(forge.root, make_target(), tmp_path).what


# --------------------------------------------------------------------------------------------- tar files


@pytest.fixture
def archive(installed: Installed, tmp_path: Path) -> Path:
    export_bundle(installed.run, tmp_path / "bundle.tar")
    return tmp_path / "bundle.tar"


@pytest.mark.parametrize("percent", [1, 20, 50, 90, 99])
def test_a_file_that_ends_early_is_refused(
    archive: Path, make_target: MakeTarget, tmp_path: Path, percent: int
) -> None:
    with archive.open("r+b") as file:
        file.truncate((archive.stat().st_size - 10_240) * percent // 100)
    refusal(archive, make_target(), tmp_path)


def member(name: str, **facts: Any) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    for key, value in facts.items():
        setattr(made, key, value)
    return made


@pytest.mark.parametrize(
    "odd",
    [
        member("blobs/sha256/link", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        member("blobs/sha256/link", type=tarfile.LNKTYPE, linkname="index.json"),
        member("device", type=tarfile.CHRTYPE),
        member("pipe", type=tarfile.FIFOTYPE),
        member("index.json"),
    ],
    ids=["symlink", "hard link", "device", "pipe", "twice"],
)
def test_a_member_that_no_bundle_has_is_refused(
    archive: Path, make_target: MakeTarget, tmp_path: Path, odd: tarfile.TarInfo
) -> None:
    with tarfile.open(archive, "a") as tar:
        tar.addfile(odd, io.BytesIO(b""))
    refusal(archive, make_target(), tmp_path)


def test_members_with_other_names_are_never_written(archive: Path, make_target: MakeTarget, tmp_path: Path) -> None:
    with tarfile.open(archive, "a") as tar:
        tar.addfile(member("../../evil", size=4), io.BytesIO(b"evil"))
    assert take(archive, make_target()).changed
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("size", [10**12, 2 * 1024**2])
def test_a_header_that_claims_a_name_of_gigabytes_is_not_believed(
    make_target: MakeTarget, tmp_path: Path, size: int
) -> None:
    header = member("././@LongLink", type=tarfile.GNUTYPE_LONGNAME, size=size).tobuf(tarfile.GNU_FORMAT)
    with (tmp_path / "bomb.tar").open("wb") as file:
        file.write(header)
        file.truncate(3 * 1024**2)
    refusal(tmp_path / "bomb.tar", make_target(), tmp_path)


@pytest.mark.parametrize("kind", ["gz", "noise", "empty", "text"])
def test_a_file_that_is_no_tar_file_says_so(archive: Path, make_target: MakeTarget, tmp_path: Path, kind: str) -> None:
    other = tmp_path / "other.tar"
    if kind == "gz":
        with tarfile.open(other, "w:gz") as tar:
            tar.add(archive.parent / "bundle.tar", "index.json")
    else:
        noise = hashlib.sha512(b"noise").digest() * 100
        other.write_bytes({"noise": noise, "empty": b"", "text": b"hello\n" * 1000}[kind])
    refusal(other, make_target(), tmp_path)


# ------------------------------------------------------------------------------------------------- room


def test_without_room_nothing_is_begun(
    folder: Path, make_target: MakeTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runbook_lib.bundle.staging.free_bytes", lambda _path: 1000)
    target = make_target()
    with pytest.raises(DiskError, match="not enough space"):
        take(folder, target)
    assert not target.cache_dir.exists()


def test_what_a_killed_import_left_goes_with_the_next(folder: Path, make_target: MakeTarget, tmp_path: Path) -> None:
    target = make_target()
    left = target.cache_dir / ".locks" / "runbook-import"
    left.mkdir(parents=True)
    shutil.copy(weights_of(folder), left / "half")
    assert take(folder, target).changed
    assert not left.exists()
