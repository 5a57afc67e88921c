"""The benchmarks: verify, download, a second revision, convert, measure disk, a service's start, diagnose, audit."""

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from operator import attrgetter
from pathlib import Path

from benchmarks import logs
from benchmarks.many_files import FILES, make_repository
from benchmarks.measure import Comparison, Cost, compare, run_command
from benchmarks.places import DOCLING, HF, PYTHON, REPO_ID, Place, bare_download, earlier_build, fresh, served_weights
from runbook_lib.cache.disk_usage import DiskUsage
from runbook_lib.practice.sample import sample_document
from runbook_lib.practice.server import PracticeHub

SECOND_REVISION_BYTES = 64_000_000
SMALL_FILES = 100_000
_FOLDERS = 100
EARLIER = "2c3b159"
"""The build before `diagnose` read a log in one pass, and whose service asked another process at each start."""

_DIAGNOSE_BEFORE = "import pathlib, sys; from runbook_lib.quirks import diagnose; diagnose(pathlib.Path(sys.argv[1]))"


def ours(verb: str, *arguments: str) -> Cost:
    """Run one verb of `benchmarks.ours`."""
    return run_command([PYTHON, "-m", "benchmarks.ours", verb, *arguments])


def verify(folder: Path, rounds: int) -> Iterator[Comparison]:
    """Verify 1 GiB in 8 files against `hf cache verify` (limit 0.6) and `openssl sha256` on all cores (told only)."""
    with served_weights(folder) as place:
        bare_download(place)

        def mine() -> Cost:
            return ours("verify", str(place.cache_dir), REPO_ID)

        def hub_verify() -> Cost:
            return run_command([HF, "cache", "verify", REPO_ID], place.environment())

        yield compare("verify / hf cache verify", mine, hub_verify, rounds=rounds, limit=0.6)
        yield compare("verify / openssl sha256 on all cores", mine, lambda: _openssl(place), rounds=rounds)


def _openssl(place: Place) -> Cost:
    script = f"ls -d '{place.cache_dir}'/models--*/blobs/* | xargs -P {os.cpu_count()} -n 1 openssl sha256"
    return run_command(["sh", "-c", script])


def download(folder: Path, rounds: int) -> Iterator[Comparison]:
    """Download 1 GiB with the stage, plan and artifacts folder included, against `hf download` (limit 1.1)."""
    with served_weights(folder) as place:

        def mine() -> Cost:
            home = fresh(folder / "ours")
            places = [str(home / name) for name in ("hub", "artifacts", "run")]
            return ours("fetch", *places, REPO_ID, place.hub.url, "main", "auto")

        def bare() -> Cost:
            fresh(place.cache_dir)
            return bare_download(place)

        yield compare("download / hf download", mine, bare, rounds=rounds, limit=1.1)


@dataclass(frozen=True)
class SecondRevision:
    """What a second revision costs that changes 12 bytes beside 64 MB of weights."""

    name: str
    fetched_bytes: int
    on_disk_bytes: int

    def as_row(self) -> dict[str, object]:
        """Return the measurement for JSON."""
        return asdict(self)


def second_revision(folder: Path) -> Iterator[SecondRevision]:
    """Fetch the first, then the second revision, and tell what came over the wire and what the cache takes."""
    with served_weights(folder, SECOND_REVISION_BYTES) as place:
        for name, denied in (("bare hub, symlinks", ""), ("bare hub, no symlinks", "1")):
            fresh(place.cache_dir)
            bare_download(place, "previous", HF_HUB_DISABLE_SYMLINKS=denied)
            place.hub.reset_counters()
            bare_download(place, "latest", HF_HUB_DISABLE_SYMLINKS=denied)
            yield _second(name, place, place.cache_dir)
        for links in ("symlink", "hardlink", "copy"):
            home = fresh(folder / "ours")
            for revision in ("previous", "latest"):
                place.hub.reset_counters()
                places = [str(home / part) for part in ("hub", "artifacts", f"run-{revision}")]
                ours("fetch", *places, REPO_ID, place.hub.url, revision, links)
            yield _second(f"runbook, links = {links}", place, home / "hub")


def _second(name: str, place: Place, cache_dir: Path) -> SecondRevision:
    usage = DiskUsage().add_tree(cache_dir)
    files = sum(count.body_bytes for path, count in place.hub.counters.by_path.items() if not path.startswith("/api"))
    return SecondRevision(name, files, usage.allocated_bytes)


