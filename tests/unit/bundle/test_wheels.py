"""Wheels in a bundle: what is locked is what is carried and put in place; anything else is refused."""

import hashlib
import json
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.bundle.compare import show_bundle
from runbook_lib.bundle.export import export_bundle
from runbook_lib.bundle.read import open_bundle
from runbook_lib.bundle.sources import opened_source
from runbook_lib.bundle.wheel_download import FetchedWheels, fetched_wheels
from runbook_lib.bundle.wheelhouse import LockedWheel, Wheelhouse, WheelTarget, read_pylock
from runbook_lib.errors import BundleError, UsageError
from runbook_lib.run.settings import Settings
from tests.unit.bundle.bundles import Forge, MakeTarget, read, take
from tests.unit.stages.verify.real_caches import Installed

FILES = {
    "colorama-0.4.6-py2.py3-none-any.whl": ("colorama", "0.4.6", b"colours" * 300),
    "rpds_py-2026.9.1-cp311-cp311-win_amd64.whl": ("rpds-py", "2026.9.1", b"compiled" * 30_000),
}


@pytest.fixture
def wheels(tmp_path: Path) -> FetchedWheels:
    """Wheels as the clients leave them; their content is of no matter here."""
    house = tmp_path / "fetched"
    house.mkdir()
    locked = []
    for name, (package, version, content) in FILES.items():
        (house / name).write_bytes(content)
        locked.append(LockedWheel(package, version, name, len(content), hashlib.sha256(content).hexdigest()))
    return FetchedWheels(Wheelhouse("3.11", tuple(locked)), house)


@pytest.fixture
def carrying(installed: Installed, wheels: FetchedWheels, tmp_path: Path) -> Path:
    export_bundle(installed.run, tmp_path / "carrying", wheels=wheels)
    return tmp_path / "carrying"


@pytest.mark.parametrize("name", ["bundle", "bundle.tar"])
def test_they_are_put_into_a_folder_with_what_installs_them(
    installed: Installed, wheels: FetchedWheels, make_target: MakeTarget, tmp_path: Path, name: str
) -> None:
    made = export_bundle(installed.run, tmp_path / name, wheels=wheels)
    assert made.wheels == 2
    with opened_source(tmp_path / name) as source:
        assert "2 wheels" in str(show_bundle(open_bundle(source), verify=True))
    target, there = make_target(), tmp_path / "there" / "wheels"
    taken = take(tmp_path / name, target, papers_dir=tmp_path / "papers", wheels_dir=there)
    assert taken.wheels is not None
    assert (taken.wheels.count, taken.wheels.placed, taken.wheels.python) == (2, 2, "3.11")
    assert {path.name: path.read_bytes() for path in there.glob("*.whl")} == {
        wheel: content for wheel, (_package, _version, content) in FILES.items()
    }
    assert sorted(path.name for path in there.iterdir()) == sorted([*FILES, "pylock.toml", "requirements.txt"])
    assert read_pylock((there / "pylock.toml").read_bytes(), "it") == wheels.house
    assert f"colorama==0.4.6 --hash=sha256:{wheels.house.wheels[0].sha256}" in (there / "requirements.txt").read_text()
    assert "--no-index --find-links" in str(taken)
    assert not (tmp_path / "papers" / "wheels").exists()
    (there / next(iter(FILES))).write_bytes(b"somebody wrote to it")
    again = take(tmp_path / name, target, wheels_dir=there).wheels
    assert again is not None
    assert again.placed == 1


def test_a_bundle_without_wheels_says_so_before_anything_is_written(
    folder: Path, make_target: MakeTarget, tmp_path: Path
) -> None:
    target = make_target()
    with pytest.raises(BundleError, match="carries no wheels"):
        take(folder, target, wheels_dir=tmp_path / "wheels")
    assert not target.cache_dir.exists()


def test_a_damaged_wheel_leaves_none(carrying: Path, make_target: MakeTarget, tmp_path: Path) -> None:
    blob = max((carrying / "blobs" / "sha256").iterdir(), key=lambda path: path.read_bytes().startswith(b"compiled"))
    content = bytearray(blob.read_bytes())
    content[9] ^= 1
    blob.write_bytes(content)
    with pytest.raises(BundleError, match="damaged"):
        take(carrying, make_target(), wheels_dir=tmp_path / "there")
    assert not list((tmp_path / "there").glob("*"))


