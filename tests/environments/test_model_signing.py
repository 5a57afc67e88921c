"""The reference of OpenSSF Model Signing verifies what we signed, and what it signed is taken here."""

import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from runbook_lib.bundle.export import export_bundle
from runbook_lib.bundle.read import open_bundle
from runbook_lib.bundle.signature import SigningFiles
from runbook_lib.bundle.sources import opened_source
from runbook_lib.errors import BundleError
from tests.environments.conftest import PythonOf
from tests.unit.bundle.authority import authority, issued
from tests.unit.stages.verify.real_caches import Installed

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("environments")]
_SAYS = Path(__file__).with_name("model_signing_says.py")


@dataclass(frozen=True)
class Files:
    """Keys and certificates as files: of the signer, of what lies between, of the authority and of another one."""

    key: Path
    public: Path
    certificate: Path
    alone: Path
    between: Path
    root: Path
    other: Path

    @classmethod
    def made(cls, folder: Path) -> "Files":
        root, other = authority("The Company"), authority("Another")
        between = authority("Department", root)
        signer = issued("Model Desk", between)
        (folder / "alone").mkdir()
        key, alone = signer.files(folder / "alone")
        _key, certificate = signer.files(folder, between)
        public = folder / "public.pem"
        public.write_bytes(
            signer.certificate.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        )
        roots = (one.files(folder)[1] for one in (between, root, other))
        return cls(key, public, certificate, alone, *roots)


Ask = Callable[..., list[str]]


@pytest.fixture(scope="module")
def ask(python_of: PythonOf) -> Ask:
    python = python_of("model-signing")

    def asked(*questions: dict[str, Path]) -> list[str]:
        told = json.dumps([{name: str(path) for name, path in question.items()} for question in questions])
        done = subprocess.run(
            [str(python), str(_SAYS)], input=told, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        answers: list[str] = json.loads(done.stdout.splitlines()[-1])
        return answers

    return asked


def refused(bundle: Path, trusted: Path) -> str:
    with opened_source(bundle) as source, pytest.raises(BundleError) as caught:
        open_bundle(source, trusted)
    return str(caught.value)


def signer_of(bundle: Path, trusted: Path) -> str:
    with opened_source(bundle) as source:
        return open_bundle(source, trusted).signed_by


def added(bundle: Path) -> None:
    (bundle / "blobs" / "sha256" / ("0" * 64)).write_bytes(b"more")


def removed(bundle: Path) -> None:
    min((bundle / "blobs" / "sha256").iterdir()).unlink()


def changed(bundle: Path) -> None:
    content: dict[str, Any] = json.loads((bundle / "index.json").read_bytes())
    content["manifests"].pop()
    (bundle / "index.json").write_text(json.dumps(content), encoding="utf-8")


def test_the_reference_takes_what_we_signed_and_finds_what_was_changed(
    installed: Installed, ask: Ask, tmp_path: Path
) -> None:
    files = Files.made(tmp_path)
    by_key, by_certificate = tmp_path / "by_key", tmp_path / "by_certificate"
    export_bundle(installed.run, by_key, signing=SigningFiles(files.key))
    export_bundle(installed.run, by_certificate, signing=SigningFiles(files.key, files.certificate))
    questions = [
        {"model": by_key, "key": files.public},
        {"model": by_certificate, "authority": files.root},
        {"model": by_certificate, "authority": files.other},
    ]
    for change in (added, removed, changed):
        spoiled = copytree(by_certificate, tmp_path / change.__name__)
        change(spoiled)
        questions.append({"model": spoiled, "authority": files.root})
        assert "was" in refused(spoiled, files.root)
    *right, other, more, less, another = ask(*questions)
    assert right == ["ok", "ok"]
    assert "unable to get local issuer certificate" in other
    assert "Extra files" in more
    assert "Missing files" in less
    assert re.search(r"Hash mismatch for \W+index\.json", another)


def test_what_the_reference_signed_is_taken_here(installed: Installed, ask: Ask, tmp_path: Path) -> None:
    files = Files.made(tmp_path)
    by_key, by_certificate = tmp_path / "by_key", tmp_path / "by_certificate"
    for bundle in (by_key, by_certificate):
        export_bundle(installed.run, bundle)
    certified = {"certificate": files.alone, "between": files.between}
    assert ask({"model": by_key, "key": files.key}, {"model": by_certificate, "key": files.key, **certified}) == [
        "ok",
        "ok",
    ]
    assert signer_of(by_key, files.public) == "the key in public.pem"
    assert signer_of(by_certificate, files.root) == "CN=Model Desk"
    assert "vouches for" in refused(by_certificate, files.other)
    for change in (added, changed):
        spoiled = copytree(by_certificate, tmp_path / change.__name__)
        change(spoiled)
        assert "was" in refused(spoiled, files.root)