def convert(folder: Path, rounds: int) -> Iterator[Comparison]:
    """Convert the sample with the stage against `docling` on the same models: CPU time and peak memory, 1.05 each.

    The practice hub stands in this process, as the real one stands elsewhere.
    """
    home = fresh(folder)
    places = [str(home / name) for name in ("hub", "artifacts")]
    document = str(sample_document())
    offline = {**os.environ, "HF_HUB_OFFLINE": "1"}
    with PracticeHub() as hub:
        ours("prepare", *places, str(home / "prepared"), hub.url)

        def mine() -> Cost:
            return ours("convert", *places, str(fresh(home / "run") / "of this round"), hub.url, document)

        def bare() -> Cost:
            output = str(fresh(home / "output"))
            return run_command([DOCLING, "--artifacts-path", places[1], "--output", output, document], offline)

        name = "stage convert, record and pictures included / docling (CPU)"
        yield compare(name, mine, bare, rounds=rounds, limit=1.05, seconds=attrgetter("cpu_s"), memory_limit=1.05)


def measure_disk(folder: Path, rounds: int) -> Iterator[Comparison]:
    """Add up a cache of 100,000 files against `du -s` (limit 3) and `hf cache ls` (limit 0.5)."""
    cache = fresh(folder / "many")
    _make_small_files(cache)

    def mine() -> Cost:
        return ours("measure", str(cache))

    yield compare("measure disk / du -s", mine, lambda: run_command(["du", "-s", str(cache)]), rounds=rounds, limit=3.0)
    listing = [HF, "cache", "ls", "--cache-dir", str(cache)]
    yield compare("measure disk / hf cache ls", mine, lambda: run_command(listing), rounds=rounds, limit=0.5)


def _make_small_files(cache: Path) -> None:
    """Make one repository with one snapshot of real files, as huggingface_hub leaves them without symlinks."""
    commit = "0" * 39 + "1"
    snapshot = cache / "models--bench--many" / "snapshots" / commit
    for folder in range(_FOLDERS):
        home = snapshot / f"part-{folder:03d}"
        home.mkdir(parents=True)
        for number in range(SMALL_FILES // _FOLDERS):
            (home / f"file-{number:04d}").write_bytes(b"x")
    reference = cache / "models--bench--many" / "refs" / "main"
    reference.parent.mkdir()
    reference.write_text(commit, encoding="utf-8")
    (cache / "models--bench--many" / "blobs").mkdir()


_START = """
import time
from runbook_lib import DoclingModelManager
started = time.perf_counter()
DoclingModelManager().ensure_models_downloaded()
print(time.perf_counter() - started)
"""


def service_start(folder: Path, rounds: int) -> Iterator[Comparison]:
    """Start a service that names no models and has them all, against the build of before (limit 0.25).

    The call alone counts, with what it imports; which models are wanted was asked at the first start.
    """
    with PracticeHub() as hub, earlier_build(folder / "earlier", EARLIER) as earlier:

        def start(home: Path, **variables: str) -> Cost:
            places = {"RUNBOOK_CACHE_DIR": str(home / "hub"), "RUNBOOK_ARTIFACTS_DIR": str(home / "artifacts")}
            asked = {"RUNBOOK_HUB": hub.url, **places, **variables}
            return run_command([PYTHON, "-P", "-c", _START], {**os.environ, **asked})

        def mine() -> Cost:
            return start(folder / "ours")

        def before() -> Cost:
            return start(folder / "theirs", PYTHONPATH=str(earlier))

        yield compare(
            f"warm start of a service / {EARLIER}", mine, before, rounds=rounds, limit=0.25, seconds=attrgetter("own_s")
        )


def diagnose(folder: Path, rounds: int) -> Iterator[Comparison]:
    """Read a log of 100 MB against the build of before (limit 0.35 of its CPU time), which knew half the patterns."""
    fresh(folder)
    with earlier_build(folder / "earlier", EARLIER) as earlier:
        for name, write in (("service log", logs.write_service_log), ("a log of mixed lines", logs.write_mixed_log)):
            log = folder / "one.log"
            write(log)

            def mine(log: Path = log) -> Cost:
                return ours("diagnose", str(log))

            def before(log: Path = log) -> Cost:
                return run_command(
                    [PYTHON, "-P", "-c", _DIAGNOSE_BEFORE, str(log)], {**os.environ, "PYTHONPATH": str(earlier)}
                )

            told = f"diagnose 100 MB, {name} / {EARLIER} (CPU)"
            yield compare(told, mine, before, rounds=rounds, limit=0.35, seconds=attrgetter("cpu_s"))


def audit(folder: Path, rounds: int) -> Iterator[Comparison]:
    """Audit a repository of 20,000 files against `rg --files | wc -l` (limit 3 times its time, and 2 s)."""
    make_repository(fresh(folder / "repository"))
    root = str(folder / "repository")

    def mine() -> Cost:
        return run_command([PYTHON, "-m", "runbook_lib", "audit", root])

    def listing() -> Cost:
        return run_command(["sh", "-c", f"rg --files '{root}' | wc -l"])

    name = f"audit of {FILES} files / rg --files | wc -l"
    yield compare(name, mine, listing, rounds=rounds, limit=3.0, allowance_s=2.0)
