"""The bill of materials: valid CycloneDX, every file with its hash, licences as the model cards say."""

import json
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from runbook_lib.bundle import sbom as sbom_module
from runbook_lib.bundle.export import export_bundle
from runbook_lib.bundle.sbom import SBOM_NAME, licence_in, sbom_of
from runbook_lib.cache.hashing import sha256_of
from runbook_lib.core import extras
from runbook_lib.errors import UsageError
from runbook_lib.run.lock_file import LockFile
from tests.unit.bundle.bundles import MakeTarget, take
from tests.unit.stages.verify.real_caches import REPO_ID, Installed
from tests.unit.upkeep.test_lock import example

CARD = b"---\nlicense: apache-2.0\nlibrary_name: docling\n---\n# A model\n"


def example_lock() -> LockFile:
    return LockFile.model_validate_json(example())


def test_it_goes_along_validates_and_names_every_file_by_its_hash(
    installed: Installed, make_target: MakeTarget, tmp_path: Path
) -> None:
    export_bundle(installed.run, tmp_path / "b.tar", sbom=True)
    take(tmp_path / "b.tar", make_target(), papers_dir=tmp_path / "papers")
    text = (tmp_path / "papers" / SBOM_NAME).read_text(encoding="utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    (model,) = json.loads(text)["components"]
    commit = installed.listing.commit
    assert model["type"] == "machine-learning-model"
    assert (model["version"], model["purl"]) == (commit, f"pkg:huggingface/{REPO_ID}@{commit}")
    assert model["licenses"] == [{"license": {"id": "Apache-2.0"}}]
    assert {file["name"]: file["hashes"][0]["content"] for file in model["components"]} == {
        file.path: sha256_of(installed.snapshot / file.path) for file in installed.listing.files
    }


def test_ocr_models_are_in_it_and_equal_locks_give_equal_bytes() -> None:
    lock = example_lock()
    assert lock.ocr is not None
    first, second = (sbom_of(lock, lambda _sha256: CARD) for _ in range(2))
    assert first == second
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(first.decode()) is None
    models = {model["name"]: model for model in json.loads(first)["components"]}
    (file,) = models[lock.ocr.folder]["components"]
    assert file["externalReferences"][0]["url"] == lock.ocr.files[0].url


@pytest.mark.parametrize(
    ("card", "found"),
    [
        (CARD, ("apache-2.0", "")),
        (b"---\nlicense: other\nlicense_name: the-lab-s-own\n---\n", ("other", "the-lab-s-own")),
        (b"# no head\nlicense: mit\n", ("", "")),
        (b"---\nlicense: [mit, apache-2.0]\n---\n", ("", "")),
        (b"---\n: : {{\n---\n", ("", "")),
        (b"---\n- a list\n---\n", ("", "")),
        (b"", ("", "")),
    ],
)
def test_licences_are_read_from_the_head_of_the_card(card: bytes, found: tuple[str, str]) -> None:
    assert licence_in(card) == found


def test_without_the_extra_it_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda _name: None)
    with pytest.raises(UsageError, match="extra 'sbom'"):
        sbom_module.sbom_of(example_lock(), lambda _sha256: b"")
