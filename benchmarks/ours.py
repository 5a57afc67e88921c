"""Our side of the comparisons, as commands: `python -m benchmarks.ours VERB ...` is what a benchmark starts."""

import sys
from collections.abc import Callable
from pathlib import Path

# Each verb imports what it needs: the imports of one must not slow the others down.


def verify(cache_dir: str, repo_id: str) -> None:
    """Verify one snapshot against the listing in the cache."""
    from runbook_lib.cache.layout import CachedRepo
    from runbook_lib.errors import RunbookError
    from runbook_lib.stages.verify.compare import verify_folder

    repo = CachedRepo(Path(cache_dir), repo_id)
    listing = repo.listing("main")
    assert listing is not None
    problems = verify_folder(repo.snapshot(listing.commit), listing)
    if problems:
        raise RunbookError(f"not intact: {problems}")


def fetch(cache_dir: str, artifacts_dir: str, run_dir: str, repo_id: str, hub: str, revision: str, links: str) -> None:
    """Carry out the whole download stage."""
    from runbook_lib.run.opening import open_run
    from runbook_lib.stages.download.stage import download

    run = open_run(
        new=True,
        run_dir=run_dir,
        hub=hub,
        models=f"{repo_id}@{revision}",
        cache_dir=cache_dir,
        artifacts_dir=artifacts_dir,
        links=links,
    )
    download(run).require()


def prepare(cache_dir: str, artifacts_dir: str, run_dir: str, hub: str) -> None:
    """Fetch what docling's default pipeline takes from the practice hub."""
    from runbook_lib.run.opening import open_run
    from runbook_lib.stages.download.stage import download

    run = open_run(new=True, run_dir=run_dir, hub=hub, cache_dir=cache_dir, artifacts_dir=artifacts_dir)
    download(run).require()


def convert(cache_dir: str, artifacts_dir: str, run_dir: str, hub: str, document: str) -> None:
    """Carry out the whole convert stage."""
    from runbook_lib.run.opening import open_run
    from runbook_lib.stages.convert.stage import convert as convert_stage

    run = open_run(
        new=True,
        run_dir=run_dir,
        hub=hub,
        cache_dir=cache_dir,
        artifacts_dir=artifacts_dir,
        document=document,
    )
    convert_stage(run).require()


def measure(folder: str) -> None:
    """Add up a folder by inode."""
    from runbook_lib.cache.disk_usage import DiskUsage

    sys.stdout.write(f"{DiskUsage().add_tree(Path(folder)).allocated_bytes}\n")


def diagnose(log: str) -> None:
    """Name the failures in a log."""
    from runbook_lib.quirks.diagnosis import diagnose as diagnose_log

    sys.stdout.write(" ".join(finding.quirk.id for finding in diagnose_log(Path(log)).findings) + "\n")


def bundle_export(cache_dir: str, artifacts_dir: str, repo_id: str, hub: str, dest: str) -> None:
    """Write a bundle."""
    from runbook_lib.bundle.export import export_bundle
    from runbook_lib.run.opening import open_target

    places = {"cache_dir": cache_dir, "artifacts_dir": artifacts_dir}
    export_bundle(open_target({"hub": hub, "models": repo_id, "offline": True, **places}), Path(dest))


def bundle_import(source: str, cache_dir: str, artifacts_dir: str, hub: str) -> None:
    """Take a bundle into an empty cache and artifacts folder."""
    from runbook_lib.bundle.read import open_bundle
    from runbook_lib.bundle.sources import opened_source
    from runbook_lib.bundle.take import import_bundle
    from runbook_lib.run.setting_sources import resolve_settings
    from runbook_lib.run.target import resolve_target

    settings = {"hub": hub, "cache_dir": cache_dir, "artifacts_dir": artifacts_dir, "offline": True}
    target = resolve_target(resolve_settings(settings, explicit=True).values)
    with opened_source(source) as opened:
        import_bundle(target, open_bundle(opened))


if __name__ == "__main__":
    verbs: dict[str, Callable[..., None]] = {
        "verify": verify,
        "fetch": fetch,
        "prepare": prepare,
        "convert": convert,
        "measure": measure,
        "diagnose": diagnose,
        "bundle_export": bundle_export,
        "bundle_import": bundle_import,
    }
    verbs[sys.argv[1]](*sys.argv[2:])