def lacks_one(wheels: dict[str, Any]) -> None:
    wheels["layers"].pop()


def has_another_name(wheels: dict[str, Any]) -> None:
    wheels["layers"][0]["annotations"]["org.cncf.model.filepath"] = "other.whl"


@pytest.mark.parametrize("change", [lacks_one, has_another_name])
def test_a_manifest_that_lists_others_than_the_lock_is_refused(
    carrying: Path, tmp_path: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    forge = Forge.of(carrying, tmp_path / "forged")

    def rewritten(_kind: str, document: dict[str, Any]) -> None:
        if "wheels" in document.get("artifactType", ""):
            change(document)

    forge.rewrite(rewritten)
    with pytest.raises(BundleError, match="contradicts itself"):
        read(forge.root)


def lock(**changes: object) -> bytes:
    wheel = {"name": "a-1-py3-none-any.whl", "path": "a-1-py3-none-any.whl", "size": 1, "sha256": "0" * 64, **changes}
    keys = "".join(f"{key} = {json.dumps(wheel[key])}\n" for key in ("name", "path", "size", "url") if wheel.get(key))
    hashes = f"hashes = {{ sha256 = {json.dumps(wheel['sha256'])} }}\n"
    head = 'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "a"\nversion = "1"\n'
    return f"{head}[[packages.wheels]]\n{keys}{hashes}".encode()


def test_the_example_that_the_next_ones_spoil_is_read() -> None:
    assert read_pylock(lock(), "it").wheels[0].name == "a-1-py3-none-any.whl"
    assert tomllib.loads(read_pylock(lock(), "it").pylock())["packages"][0]["name"] == "a"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[" * 20_000,
        lock().replace(b'lock-version = "1.0"', b'lock-version = "2.0"'),
        lock(path="../a-1-py3-none-any.whl"),
        lock(path="C:/a-1-py3-none-any.whl"),
        lock(name="../a-1-py3-none-any.whl", path="../a-1-py3-none-any.whl"),
        lock(name="b-1-py3-none-any.whl", path="b-1-py3-none-any.whl"),
        lock(name="a-2-py3-none-any.whl", path="a-2-py3-none-any.whl"),
        lock(name="pylock.toml", path="pylock.toml"),
        lock(path="", url="https://example.org/a-1-py3-none-any.whl"),
        lock(size=0),
        lock(sha256="0" * 63),
        lock() + b"[[packages.wheels]]\n" + lock().partition(b"[[packages.wheels]]\n")[2],
    ],
)
def test_a_list_of_wheels_that_leads_elsewhere_or_is_none_is_refused(content: bytes) -> None:
    with pytest.raises(BundleError):
        read_pylock(content, "it")


# ------------------------------------------------------------------------------------------------ fetching


@pytest.mark.parametrize("text", ["", "win_amd64", "win_amd64-2.7", "win-amd64-3.11", "beos-3.11", "win_amd64-3.11 "])
def test_platforms_that_are_none_are_usage_errors_that_list_them(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        WheelTarget.parse(text)
    assert "win_amd64, win_arm64, manylinux_2_28_x86_64" in caught.value.remedy


def test_a_platform_takes_the_wheels_of_older_ones() -> None:
    linux = WheelTarget.parse("manylinux_2_28_x86_64-3.12")
    assert linux.platforms[0] == "manylinux_2_28_x86_64"
    assert {"manylinux_2_17_x86_64", "manylinux2014_x86_64"} <= set(linux.platforms)
    assert "manylinux_2_34_x86_64" not in linux.platforms
    assert linux.environment["platform_machine"] == "x86_64"
    assert "macosx_11_0_arm64" in WheelTarget.parse("macosx_13_0_arm64-3.12").platforms
    assert WheelTarget.parse("win_amd64-3.11").environment["platform_machine"] == "AMD64"


def test_what_the_client_says_is_told_without_secrets_and_nothing_is_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("UV_INDEX_URL", "http://me:hunter2secret@127.0.0.1:1/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with (
        pytest.raises(BundleError, match="cannot be fetched") as caught,
        fetched_wheels(WheelTarget.parse("win_amd64-3.11"), ["nowhere-to-be-had-1f"], Settings()),
    ):
        pass
    assert "uv: " in caught.value.why
    assert "hunter2secret" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
