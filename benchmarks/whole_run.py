"""The whole practice run, and the start of commands, against the bare tools."""

import os
import shutil
from collections.abc import Iterator, Sequence
from functools import partial
from operator import attrgetter
from pathlib import Path

from benchmarks.measure import Comparison, Cost, compare, run_command
from benchmarks.places import DOCLING, HF, PYTHON, fresh
from runbook_lib.practice.sample import sample_document, scanned_page
from runbook_lib.practice.server import PracticeHub

_MODELS = (("docling-project/docling-layout-heron", "main"), ("docling-project/docling-models", "v2.3.0"))
"""What docling's default pipeline takes."""


def whole_run(folder: Path, rounds: int) -> Iterator[Comparison]:
    """Run `runbook run --practice` against the bare tools one after the other, all folders cold (told only).

    The tools: `hf download` of each model into the cache and into a folder, `hf cache verify`, `docling` on the sample,
    `du`. RapidOCR's models, which none of them places offline, are given to them. The run also converts a scanned page,
    and the sample twice; its hub, records, notebooks and report are in its time. Once more with `docling` on the
    scanned page, too, as the run does; and the part of `docling` on the sample alone in what the bare tools take.
    """
    ours, theirs, given = folder / "ours", folder / "theirs", folder / "given"
    _practice(fresh(ours))
    shutil.copytree(ours / "artifacts" / "RapidOcr", given / "RapidOcr")
    with PracticeHub() as hub:

        def mine() -> Cost:
            return _practice(fresh(ours))

        def bare(*documents: Path) -> Cost:
            home = fresh(theirs)
            shutil.copytree(given, home / "artifacts")
            return _total((*_fetched(home, hub.url), _converted(home, documents), run_command(["du", "-s", str(home)])))

        def converted() -> Cost:
            return _converted(theirs, (sample_document(),))

        on_sample, on_both = partial(bare, sample_document()), partial(bare, sample_document(), scanned_page())
        yield compare("runbook run --practice / the bare tools in turn", mine, on_sample, rounds=rounds)
        yield compare("runbook run --practice / the same, docling on both documents", mine, on_both, rounds=rounds)
        yield compare("docling on the sample / the bare tools in turn", converted, on_sample, rounds=rounds)


def _practice(home: Path) -> Cost:
    places = ("-p", "cache_dir", str(home / "hub"), "-p", "artifacts_dir", str(home / "artifacts"))
    return run_command([PYTHON, "-m", "runbook_lib", "run", "--practice", "--run-dir", str(home / "run"), *places])


def _fetched(home: Path, endpoint: str) -> Iterator[Cost]:
    environment = {**_environment(home), "HF_ENDPOINT": endpoint, "HF_HUB_DISABLE_XET": "1"}
    for name, revision in _MODELS:
        fetch = [HF, "download", name, "--revision", revision, "--quiet"]
        yield run_command(fetch, environment)
        yield run_command([*fetch, "--local-dir", str(home / "artifacts" / name.replace("/", "--"))], environment)
        yield run_command([HF, "cache", "verify", name, "--revision", revision], environment)


def _converted(home: Path, documents: Sequence[Path]) -> Cost:
    places = ["--artifacts-path", str(home / "artifacts"), "--output", str(home / "output")]
    return run_command([DOCLING, *places, *map(str, documents)], {**_environment(home), "HF_HUB_OFFLINE": "1"})


def _environment(home: Path) -> dict[str, str]:
    return {**os.environ, "HF_HUB_CACHE": str(home / "hub")}


def _total(done: Sequence[Cost]) -> Cost:
    return Cost(
        sum(cost.elapsed_s for cost in done),
        sum(cost.cpu_s for cost in done),
        max(cost.peak_memory_bytes for cost in done),
    )


def start(_folder: Path, rounds: int) -> Iterator[Comparison]:
    """Start `runbook --help` (limit 1.0) and `runbook doctor --json` (told only) against `hf version`, by CPU time."""

    def hf_version() -> Cost:
        return run_command([HF, "version"])

    for words, limit in ((("--help",), 1.0), (("doctor", "--json"), None)):

        def mine(words: Sequence[str] = words) -> Cost:
            return run_command([PYTHON, "-m", "runbook_lib", *words], accepted=(0, 1))

        name = f"runbook {' '.join(words)} / hf version (CPU)"
        yield compare(name, mine, hf_version, rounds=rounds, limit=limit, seconds=attrgetter("cpu_s"))
