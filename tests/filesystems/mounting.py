"""Real file systems in folders: loop images, FUSE, layers as containers have them; in namespaces of their own."""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PACKAGES = [
    "xfsprogs",
    "btrfs-progs",
    "ntfs-3g",
    "exfat-fuse",
    "exfatprogs",
    "bindfs",
    "fuse-overlayfs",
    "fuse3",
    "e2fsprogs",
    "util-linux",
    "dosfstools",
    "fusefat",
]
HOW_TO_GET = f"apt-get install --no-install-recommends {' '.join(PACKAGES)}"
IMAGE_BYTES = 400 * 1024**2
"""What xfs needs at the least, and some; images are sparse."""


class NotMountable(Exception):
    """This machine cannot mount the file system; says why."""


@dataclass
class Place:
    """Where a file system is, and where what a container's image holds is put before the layers are laid."""

    root: Path
    image: Path
    """The root itself where there are no layers."""
    lay: Callable[[], None] = lambda: None
    """Mounts the layers; called once, after the image is filled."""
    mounted: list[Path] = field(default_factory=list)

    def unmount(self) -> None:
        """Unmount, the last first."""
        for point in reversed(self.mounted):
            subprocess.run(["umount", "--lazy", str(point)], check=False, capture_output=True)


Mount = Callable[[Path], Place]


@dataclass(frozen=True)
class FileSystem:
    """A file system of the lane."""

    name: str
    mount: Mount
    programs: tuple[str, ...] = ()
    layered: bool = False
    in_lane: bool = True
    """False: only docs/filesystems.md is made from it, for the tests of every day stand on it or on its like."""

    def missing(self) -> tuple[str, ...]:
        """Return the programs that are not installed."""
        return tuple(program for program in self.programs if shutil.which(program) is None)


def in_namespaces(command: Sequence[str]) -> list[str]:
    """Return the command with mounts and processes of its own: nothing stays mounted, and no FUSE daemon alive."""
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", *user, "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", *command]


def why_no_namespaces() -> str:
    """Return why this machine cannot mount anything; empty when it can."""
    if shutil.which("unshare") is None:
        return "unshare (util-linux) is not installed"
    probe = in_namespaces(["mount", "-t", "tmpfs", "none", "/mnt"])
    done = subprocess.run(probe, capture_output=True, text=True, check=False)
    return done.stderr.strip() if done.returncode else ""


def _run(*command: str | Path) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotMountable(f"{command[0]}: {(done.stderr or done.stdout).strip()[:300]}")
    return done.stdout.strip()


def _image(folder: Path, *make: str) -> Path:
    path = folder / "image"
    with path.open("wb") as file:
        file.truncate(IMAGE_BYTES)
    _run(*make, path)
    return path


def _loop(*make: str) -> Mount:
    def mount(folder: Path) -> Place:
        root = folder / "root"
        root.mkdir(parents=True)
        _run("mount", "-o", "loop", _image(folder, *make), root)
        return Place(root, root, mounted=[root])

    return mount


