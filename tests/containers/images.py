"""Images made by buildah in a store of its own, and what runs in them cut off from everything."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("buildah", "debootstrap", "unshare", "setpriv", "ip")
HOW_TO_GET = "apt-get install --no-install-recommends buildah debootstrap util-linux iproute2"
BASE = "localhost/base"
_SUITE, _PACKAGES = (
    "bookworm",
    "ca-certificates,libffi8,libssl3,libsqlite3-0,liblzma5,libbz2-1.0,zlib1g,libexpat1,python3-venv",
)
_CERTIFICATES = "/etc/ssl/certs"
_ENVIRON = dict(os.environ)
"""As it was before the tests took out what steers them: it says how packages can be had here."""


@dataclass(frozen=True)
class Layer:
    """One layer of an image in the store: its files as they lie on the disk, and how many bytes they are."""

    files: Path
    size_bytes: int


@dataclass(frozen=True)
class Store:
    """A store of images below one folder, with the overlay driver."""

    folder: Path

    def buildah(self, *words: str) -> str:
        """Run buildah on this store; returns what it printed."""
        where = ("--root", str(self.folder / "root"), "--runroot", str(self.folder / "run"))
        command = ["buildah", *where, "--storage-driver", "overlay", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=_ENVIRON)
        assert done.returncode == 0, f"{shlex.join(words)}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout.strip()

    def build(self, dockerfile: Path, context: Path, tag: str, *words: str, **arguments: str) -> str:
        """Build an image that sees this machine's network and certificates; returns its tag."""
        given = [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
        reach = ("--network", "host", "--volume", f"{_CERTIFICATES}:{_CERTIFICATES}:ro")
        self.buildah(
            *("build", "--isolation", "chroot", "--layers", *reach, "--build-arg", f"BASE={BASE}", *given, *words),
            *("-f", str(dockerfile), "-t", f"localhost/{tag}", str(context)),
        )
        return f"localhost/{tag}"

    def has(self, image: str) -> bool:
        return bool(self.buildah("images", "--quiet", "--filter", f"reference={image}"))

    def layers(self, image: str) -> tuple[Layer, ...]:
        """Return the layers of an image, the lowest first."""
        root = self.folder / "root"
        known = {one["id"]: one for one in json.loads((root / "overlay-layers" / "layers.json").read_text("utf-8"))}
        image_id = self.buildah("images", "--quiet", "--no-trunc", image).removeprefix("sha256:")
        images = json.loads((root / "overlay-images" / "images.json").read_text("utf-8"))
        (layer_id,) = (one["layer"] for one in images if one["id"] == image_id)
        found = []
        while layer_id:
            layer = known[layer_id]
            found.append(Layer(root / "overlay" / layer_id / "diff", layer.get("diff-size", 0)))
            layer_id = layer.get("parent", "")
        return tuple(reversed(found))

    @contextmanager
    def mounted(self, image: str) -> Iterator[Path]:
        """Mount the root of a container of the image."""
        container = self.buildah("from", image)
        try:
            yield Path(self.buildah("mount", container))
        finally:
            self.buildah("rm", container)


def make_base(store: Store) -> None:
    """Make what `python:3.11-slim-bookworm` is, of what there is here: Debian, and the interpreter of the tests."""
    debian, python = store.folder / "debian", store.folder / "python"
    if not debian.exists():
        unfinished = debian.with_suffix(".part")
        shutil.rmtree(unfinished, ignore_errors=True)
        command = ["debootstrap", "--variant=minbase", f"--include={_PACKAGES}", _SUITE, str(unfinished)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=_ENVIRON)
        unfinished.rename(debian)
    container = store.buildah("from", "scratch")
    store.buildah("add", "--quiet", container, str(debian), "/")
    prefix = Path(sys.base_prefix)
    if prefix != Path("/usr"):
        shutil.rmtree(python, ignore_errors=True)
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        left_out = shutil.ignore_patterns("site-packages", "__pycache__", "test", "config-*")
        shutil.copytree(prefix / "lib" / version, python / "lib" / version, symlinks=True, ignore=left_out)
        for path in (*prefix.glob("bin/python3*"), *prefix.glob("lib/libpython3*")):
            place = python / path.relative_to(prefix)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, place, follow_symlinks=False)
        store.buildah("add", "--quiet", container, str(python), "/usr/local")
    store.buildah("config", "--env", "PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", container)
    store.buildah("commit", "--quiet", container, BASE)
    store.buildah("rm", container)


_CUT_OFF = """
set -e
mount --make-rprivate /
mount --bind "$ROOT" "$ROOT"
mount --bind /dev "$ROOT/dev"
mount -t proc proc "$ROOT/proc"
mount -o remount,bind,ro "$ROOT"
mount -t tmpfs -o size=1g,mode=1777 tmpfs "$ROOT/tmp"
cat > "$ROOT/tmp/inside.py"
ip link set lo up
exec setpriv --no-new-privs chroot --userspec="$USER_ID:0" "$ROOT" \\
    /bin/sh -c 'cd /app && exec env -i $GIVEN python /tmp/inside.py'
"""


def run_cut_off(store: Store, image: str, script: str, user_id: int, variables: Mapping[str, str]) -> str:
    """Run a script in a container of the image: any user, no network but its own loopback, a root that is read-only."""
    config = json.loads(store.buildah("inspect", "--type", "image", image))["OCIv1"]["config"]
    given = " ".join([*config["Env"], *(f"{name}={value}" for name, value in variables.items())])
    with store.mounted(image) as root:
        done = subprocess.run(
            ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "sh", "-c", _CUT_OFF],
            input=script,
            env={**_ENVIRON, "ROOT": str(root), "USER_ID": str(user_id), "GIVEN": given},
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout
