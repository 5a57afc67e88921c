#!/usr/bin/env python3
"""Writes runbook_lib/pipeline/known_answers.json: what docling answers in this environment and in those that are named.

`make_known_answers.py PYTHON ...` really asks docling there, once for each system and pipeline, and adds the answers to
those that are known; `--anew` forgets these first. Answers for Windows are asked for on Linux, where docling's own code
is told that it runs on Windows; those for macOS need macOS.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from runbook_lib.core import atomic
from runbook_lib.pipeline.known_answers import DATA, KnownAnswers, KnownEnvironment, digest_of
from runbook_lib.pipeline.spec import PipelineSpec
from runbook_lib.pipeline.wanted import Wanted
from runbook_lib.run.interpreter import packages_of
from runbook_lib.run.settings import Settings
from runbook_lib.system.packages import DOCLING, SitePackages
from runbook_lib.workers.host import WORKERS

ROOT = Path(__file__).resolve().parent.parent
RECORD = ROOT / "runbook_lib" / "pipeline" / DATA
PIPELINES = ("", "ocr=off")
SYSTEMS = ("darwin",) if sys.platform == "darwin" else ("linux", "win32")
_PROBE = Path(__file__).resolve().with_name("known_answers_probe.py")
_DECIDING = (DOCLING, "rapidocr", "easyocr")
"""Packages whose code or lists say which models there are."""
_LIMIT_S = 300.0


def ask(python: Path, system: str, pipeline: str) -> dict[str, Any]:
    """Return what docling answers there, and what it imported and looked for."""
    request = json.dumps({"pipeline": PipelineSpec.parse(pipeline).request()})
    command = [str(python), str(_PROBE), str(WORKERS), system, request]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=_LIMIT_S)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def environment_of(python: Path, system: str) -> KnownEnvironment:
    """Ask docling in one environment for every pipeline; raises `ValueError` where it lacks something."""
    packages = packages_of(Settings(target_python=str(python)))
    told = {pipeline: ask(python, system, pipeline) for pipeline in PIPELINES}
    answers = {pipeline: _portable(one["answer"], packages) for pipeline, one in told.items()}
    for pipeline, wanted in answers.items():
        if wanted.missing or not wanted.repositories:
            raise ValueError(f"docling of {python} cannot build the pipeline {pipeline!r}: {wanted.missing}")
    imported = sorted({name for one in told.values() for name in one["imported"]})
    deciding = {
        name: folder for name in _DECIDING if name in {DOCLING, *imported} and (folder := packages.module(name))
    }
    return KnownEnvironment(
        platform=system,
        versions={name: packages.version_text(name) or "" for name in deciding},
        sources={name: digest_of(folder) for name, folder in deciding.items()},
        imported=tuple(name for name in imported if _is_seen(name, packages)),
        absent=tuple(sorted({name for one in told.values() for name in one["absent"]})),
        answers=answers,
    )


def _is_seen(name: str, packages: SitePackages) -> bool:
    """Whether its file shows that it can be imported; a native module has one that differs by platform."""
    folder = packages.module(name)
    return (folder is not None and (folder / "__init__.py").is_file()) or any(
        Path(home, f"{name}.py").is_file() for home in packages.folders
    )


def _portable(answer: dict[str, Any], packages: SitePackages) -> Wanted:
    """Take the paths of this machine out."""
    for file in (answer["ocr"] or {}).get("files", ()):
        path = Path(file.get("shipped", ""))
        homes = (Path(folder) for folder in packages.folders)
        file["shipped"] = next((path.relative_to(home).as_posix() for home in homes if path.is_relative_to(home)), "")
    return Wanted.model_validate(answer)


def merged(before: Sequence[KnownEnvironment], asked: Sequence[KnownEnvironment]) -> Iterator[KnownEnvironment]:
    """Yield both in a fixed order; an environment that was asked again is in the data once."""
    by_key = {_key(environment): environment for environment in (*before, *asked)}
    yield from (by_key[key] for key in sorted(by_key))


def _key(environment: KnownEnvironment) -> str:
    """Return all but the answers."""
    return environment.model_dump_json(exclude={"answers"})


def main() -> int:
    """Ask and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pythons", nargs="*", type=Path)
    parser.add_argument("--anew", action="store_true")
    given = parser.parse_args()
    before = KnownAnswers() if given.anew else KnownAnswers.model_validate_json(RECORD.read_bytes())
    asked = []
    for python in (Path(sys.executable), *given.pythons):
        for system in SYSTEMS:
            sys.stderr.write(f"{python}: {system} ...\n")
            asked.append(environment_of(python, system))
    known = KnownAnswers(environments=tuple(merged(before.environments, asked)))
    text = json.dumps(known.model_dump(mode="json", exclude_defaults=True), indent=1, sort_keys=True, ensure_ascii=True)
    atomic.write_text(RECORD, text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
