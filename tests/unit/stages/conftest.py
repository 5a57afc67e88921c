"""Facts as stage detect would have gathered them, to be changed one at a time."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.core.model_ref import ModelRef
from runbook_lib.run.interpreter import InterpreterFacts
from runbook_lib.stages.detect.facts import DetectFacts
from runbook_lib.system.filesystem import FolderFacts, LinkProbe
from runbook_lib.system.machine import MachineFacts
from runbook_lib.system.network import NetworkFacts, NetworkStep

WORKS = LinkProbe(works=True, evidence="made and read back")
REFUSED = LinkProbe(works=False, evidence="WinError 1314: A required privilege is not held by the client")
MODEL = ModelRef("docling-project/docling-models", "v2.3.0")

MakeFolder = Callable[..., FolderFacts]
MakeInterpreter = Callable[..., InterpreterFacts]
MakeFacts = Callable[..., DetectFacts]


@pytest.fixture
def folder() -> MakeFolder:
    """Make the facts of a folder where everything works, but for what the test changes."""

    def make(role: str = "cache", **changes: Any) -> FolderFacts:
        path = Path("/data") / role
        good = {"filesystem": "ext4", "free_bytes": 10**12, "writable": True, "write_evidence": "written"}
        links = {"symlink": WORKS, "hardlink": WORKS}
        return FolderFacts(**{"role": role, "path": path, "probed": path, **good, **links, **changes})

    return make


@pytest.fixture
def interpreter() -> MakeInterpreter:
    """Make the facts of an interpreter with a version of huggingface_hub."""

    def make(hub: str | None = "1.33.0", **changes: Any) -> InterpreterFacts:
        packages = {"docling": "2.143.0", "huggingface_hub": hub, "torch": "2.9.0"}
        place = {"executable": "/venv/bin/python", "version": "3.11.9", "prefix": "/venv", "site_packages": "/venv/lib"}
        return InterpreterFacts(**{**place, "packages": packages, "hub_constants": {}, **changes})

    return make


@pytest.fixture
def detect_facts(folder: MakeFolder, interpreter: MakeInterpreter) -> MakeFacts:
    """Make the facts of a machine that is in order, but for what the test changes."""
    machine = MachineFacts(
        system="Linux",
        release="6.1",
        architecture="x86_64",
        python="3.11.9",
        executable="/venv/bin/python",
        cpu_count=2,
        container="",
        ci="",
        wsl=False,
        wine=False,
        text_encoding="UTF-8",
    )

    def make(**changes: Any) -> DetectFacts:
        good = {
            "machine": machine,
            "interpreter": interpreter(),
            "folders": tuple(folder(role) for role in ("cache", "artifacts", "run")),
            "variables": {},
            "network": network_facts(),
            "models": (MODEL,),
            "models_problem": "",
            "models_cached": False,
        }
        return DetectFacts(**{**good, **changes})

    return make


def network_facts(failing: str = "", evidence: str = "no answer within 5 s") -> NetworkFacts:
    """Make the facts of a way to the Hub that ends at a step, or leads there."""
    steps = []
    for name in ("name", "tcp", "tls", "api"):
        ok = name != failing
        steps.append(NetworkStep(name=name, ok=ok, evidence="HTTP 200, JSON" if ok else evidence, elapsed_s=0.1))
        if not ok:
            break
    return NetworkFacts(endpoint="https://huggingface.co", proxy="", steps=tuple(steps))


@pytest.fixture
def network() -> Callable[..., NetworkFacts]:
    """Make the facts of a way to the Hub."""
    return network_facts


@pytest.fixture
def refused_link() -> LinkProbe:
    """What a machine without the privilege answers."""
    return REFUSED
