"""`runbook bundle`: models across the air gap."""

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Final

import click

from runbook_lib.bundle.compare import compare_with_machine, compare_with_other, contents_of, show_bundle
from runbook_lib.bundle.export import export_bundle
from runbook_lib.bundle.read import open_bundle
from runbook_lib.bundle.signature import SigningFiles
from runbook_lib.bundle.sources import opened_source
from runbook_lib.bundle.take import import_bundle
from runbook_lib.bundle.wheel_download import FetchedWheels, fetched_wheels
from runbook_lib.bundle.wheelhouse import WheelTarget
from runbook_lib.cli.lazy import verbose_option
from runbook_lib.cli.options import json_option, parameters_from, setting_options
from runbook_lib.cli.result import print_result
from runbook_lib.cli.where import say_where
from runbook_lib.errors import ExitCode, UsageError
from runbook_lib.run.opening import open_target
from runbook_lib.run.setting_sources import resolve_settings
from runbook_lib.run.settings import Settings
from runbook_lib.run.target import ResolvedTarget, resolve_target
from runbook_lib.terminal.watch import watching

_UNITS: Final = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}
_SIZE: Final = re.compile(r"(\d{1,12})\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)
_LEAST_BYTES: Final = 64 * 1024


class SizeType(click.ParamType[int]):
    """A size such as `4G` or `650M`, in powers of 1024."""

    name = "size"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the bytes."""
        if isinstance(value, int):
            return value
        match = _SIZE.fullmatch(value.strip())
        size_bytes = int(match[1]) * _UNITS[match[2].upper()] if match else 0
        if size_bytes < _LEAST_BYTES:
            self.fail(f"{value!r} is not a size of at least 64K, such as 650M or 4G.", param, ctx)
        return size_bytes


_signature_option = click.option(
    "--require-signature",
    "trusted",
    default="",
    metavar="FILE",
    help="Refuse a bundle that is not signed with this public key, or under these authorities' certificates (PEM).",
)


@click.group()
def bundle() -> None:
    """Export models for a machine without a network, and import them there.

    A bundle is an OCI image layout of CNCF ModelPack artifacts: a folder, or one .tar file. docs/bundles.md describes
    it.
    """


@bundle.command("export")
@setting_options
@click.option("--run-dir", default="", metavar="DIR", help="Use the settings of this run; default: the current ones.")
@click.option("--proof", default="", metavar="DIR", help="Run whose report and records to include.")
@click.option("--sbom", is_flag=True, help="Add a bill of materials (CycloneDX); needs the extra sbom.")
@click.option("--sign", default="", metavar="KEY", help="Sign with this private key (PEM); needs the extra sign.")
@click.option("--certificate", default="", metavar="CERT", help="Certificate of that key, for --require-signature CA.")
@click.option("--wheels", default="", metavar="PLATFORM-PYTHON", help="Add wheels, such as for win_amd64-3.11.")
@click.option(
    "--wheel", "wanted", multiple=True, metavar="REQUIREMENT", help="Requirement the wheels are for; default: docling."
)
@click.option("--since", default="", metavar="OTHER", help="Leave out what this bundle or lock file already names.")
@click.option("--split", type=SizeType(), metavar="SIZE", help="Cut the file into parts, such as 4000M for FAT.")
@click.argument("dest", metavar="DEST")
@verbose_option
@json_option
def export(  # noqa: PLR0913, PLR0917 - one a click option
    pairs: Sequence[tuple[str, str]],
    practice: bool,
    run_dir: str,
    proof: str,
    sbom: bool,
    sign: str,
    certificate: str,
    wheels: str,
    wanted: Sequence[str],
    since: str,
    split: int | None,
    dest: str,
    as_json: bool,
) -> int:
    """Write this machine's models to DEST: a folder, or one file when its name ends with .tar.

    Every content is checked against its hash on the way; damaged files are never exported. A folder on the same volume
    as the cache shares the weights with it and takes almost no space.
    """
    run = open_target(parameters_from(pairs, practice=practice, run_dir=run_dir))
    say_where(run)
    have = contents_of(Path(since)) if since else frozenset()
    proved, signing = Path(proof) if proof else None, _signing(sign, certificate)
    with _wheels(wheels, wanted, run.settings) as fetched, watching("collecting"):
        made = export_bundle(
            run,
            Path(dest),
            have=have,
            split_bytes=split,
            proof=proved,
            sbom=sbom,
            signing=signing,
            wheels=fetched,
        )
    print_result(made, as_json=as_json)
    return ExitCode.OK


@bundle.command("import")
@setting_options
@click.option("--cache", default="", metavar="DIR", help="Hub cache to fill; short for -p cache_dir DIR.")
@click.option("--artifacts", default="", metavar="DIR", help="Artifacts folder; short for -p artifacts_dir DIR.")
@click.option("--papers", default="", metavar="DIR", help="Write the bundle's lock file, report and records to DIR.")
@click.option("--wheels", default="", metavar="DIR", help="Put the wheels in DIR, and say how to install them.")
@_signature_option
@click.argument("source", metavar="SRC")
@verbose_option
@json_option
def import_(  # noqa: PLR0913, PLR0917 - one a click option
    pairs: Sequence[tuple[str, str]],
    practice: bool,
    cache: str,
    artifacts: str,
    papers: str,
    wheels: str,
    trusted: str,
    source: str,
    as_json: bool,
) -> int:
    """Put the models of the bundle SRC into the Hub cache and docling's artifacts folder; safe to run again.

    SRC is a folder, a .tar file or the first of its parts, or a registry's oci://HOST/NAME:TAG. Every content is
    checked against its hash before anything is put in place.
    """
    target = _target(pairs, practice=practice, cache_dir=cache, artifacts_dir=artifacts)
    with watching("reading the bundle"), opened_source(source) as opened:
        read = open_bundle(opened, Path(trusted) if trusted else None)
        beside = (Path(folder) if folder else None for folder in (papers, wheels))
        taken = import_bundle(target, read, *beside)
    print_result(taken, as_json=as_json)
    return ExitCode.OK


@bundle.command("show")
@click.option("--verify", is_flag=True, help="Read every content and compare it with its hash.")
@_signature_option
@click.argument("source", metavar="SRC")
@verbose_option
@json_option
def show(verify: bool, trusted: str, source: str, as_json: bool) -> int:
    """Show what the bundle SRC contains; writes nothing."""
    with watching("reading the bundle"), opened_source(source) as opened:
        shown = show_bundle(open_bundle(opened, Path(trusted) if trusted else None), verify=verify)
    print_result(shown, as_json=as_json)
    return ExitCode.OK


@bundle.command("diff")
@setting_options
@click.option(
    "--since", default="", metavar="OTHER", help="Compare with this bundle or lock file instead of this machine."
)
@click.argument("source", metavar="SRC")
@verbose_option
@json_option
def diff(pairs: Sequence[tuple[str, str]], practice: bool, since: str, source: str, as_json: bool) -> int:
    """Show what this machine lacks from the bundle SRC; writes nothing. Exit code 1 when anything is missing."""
    with watching("comparing"), opened_source(source) as opened:
        read = open_bundle(opened)
        shown = (
            compare_with_other(read, Path(since))
            if since
            else compare_with_machine(read, _target(pairs, practice=practice))
        )
    print_result(shown, as_json=as_json)
    return ExitCode.FAILED if any(model.lacking for model in shown.models) else ExitCode.OK


def _wheels(
    target: str, wanted: Sequence[str], settings: Settings
) -> "AbstractContextManager[FetchedWheels] | nullcontext[None]":
    if wanted and not target:
        raise UsageError("--wheel needs --wheels.", remedy="Name the platform: --wheels win_amd64-3.11.")
    return fetched_wheels(WheelTarget.parse(target), wanted, settings) if target else nullcontext()


def _signing(key: str, certificate: str) -> SigningFiles | None:
    if certificate and not key:
        raise UsageError("--certificate needs --sign.", remedy="Give the key it belongs to: --sign KEY.")
    return SigningFiles(Path(key), Path(certificate) if certificate else None) if key else None


def _target(pairs: Sequence[tuple[str, str]], *, practice: bool, **more: str) -> ResolvedTarget:
    parameters = parameters_from(pairs, practice=practice, **more)
    target = resolve_target(resolve_settings({"offline": True, **parameters}, explicit=True).values)
    say_where(target)
    return target
