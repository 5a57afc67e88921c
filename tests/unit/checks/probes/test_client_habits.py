"""What the client does unasked."""

from pathlib import Path

import pytest
from packaging.version import Version

from runbook_lib.checks.probes.client_habits import judge_tag, judge_telemetry, judge_trust
from runbook_lib.run.check import Status


def test_telemetry_is_told_with_what_stops_it() -> None:
    assert "stops it" in judge_telemetry(Version("1.8.0"), {}).evidence
    assert judge_telemetry(Version("1.6.0"), {}).evidence == "hf-xet 1.6.0 sends none"
    assert judge_telemetry(None, {}).evidence == "hf-xet is not installed"


@pytest.mark.parametrize(
    "name", ["HF_HUB_DISABLE_TELEMETRY", "DISABLE_TELEMETRY", "DO_NOT_TRACK", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"]
)
def test_every_switch_counts(name: str) -> None:
    assert judge_telemetry(Version("1.8.0"), {name: "1"}).evidence.endswith(f"{name} is set")
    assert "stops it" in judge_telemetry(Version("1.8.0"), {name: "0"}).evidence


def test_the_switch_of_hf_xet_is_off_when_it_says_no() -> None:
    assert "sends none" in judge_telemetry(Version("1.7.0"), {"HF_XET_TELEMETRY_ENABLED": "0"}).evidence
    assert "stops it" in judge_telemetry(Version("1.7.0"), {"HF_XET_TELEMETRY_ENABLED": "1"}).evidence


@pytest.mark.parametrize(
    ("hub", "system", "trusted", "variable"),
    [
        ("0.36.2", "Windows", "certifi", "REQUESTS_CA_BUNDLE"),
        ("1.33.0", "Windows", "certifi", "SSL_CERT_FILE"),
        ("2.4.0", "Windows", "of the system", "SSL_CERT_FILE"),
        ("2.4.0", "Linux", "OpenSSL's default folders", "SSL_CERT_FILE"),
    ],
)
def test_whose_certificates_count_depends_on_the_release(hub: str, system: str, trusted: str, variable: str) -> None:
    verdict = judge_trust(Version(hub), {}, system)
    assert verdict.status is Status.OK
    assert trusted in verdict.evidence
    assert variable in verdict.evidence


def test_a_bundle_that_is_not_there_fails_and_one_that_nobody_reads_does_not(tmp_path: Path) -> None:
    missing = str(tmp_path / "none.pem")
    failed = judge_trust(Version("1.33.0"), {"SSL_CERT_FILE": missing}, "Linux")
    assert (failed.status, failed.quirk) == (Status.FAIL, "ssl-cert-file-bad")
    assert judge_trust(Version("1.33.0"), {"REQUESTS_CA_BUNDLE": missing}, "Linux").status is Status.OK
    assert judge_trust(Version("0.30.0"), {"REQUESTS_CA_BUNDLE": missing}, "Linux").status is Status.FAIL
    assert judge_trust(None, {}, "Linux").status is Status.SKIP


def test_the_tag_that_backups_obey_is_found_above_the_cache_too(tmp_path: Path) -> None:
    cache = tmp_path / "hub"
    cache.mkdir()
    assert "no CACHEDIR.TAG" in judge_tag(cache).evidence
    (tmp_path / "CACHEDIR.TAG").write_text("Signature: 8a477f597d28d172789f06886806bc55\n", encoding="ascii")
    assert "--exclude-caches" in judge_tag(cache).evidence
