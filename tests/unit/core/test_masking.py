"""Secrets are starred out, and nothing else is."""

import pytest

from runbook_lib.core.masking import mask_secrets, mask_url_credentials

SECRET = "s3cr3tS3cr3tS3cr3t"


@pytest.mark.parametrize(
    "line",
    [
        f"token hf_{SECRET} refused",
        f"token hf_transfer{SECRET} refused",
        f"Authorization: Bearer {SECRET}",
        f"{{'authorization': 'Bearer {SECRET}'}}",
        f"curl -H 'authorization: Basic {SECRET}=='",
        f"HTTPS_PROXY=http://user:{SECRET}@proxy:3128",
        f"GET /x?token={SECRET}&n=1",
        f"HF_TOKEN={SECRET}",
        f"password: '{SECRET}'",
        f"ghp_{SECRET}",
        f"X-Amz-Signature={SECRET}",
        f"eyJhbGciOiJIUzI1NiJ9.{SECRET}.abc",
        f"HF_ENDPOINT=https://{SECRET}@mirror/hf",
        f"https://user:pa/{SECRET}@mirror/hf",
        f"https://user:p@{SECRET}@mirror/hf",
        f"https:/user:{SECRET}@mirror/hf",
        f"https://mirror/hf?x=1&access_token={SECRET}",
        f"--index-url https://user:{SECRET}@pypi/simple",
    ],
)
def test_a_secret_is_starred_out_and_the_length_stays(line: str) -> None:
    masked = mask_secrets(line)
    assert SECRET not in masked
    assert len(masked) == len(line)


@pytest.mark.parametrize(
    "line",
    [
        "OSError: [WinError 1314] A required privilege is not held by the client",
        "File hf_hub_download.py",
        "hf_quantizer.preprocess_model(model=model, hf_generate_kwargs={}); 'hf_transfer' package is not available",
        "https://huggingface.co/docling-project/docling-models/resolve/v2.3.0/config.json",
        "Invalid credentials in Authorization header",
        "https://mirror:8080/org/name@main",
        "git+https://github.com/org/name@v1",
        "https://mirror/search?q=docling&n=1",
        "C:/Users/me@corp/models",
    ],
)
def test_an_ordinary_line_stays_as_it_is(line: str) -> None:
    assert mask_secrets(line) == line


def test_the_digest_of_a_bundle_in_a_registry_stays_and_a_password_before_its_host_does_not() -> None:
    address = f"oci://registry.example.org/models@sha256:{'a' * 64}"
    assert mask_url_credentials(address) == address
    assert mask_url_credentials("oci://HOST/NAME@sha256:...") == "oci://HOST/NAME@sha256:..."
    secret = address.replace("//", f"//user:{SECRET}@")
    assert mask_url_credentials(secret) == address.replace("//", "//***@")
