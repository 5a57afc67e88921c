"""The files of containers/ and examples/: linted, valid by their schemas, and clean before our own audit."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

pytestmark = pytest.mark.client

ROOT = Path(__file__).parents[2]
CONTAINERS = ROOT / "containers"
MANIFESTS = sorted((CONTAINERS / "kubernetes").glob("*.yaml"))
KUBERNETES = "1.35"
"""The version in which image volumes need no feature gate."""


def said_by(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", ["Dockerfile", "Dockerfile.windows"])
def test_a_dockerfile_has_nothing_that_hadolint_objects_to(name: str) -> None:
    done = said_by(str(Path(sys.executable).with_name("hadolint")), str(CONTAINERS / name))
    assert (done.returncode, done.stdout) == (0, "")


def test_the_compose_file_is_valid() -> None:
    schema = ("--builtin-schema", "vendor.compose-spec")
    done = said_by(sys.executable, "-m", "check_jsonschema", *schema, str(CONTAINERS / "compose.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_a_manifest_is_valid_and_has_no_field_that_kubernetes_does_not_know(path: Path) -> None:
    for document in documents(path):
        kubernetes_validate.validate(document, KUBERNETES, strict=True)


def documents(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def test_the_manifests_differ_in_where_the_models_are_and_in_nothing_else() -> None:
    def without_models(path: Path) -> dict[str, Any]:
        (deployment,) = (one for one in documents(path) if one["kind"] == "Deployment")
        deployment["spec"].pop("strategy", None)
        pod: dict[str, Any] = deployment["spec"]["template"]["spec"]
        pod.pop("initContainers", None)
        pod["securityContext"].pop("fsGroup", None)
        pod["volumes"] = [volume for volume in pod["volumes"] if volume["name"] != "models"]
        for container in pod["containers"]:
            del container["image"]
            container["volumeMounts"] = [one for one in container["volumeMounts"] if one["name"] != "models"]
        return deployment

    first, *others = map(without_models, MANIFESTS)
    assert others == [first] * 2


def test_every_container_runs_unprivileged_on_a_read_only_root() -> None:
    for path in MANIFESTS:
        (pod,) = (one["spec"]["template"]["spec"] for one in documents(path) if one["kind"] == "Deployment")
        for container in (*pod["containers"], *pod.get("initContainers", ())):
            given = container["securityContext"]
            assert given["readOnlyRootFilesystem"]
            assert given["runAsUser"] > 0
            assert given["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.parametrize("folder", ["containers", "examples"])
def test_our_own_audit_finds_nothing(folder: str) -> None:
    done = said_by(sys.executable, "-m", "runbook_lib", "audit", "--json", str(ROOT / folder))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["findings"] == []


def test_the_service_requires_what_the_constraints_pin() -> None:
    pinned = dict(
        line.split("==") for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines() if "==" in line
    )
    lines = (ROOT / "examples" / "service" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    for requirement in (Requirement(line) for line in lines if not line.startswith("#")):
        assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)]), requirement


def test_what_the_image_is_made_of_exists_and_passes_the_ignore_file() -> None:
    passed = {line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[0] == "!"}
    assert [name for name in passed if not (ROOT / name).exists()] == []
    for line in (CONTAINERS / "Dockerfile").read_text(encoding="utf-8").splitlines():
        words = line.split()
        if words[:1] == ["COPY"] and not words[1].startswith("--from"):
            assert [word for word in words[1:-1] if not any(word.startswith(name) for name in passed)] == []