def _tmpfs(folder: Path) -> Place:
    root = folder / "root"
    root.mkdir(parents=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={IMAGE_BYTES}", "none", root)
    return Place(root, root, mounted=[root])


def _ntfs(folder: Path) -> Place:
    root = folder / "root"
    root.mkdir(parents=True)
    _run("ntfs-3g", _image(folder, "mkfs.ntfs", "--quick", "--force"), root)
    return Place(root, root, mounted=[root])


def _exfat(folder: Path) -> Place:
    root = folder / "root"
    root.mkdir(parents=True)
    device = _run("losetup", "--find", "--show", _image(folder, "mkfs.exfat"))
    try:
        _run("mount.exfat-fuse", device, root)
    finally:
        subprocess.run(["losetup", "--detach", device], check=False)  # it goes with the last one that uses it
    return Place(root, root, mounted=[root])


def _vfat(folder: Path) -> Place:
    """Mount FAT32 by the kernel, or by FUSE where that was built without."""
    root = folder / "root"
    root.mkdir(parents=True)
    image = _image(folder, "mkfs.vfat", "-F", "32")
    try:
        _run("mount", "-t", "vfat", "-o", "loop", image, root)
    except NotMountable:
        _run("fusefat", "-o", "rw+", image, root)
    return Place(root, root, mounted=[root])


def _bindfs(folder: Path) -> Place:
    behind, root = _EXT4(folder / "behind"), folder / "root"
    root.mkdir()
    _run("bindfs", behind.root, root)
    return Place(root, root, mounted=[*behind.mounted, root])


Lay = Callable[[Path, Path, Path], None]
"""Mounts layers: takes the folder with `upper` and `work`, the lower folder, and where to mount."""


def _layers(backing: Mount, lay: Lay, *, image: Mount | None = None) -> Mount:
    """Return layers over an image that stands on the same file system as the upper layer, or on one of its own."""

    def mount(folder: Path) -> Place:
        below = backing(folder / "backing")
        for name in ("lower", "upper", "work"):
            (below.root / name).mkdir()
        other = image(folder / "image") if image else None
        lower, root = other.root if other else below.root / "lower", folder / "root"
        root.mkdir()
        mounted = [*below.mounted, *(other.mounted if other else ())]

        def lay_once() -> None:
            lay(below.root, lower, root)
            mounted.append(root)

        return Place(root, lower, lay_once, mounted)

    return mount


def _options(base: Path, lower: Path, *more: str) -> str:
    return ",".join((f"lowerdir={lower}", f"upperdir={base / 'upper'}", f"workdir={base / 'work'}", *more))


def _overlay(*options: str) -> Lay:
    def lay(base: Path, lower: Path, root: Path) -> None:
        _run("mount", "-t", "overlay", "overlay", "-o", _options(base, lower, *options), root)

    return lay


def _fuse_overlay(base: Path, lower: Path, root: Path) -> None:
    _run("fuse-overlayfs", "-o", _options(base, lower), root)


_EXT4, _XFS, _BTRFS = (_loop(f"mkfs.{name}", "-q") for name in ("ext4", "xfs", "btrfs"))

_ALL = (
    FileSystem("ext4", _EXT4, ("mkfs.ext4",), in_lane=False),
    FileSystem("xfs", _XFS, ("mkfs.xfs",)),
    FileSystem("btrfs", _BTRFS, ("mkfs.btrfs",)),
    FileSystem("tmpfs", _tmpfs),
    FileSystem("ntfs-3g", _ntfs, ("mkfs.ntfs", "ntfs-3g")),
    FileSystem("exfat-fuse", _exfat, ("mkfs.exfat", "mount.exfat-fuse", "losetup")),
    FileSystem("bindfs", _bindfs, ("mkfs.ext4", "bindfs")),
    FileSystem("overlay", _layers(_EXT4, _overlay("index=off")), ("mkfs.ext4",), layered=True),
    FileSystem("overlay, index=on", _layers(_EXT4, _overlay("index=on")), ("mkfs.ext4",), layered=True),
    FileSystem(
        "overlay, metacopy=on",
        _layers(_EXT4, _overlay("metacopy=on", "redirect_dir=on")),
        ("mkfs.ext4",),
        layered=True,
    ),
    FileSystem("overlay on xfs", _layers(_XFS, _overlay("index=off")), ("mkfs.xfs",), layered=True),
    FileSystem(
        "overlay, image on tmpfs",
        _layers(_EXT4, _overlay(), image=_tmpfs),
        ("mkfs.ext4",),
        layered=True,
        in_lane=False,
    ),
    FileSystem("fuse-overlayfs", _layers(_EXT4, _fuse_overlay), ("mkfs.ext4", "fuse-overlayfs"), layered=True),
)
FILE_SYSTEMS: Mapping[str, FileSystem] = {one.name: one for one in _ALL}
STICKS: Mapping[str, FileSystem] = {
    "ntfs-3g": FILE_SYSTEMS["ntfs-3g"],
    "exfat-fuse": FILE_SYSTEMS["exfat-fuse"],
    "vfat": FileSystem("vfat", _vfat, ("mkfs.vfat", "fusefat")),
}
"""What people carry; nobody keeps a cache on vfat."""
