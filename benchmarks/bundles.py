"""A bundle against what people did before: `tar -cf` and `sha256sum`, `tar -xf` and `sha256sum`."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Comparison, Cost, compare, run_command
from benchmarks.places import PYTHON, REPO_ID, SIZE_BYTES, Place, bare_download, fresh, served_weights


def bundles(folder: Path, rounds: int) -> Iterator[Comparison]:
    """Carry 1 GiB in 8 files: to a file (limit 1.1), and into an empty cache with verification (limit 1.15)."""
    with served_weights(folder) as place:
        bare_download(place)
        one, tar = folder / "bundle.tar", folder / "bare.tar"

        def export() -> Cost:
            one.unlink(missing_ok=True)
            places = [str(place.cache_dir), str(folder / "artifacts"), REPO_ID, place.hub.url]
            return _ours("bundle_export", *places, str(one))

        def packed() -> Cost:
            tar.unlink(missing_ok=True)
            return _shell(f"tar -C '{place.cache_dir}' -cf '{tar}' . && sha256sum '{tar}'")

        yield compare("bundle export to a file / tar -cf, sha256sum", export, packed, rounds=rounds, limit=1.1)

        def taken() -> Cost:
            home = fresh(folder / "there")
            places = [str(home / name) for name in ("hub", "artifacts")]
            return _ours("bundle_import", str(one), *places, place.hub.url)

        def unpacked() -> Cost:
            home = fresh(folder / "bare")
            return _shell(f"tar -C '{home}' -xf '{tar}' && find '{home}' -type f -exec sha256sum {{}} +")

        yield compare("bundle import / tar -xf, sha256sum", taken, unpacked, rounds=rounds, limit=1.15)
        yield _folder(folder, place, rounds)


def _folder(folder: Path, place: Place, rounds: int) -> Comparison:
    """Compare an export to a folder with a copy of the cache, and hold what it writes to 1 % of the weights."""
    dest, copy = folder / "bundle", folder / "copy"

    def export() -> Cost:
        shutil.rmtree(dest, ignore_errors=True)
        places = [str(place.cache_dir), str(folder / "artifacts"), REPO_ID, place.hub.url]
        return _ours("bundle_export", *places, str(dest))

    def copied() -> Cost:
        shutil.rmtree(copy, ignore_errors=True)
        return _shell(f"cp -a '{place.cache_dir}' '{copy}' && find '{copy}' -type f -exec sha256sum {{}} +")

    compared = compare("bundle export to a folder / cp -a, sha256sum", export, copied, rounds=rounds)
    own_bytes = sum(path.stat().st_size for path in dest.rglob("*") if path.is_file() and path.stat().st_nlink == 1)
    if own_bytes > SIZE_BYTES / 100:
        raise SystemExit(f"an export to a folder wrote {own_bytes} bytes for {SIZE_BYTES} of weights")
    return compared


def _ours(verb: str, *arguments: str) -> Cost:
    return run_command([PYTHON, "-m", "benchmarks.ours", verb, *arguments])


def _shell(script: str) -> Cost:
    return run_command(["sh", "-c", script])
