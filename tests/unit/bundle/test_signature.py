"""A bundle says who made it: signed by one key, refused under any other and after any change."""

import json
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from shutil import which

import pytest

from runbook_lib.bundle.export import export_bundle
from runbook_lib.bundle.read import open_bundle
from runbook_lib.bundle.signature import SigningFiles, sign
from runbook_lib.bundle.sources import FolderSource, opened_source
from runbook_lib.core import extras
from runbook_lib.errors import BundleError, UsageError
from tests.unit.bundle.bundles import MakeTarget, take
from tests.unit.stages.verify.real_caches import Installed

pytestmark = pytest.mark.skipif(which("openssl") is None, reason="makes keys with the openssl command")


def pair(folder: Path, name: str, curve: str = "prime256v1") -> tuple[Path, Path]:
    """Make a private key and its public key."""
    private, public = folder / f"{name}.pem", folder / f"{name}.pub.pem"
    words = ["openssl", "ecparam", "-name", curve, "-genkey", "-noout", "-out", str(private)]
    subprocess.run(words, check=True, capture_output=True)
    subprocess.run(
        ["openssl", "ec", "-in", str(private), "-pubout", "-out", str(public)], check=True, capture_output=True
    )
    return private, public


def check(path: Path, key: Path) -> None:
    with opened_source(path) as source:
        assert open_bundle(source, key).signed_by


@pytest.fixture
def signed(installed: Installed, tmp_path: Path) -> tuple[Path, Path]:
    """A signed bundle in a folder, and the public key."""
    private, public = pair(tmp_path, "ours")
    export_bundle(installed.run, tmp_path / "bundle", signing=SigningFiles(private))
    return tmp_path / "bundle", public


@pytest.mark.parametrize("curve", ["prime256v1", "secp384r1", "secp521r1"])
@pytest.mark.parametrize("name", ["bundle", "bundle.tar"])
def test_a_signed_bundle_verifies_by_its_key_and_no_other(
    installed: Installed, make_target: MakeTarget, tmp_path: Path, name: str, curve: str
) -> None:
    private, public = pair(tmp_path, "ours", curve)
    export_bundle(installed.run, tmp_path / name, signing=SigningFiles(private))
    check(tmp_path / name, public)
    assert take(tmp_path / name, make_target()).changed
    with pytest.raises(BundleError, match="not signed by this key"):
        check(tmp_path / name, pair(tmp_path, "theirs", curve)[1])


def added(root: Path) -> None:
    (root / "blobs" / "sha256" / ("0" * 64)).write_bytes(b"more")


def removed(root: Path) -> None:
    next((root / "blobs" / "sha256").iterdir()).unlink()


def changed(root: Path) -> None:
    index = json.loads((root / "index.json").read_bytes())
    index["manifests"].pop()
    (root / "index.json").write_text(json.dumps(index), encoding="utf-8")


def changed_statement(root: Path) -> None:
    bundle = json.loads((root / "model.sig").read_bytes())
    payload = bundle["dsseEnvelope"]["payload"]
    bundle["dsseEnvelope"]["payload"] = payload[:40] + ("A" if payload[40] != "A" else "B") + payload[41:]
    (root / "model.sig").write_text(json.dumps(bundle), encoding="utf-8")


def other_format(root: Path) -> None:
    (root / "model.sig").write_text("[" * 10_000, encoding="utf-8")


def unsigned(root: Path) -> None:
    (root / "model.sig").unlink()


@pytest.mark.parametrize("change", [added, removed, changed, changed_statement, other_format, unsigned])
def test_whatever_was_changed_since_is_found(signed: tuple[Path, Path], change: Callable[[Path], None]) -> None:
    root, key = signed
    check(root, key)
    change(root)
    with pytest.raises(BundleError):
        check(root, key)


def test_a_content_that_was_changed_is_found_by_the_import(signed: tuple[Path, Path], make_target: MakeTarget) -> None:
    root, key = signed
    weights = max((root / "blobs" / "sha256").iterdir(), key=lambda path: path.stat().st_size)
    content = bytearray(weights.read_bytes())
    content[500] ^= 1
    weights.unlink()
    weights.write_bytes(content)
    check(root, key)
    with pytest.raises(BundleError, match="damaged"):
        take(root, make_target())


def test_a_folder_that_is_exchanged_after_the_check_is_not_read(signed: tuple[Path, Path], tmp_path: Path) -> None:
    """What is believed is what was checked: the layout's own files are read once."""

    class Exchanged(FolderSource):
        """Holds another index from the second look on."""

        def document(self, name: str) -> bytes:
            content = super().document(name)
            if name == "index.json":
                changed(self.root)
            return content

    root, key = signed
    assert len(open_bundle(Exchanged(root), key).lock.repositories) == 1
    with pytest.raises(BundleError, match="not what was signed"):
        check(root, key)


def test_a_member_added_to_a_tar_file_is_found(installed: Installed, tmp_path: Path) -> None:
    private, public = pair(tmp_path, "ours")
    export_bundle(installed.run, tmp_path / "bundle.tar", signing=SigningFiles(private))
    with tarfile.open(tmp_path / "bundle.tar", "a") as tar:
        tar.add(public, "extra")
    with pytest.raises(BundleError, match="not what was signed"):
        check(tmp_path / "bundle.tar", public)


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_key_that_is_none_is_a_usage_error_that_quotes_nothing(
    installed: Installed, tmp_path: Path, content: bytes
) -> None:
    key = tmp_path / "key.pem"
    key.write_bytes(content)
    with pytest.raises(UsageError, match="cannot be used as a key") as caught:
        export_bundle(installed.run, tmp_path / "b", signing=SigningFiles(key))
    assert "AAAA" not in str(caught.value)
    assert not (tmp_path / "b").exists()


def test_without_the_extra_it_says_which(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda _name: None)
    with pytest.raises(UsageError, match="extra 'sign'"):
        sign({}, SigningFiles(tmp_path / "key.pem"))
