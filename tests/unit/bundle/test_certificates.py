"""A bundle is signed with a certificate of a company's own authority, and refused where that says anything else."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from runbook_lib.bundle import signature
from runbook_lib.bundle.certificates import chain_to_sign_with, read_certificates
from runbook_lib.bundle.export import export_bundle
from runbook_lib.bundle.oci import json_bytes
from runbook_lib.bundle.read import open_bundle
from runbook_lib.bundle.signature import SigningFiles, sign
from runbook_lib.bundle.sources import FolderSource
from runbook_lib.errors import BundleError, UsageError
from tests.unit.bundle.authority import CODE, WEB_SERVER, Owner, authority, issued
from tests.unit.bundle.bundles import MakeTarget, take
from tests.unit.stages.verify.real_caches import Installed


@dataclass(frozen=True)
class Company:
    """An authority, one between, and the file that names the first."""

    root: Owner
    between: Owner
    trusted: Path
    folder: Path

    def require(self, bundle: Path) -> str:
        return open_bundle(FolderSource(bundle), self.trusted).signed_by

    def signed(self, bundle: Path, signer: Owner, *behind: Owner) -> Path:
        """Sign a bundle anew, as somebody does who looks at nothing."""
        key, certificate = signer.files(self.folder, *behind)
        resources = {
            path.relative_to(bundle).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in bundle.rglob("*")
            if path.is_file() and path.name != "model.sig"
        }
        (bundle / "model.sig").write_bytes(sign(resources, SigningFiles(key, certificate)))
        return bundle


@pytest.fixture
def company(tmp_path: Path) -> Company:
    root = authority("The Company")
    _key, trusted = root.files(tmp_path)
    return Company(root, authority("Department", root), trusted, tmp_path)


@pytest.fixture
def bundle(installed: Installed, tmp_path: Path) -> Path:
    export_bundle(installed.run, tmp_path / "bundle")
    return tmp_path / "bundle"


@pytest.mark.parametrize("purposes", [(), CODE], ids=["no purpose named", "code signing"])
def test_whom_the_authority_vouches_for_may_sign_and_is_named(
    installed: Installed, company: Company, make_target: MakeTarget, tmp_path: Path, purposes: tuple[()]
) -> None:
    key, certificate = issued("Model Desk", company.between, purposes=purposes).files(tmp_path, company.between)
    for name in ("signed", "signed.tar"):
        export_bundle(installed.run, tmp_path / name, signing=SigningFiles(key, certificate))
    assert company.require(tmp_path / "signed") == "CN=Model Desk"
    taken = take(tmp_path / "signed.tar", make_target(), trusted=company.trusted)
    assert taken.changed
    assert "signed by CN=Model Desk" in str(taken)


def another_authority(company: Company) -> tuple[Owner, ...]:
    return (issued("Model Desk", authority("The Company")),)


def nobody_between(company: Company) -> tuple[Owner, ...]:
    return (issued("Model Desk", company.between),)


def itself(_company: Company) -> tuple[Owner, ...]:
    return (issued("Model Desk"),)


def a_signer_who_issues(company: Company) -> tuple[Owner, ...]:
    clerk = issued("Clerk", company.root)
    return issued("Model Desk", clerk), clerk


def one_between_that_signs_only(company: Company) -> tuple[Owner, ...]:
    between = issued("Odd", company.root, authority=True)
    return issued("Model Desk", between), between


def one_between_for_the_web(company: Company) -> tuple[Owner, ...]:
    between = issued("Web", company.root, authority=True, uses=("key_cert_sign",), purposes=WEB_SERVER)
    return issued("Model Desk", between), between


def one_between_that_has_expired(company: Company) -> tuple[Owner, ...]:
    between = issued("Old", company.root, authority=True, uses=("key_cert_sign",), days=(-9, -2))
    return issued("Model Desk", between), between


@pytest.mark.parametrize(
    ("chain", "words"),
    [
        (another_authority, "signature does not match"),
        (nobody_between, "between them is missing"),
        (itself, "between them is missing"),
        (a_signer_who_issues, "basicConstraints"),
        (one_between_that_signs_only, "keyCertSign"),
        (one_between_for_the_web, "code signing"),
        (one_between_that_has_expired, "not valid at validation time"),
    ],
)
def test_a_chain_that_does_not_hold_is_refused_with_the_reason(
    company: Company, bundle: Path, chain: Callable[[Company], tuple[Owner, ...]], words: str
) -> None:
    company.signed(bundle, *chain(company))
    with pytest.raises(BundleError, match="vouches for") as caught:
        company.require(bundle)
    assert words in caught.value.why


def expired(company: Company) -> Owner:
    return issued("Model Desk", company.root, days=(-9, -2))


def not_yet(company: Company) -> Owner:
    return issued("Model Desk", company.root, days=(2, 9))


def for_encryption(company: Company) -> Owner:
    return issued("Model Desk", company.root, uses=("key_encipherment",))


def a_web_server_s(company: Company) -> Owner:
    return issued("Model Desk", company.root, purposes=WEB_SERVER)


def of_no_use(company: Company) -> Owner:
    return issued("Model Desk", company.root, uses=())


def on_another_curve(company: Company) -> Owner:
    return issued("Model Desk", company.root, key=ec.generate_private_key(ec.SECP256K1()))


WRONG = [
    (expired, "is valid from"),
    (not_yet, "is valid from"),
    (for_encryption, "digitalSignature"),
    (a_web_server_s, "codeSigning"),
    (of_no_use, "nothing of its use"),
]


@pytest.mark.parametrize(("signer", "words"), WRONG)
def test_a_certificate_that_may_not_sign_is_refused_where_it_is_taken(
    company: Company, bundle: Path, monkeypatch: pytest.MonkeyPatch, signer: Callable[[Company], Owner], words: str
) -> None:
    monkeypatch.setattr(signature, "chain_to_sign_with", lambda path, _key: read_certificates(path))
    company.signed(bundle, signer(company))
    with pytest.raises(BundleError, match="vouches for") as caught:
        company.require(bundle)
    assert words in caught.value.why


@pytest.mark.parametrize(("signer", "words"), [*WRONG, (on_another_curve, "on one of the curves")])
def test_it_is_refused_where_the_bundle_is_made_too(
    installed: Installed, company: Company, tmp_path: Path, signer: Callable[[Company], Owner], words: str
) -> None:
    key, certificate = signer(company).files(tmp_path)
    with pytest.raises(UsageError) as caught:
        export_bundle(installed.run, tmp_path / "signed", signing=SigningFiles(key, certificate))
    assert words in caught.value.why
    assert not (tmp_path / "signed").exists()


def test_a_certificate_of_another_key_signs_nothing(company: Company, tmp_path: Path) -> None:
    _key, certificate = issued("Model Desk", company.root).files(tmp_path)
    other = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(UsageError, match="cannot be used as the certificate") as caught:
        chain_to_sign_with(certificate, other.public_key())
    assert "another key" in caught.value.why


def test_an_authority_may_be_on_another_kind_of_key(company: Company, bundle: Path, tmp_path: Path) -> None:
    old = issued(
        "Old Authority",
        authority=True,
        uses=("key_cert_sign",),
        key=rsa.generate_private_key(public_exponent=65537, key_size=2048),
    )
    _key, trusted = old.files(tmp_path)
    company.signed(bundle, issued("Model Desk", old))
    assert open_bundle(FolderSource(bundle), trusted).signed_by == "CN=Model Desk"


def test_a_signature_by_another_than_the_certificate_s_owner_is_refused(company: Company, bundle: Path) -> None:
    """Somebody puts the certificate of the one who may sign beside a signature of his own."""
    right, wrong = issued("Model Desk", company.root), issued("Somebody", company.root)
    company.signed(bundle, right)
    chain = (bundle / "model.sig").read_bytes()
    company.signed(bundle, wrong)
    mixed = json.loads((bundle / "model.sig").read_bytes())
    mixed["verificationMaterial"] = json.loads(chain)["verificationMaterial"]
    (bundle / "model.sig").write_bytes(json_bytes(mixed))
    with pytest.raises(BundleError, match="not signed by CN=Model Desk"):
        company.require(bundle)


def test_a_key_without_certificate_does_not_do_where_one_is_required(
    installed: Installed, company: Company, tmp_path: Path
) -> None:
    key, _certificate = issued("Model Desk", company.root).files(tmp_path)
    export_bundle(installed.run, tmp_path / "signed", signing=SigningFiles(key))
    with pytest.raises(BundleError, match="by a key without a certificate") as caught:
        company.require(tmp_path / "signed")
    assert "--certificate" in caught.value.why


@pytest.mark.parametrize("chain", ["[]", "{}", '[{"rawBytes": "AAAA"}]', '[{"rawBytes": 1}]', "[1, 2]"])
def test_certificates_that_are_none_are_refused(company: Company, bundle: Path, chain: str) -> None:
    company.signed(bundle, issued("Model Desk", company.root))
    read = json.loads((bundle / "model.sig").read_bytes())
    read["verificationMaterial"]["x509CertificateChain"]["certificates"] = json.loads(chain)
    (bundle / "model.sig").write_bytes(json_bytes(read))
    with pytest.raises(BundleError, match="no signature that can be read"):
        company.require(bundle)


def test_a_file_that_holds_neither_key_nor_certificate_is_a_usage_error(company: Company, bundle: Path) -> None:
    company.signed(bundle, issued("Model Desk", company.root))
    for content in (b"", b"no key", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        company.trusted.write_bytes(content)
        with pytest.raises(UsageError, match="cannot be used as"):
            company.require(bundle)
