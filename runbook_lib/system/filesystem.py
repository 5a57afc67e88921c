"""What a folder can do: links, space, write access; tried, never guessed from the platform."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from runbook_lib.core.value import Value
from runbook_lib.errors import DiskError

# fmt: off
KERNEL_FILESYSTEMS: Final = frozenset((
    "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "efivarfs", "fusectl", "mqueue",
    "proc", "pstore", "securityfs", "selinuxfs", "sysfs", "tracefs",
))
# fmt: on
"""Types of file system through which Linux shows itself: nobody can keep files there, whatever their rights."""
_TOKEN = "link probe"  # noqa: S105 - the content of a probe file


class LinkProbe(Value):
    """Whether one kind of link works in a folder, and what was seen."""

    works: bool
    evidence: str
    deceives: bool = False
    """The call reported success, yet the link does not work: huggingface_hub reads nothing back and relies on it."""


class FolderFacts(Value):
    """What a folder can do. `probed` is the folder itself or, when it does not exist yet, its nearest parent."""

    role: str
    path: Path
    probed: Path
    filesystem: str
    free_bytes: int
    writable: bool
    write_evidence: str
    symlink: LinkProbe
    hardlink: LinkProbe


def examine_folder(role: str, path: Path) -> FolderFacts:
    """Try the folder: write, symlink, hard link. Leaves nothing behind and does not create the folder."""
    probed = nearest_existing(path)
    blocked = _in_the_way(path, probed)
    writable, write_evidence = (False, f"{blocked} is no folder") if blocked else _try_writing(probed)
    denied = LinkProbe(works=False, evidence="not tried: the folder cannot be written")
    return FolderFacts(
        role=role,
        path=path,
        probed=probed,
        filesystem=filesystem_type(probed),
        free_bytes=free_bytes(probed),
        writable=writable,
        write_evidence=write_evidence,
        symlink=probe_symlink(probed) if writable else denied,
        hardlink=probe_hardlink(probed) if writable else denied,
    )


def nearest_existing(path: Path) -> Path:
    """Return the path itself or its nearest parent that is a folder, or the root of a volume that is not there."""
    absolute = path.expanduser().absolute()
    folders = (candidate for candidate in (absolute, *absolute.parents) if os.path.isdir(candidate))  # noqa: PTH112 - Path.is_dir raises where a parent may not be read
    return next(folders, Path(absolute.anchor))


def _in_the_way(path: Path, existing: Path) -> Path | None:
    """Return what stands where the folder or a parent of it would be made: a file, or a link that leads nowhere."""
    below = path.expanduser().absolute().relative_to(existing).parts[:1]
    return next((existing / name for name in below if os.path.lexists(existing / name)), None)


def probe_symlink(folder: Path) -> LinkProbe:
    """Make a relative symlink as huggingface_hub does, and read through it.

    Reading back matters: Wine's `os.symlink` reports success and creates nothing, and a link may be refused when it is
    followed (WinError 448, 1463) though it could be made.
    """
    return _probe(folder, lambda source, link: link.symlink_to(source.name), os.path.islink)


def probe_hardlink(folder: Path) -> LinkProbe:
    """Make a hard link and see that both names are one file."""
    return _probe(folder, os.link, lambda link: os.stat(link).st_nlink == 2)  # noqa: PLR2004, PTH116


def _probe(folder: Path, make: Callable[[Path, Path], None], is_link: Callable[[Path], bool]) -> LinkProbe:
    made = False
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".runbook-probe-") as name:
            source, link = Path(name, "source"), Path(name, "link")
            source.write_text(_TOKEN, encoding="utf-8")
            make(source, link)
            made = True
            if not os.path.lexists(link):
                return LinkProbe(works=False, evidence="the call reported success but made no link", deceives=True)
            if link.read_text(encoding="utf-8") != _TOKEN or not is_link(link):
                evidence = "the link was made but does not lead to the file"
                return LinkProbe(works=False, evidence=evidence, deceives=True)
            return LinkProbe(works=True, evidence="made and read back")
    except OSError as error:
        return LinkProbe(works=False, evidence=describe_os_error(error), deceives=made)


def describe_os_error(error: OSError) -> str:
    """Name an error by its number first: the sentence is localised on Windows. One that Python made has no number."""
    windows_number = getattr(error, "winerror", None)
    if not windows_number and error.errno is None:
        return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    number = f"WinError {windows_number}" if windows_number else f"errno {error.errno}"
    return f"{number}: {error.strerror or error}"


@contextmanager
def refusals_told(what: str, remedy: str) -> Iterator[None]:
    """Turn what the file system refuses inside the block into one `DiskError`: no space, no right, no such name."""
    try:
        yield
    except OSError as error:
        raise DiskError(what, why=describe_os_error(error), remedy=remedy) from error


def _try_writing(folder: Path) -> tuple[bool, str]:
    """Create, flush and remove a file: `os.access` is wrong on Windows, network shares and read-only mounts."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"write probe")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return False, describe_os_error(error)
    return True, "a file was written and removed"


def free_bytes(path: Path) -> int:
    """Return the bytes this user may still write on the volume of the path or its nearest parent; 0 without one."""
    try:
        return shutil.disk_usage(nearest_existing(path)).free
    except OSError:
        return 0


def filesystem_type(path: Path) -> str:
    """Return the type of the file system the path is on, as the system names it; empty when it does not tell."""
    import psutil  # most who look at files never ask this

    resolved = path.resolve()
    mounts = [
        (len(Path(partition.mountpoint).parts), partition.fstype)
        for partition in psutil.disk_partitions(all=True)
        if resolved.is_relative_to(partition.mountpoint)
    ]
    return max(mounts, default=(0, ""))[1]
