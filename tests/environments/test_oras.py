"""oras-py pulls one model of a bundle out of Debian's registry, by its own name and its files' names."""

import json
import subprocess
from pathlib import Path

import pytest

from runbook_lib.bundle.export import export_bundle
from tests.environments.conftest import PythonOf
from tests.unit.bundle.registries import needs_registry, push, serving
from tests.unit.stages.verify.real_caches import Installed

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("environments"), needs_registry]

PULL = """
import json, sys
from oras.client import OrasClient
print(json.dumps(OrasClient(insecure=True).pull(target=sys.argv[1], outdir=sys.argv[2])))
"""


def test_oras_pulls_a_model_and_names_its_files(installed: Installed, python_of: PythonOf, tmp_path: Path) -> None:
    export_bundle(installed.run, tmp_path / "bundle")
    with serving(tmp_path / "registry") as host:
        push(f"oci:{tmp_path / 'bundle'}:docling-project--docling-layout-heron", f"{host}/docling/heron:1")
        words = [f"{host}/docling/heron:1", str(tmp_path / "pulled")]
        command = [str(python_of("oras")), "-c", PULL, *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout.splitlines()[-1])) == len(installed.listing.files)
    for file in installed.listing.files:
        assert (tmp_path / "pulled" / file.path).read_bytes() == (installed.snapshot / file.path).read_bytes()
