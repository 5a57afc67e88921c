"""The rows of the table: what is done to a cache and an artifacts folder, and by whom."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

OVERWRITE = "overwrite"
"""The act of every program that is not a client of the Hub."""
SCRIPT = Path(__file__).with_name("client_acts.py")


@dataclass(frozen=True)
class HubAct:
    """Something huggingface_hub does, while the Hub has a newer revision than the pinned one."""

    id: str
    title: str
    act: str
    breaks_off: bool = False
    """The newer weights end half-way."""
    before: str = ""
    """What the same client has done to the folder before the runbook placed its files there."""
    head_before: str = "first"


HUB_ACTS = (
    HubAct("cache-update", "cache: newer revision", "update-cache"),
    HubAct("cache-force", "cache: `force_download` of the pinned revision", "force-cache"),
    HubAct("cache-delete", "cache: newer revision, then deleted", "delete-newer"),
    HubAct("folder-same", "folder: the revision that stands there", "folder-same"),
    HubAct("folder-cached", "folder: newer revision, in the cache already", "folder-cached"),
    HubAct("folder-fresh", "folder: newer revision, not in the cache", "folder-fresh"),
    HubAct("folder-broken", "folder: newer revision, breaks off", "folder-fresh", breaks_off=True),
    HubAct("folder-own", "folder it had filled itself: newer revision", "folder-cached", before="folder-same"),
    HubAct(
        "folder-back",
        "folder it had filled with the newer revision, set back by the runbook: newer revision",
        "folder-fresh",
        before="folder-fresh",
        head_before="second",
    ),
)

Command = Callable[[Path, Path, Path], Sequence[str | Path]]
"""From the new content, the file in the artifacts folder, and a folder to work in."""


def _python(code: str) -> Callable[[Path, Path, Path], Sequence[str | Path]]:
    return lambda new, target, work: (sys.executable, "-c", code, new, target, work)


def _packed(pack: str, unpack: str) -> Command:
    """Pack the new content under the file's name, and unpack it over the file."""

    def command(new: Path, target: Path, work: Path) -> Sequence[str | Path]:
        script = f'cp "$1" "$3/${{2##*/}}" && cd "$3" && {pack} && cd "${{2%/*}}" && {unpack}'
        return ("sh", "-ec", script, "sh", new, target, work)

    return command


_TARFILE = """
import pathlib, sys, tarfile
new, target, work = map(pathlib.Path, sys.argv[1:])
with tarfile.open(work / "new.tar", "w") as archive: archive.add(new, target.name)
with tarfile.open(work / "new.tar") as archive: archive.extractall(target.parent, filter="data")
"""
_ZIPFILE = """
import pathlib, sys, zipfile
new, target, work = map(pathlib.Path, sys.argv[1:])
with zipfile.ZipFile(work / "new.zip", "w") as archive: archive.write(new, target.name)
with zipfile.ZipFile(work / "new.zip") as archive: archive.extractall(target.parent)
"""

TOOLS: dict[str, Command] = {
    "`cp`": lambda new, target, _: ("cp", new, target),
    "`cp -p`": lambda new, target, _: ("cp", "-p", new, target),
    "`curl -o`": lambda new, target, _: ("curl", "-sSo", target, new.as_uri()),
    "`wget -O`": _python(
        "import functools, http.server, pathlib, subprocess, sys, threading\n"
        "new, target, _ = map(pathlib.Path, sys.argv[1:])\n"
        "class Quiet(http.server.SimpleHTTPRequestHandler):\n    def log_message(self, *_): pass\n"
        "serve = functools.partial(Quiet, directory=new.parent)\n"
        "server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), serve)\n"
        "threading.Thread(target=server.serve_forever, daemon=True).start()\n"
        "url = f'http://127.0.0.1:{server.server_port}/{new.name}'\n"
        "sys.exit(subprocess.run(['wget', '-q', '--no-proxy', '-O', target, url]).returncode)"
    ),
    "`rsync`": lambda new, target, _: ("rsync", "--ignore-times", new, target),
    "`rsync --inplace`": lambda new, target, _: ("rsync", "--ignore-times", "--inplace", new, target),
    "`tar x`": _packed('tar cf new.tar "${2##*/}"', 'tar xf "$3/new.tar"'),
    "`tarfile` of Python": _python(_TARFILE),
    "`zipfile` of Python": _python(_ZIPFILE),
    "`shutil.copyfile` of Python": _python("import shutil, sys; shutil.copyfile(*sys.argv[1:3])"),
    "`torch.save`": _python("import sys, torch; torch.save({'w': torch.zeros(50000)}, sys.argv[2])"),
    "an editor (`r+b`)": _python("import sys; open(sys.argv[2], 'r+b').write(b'edited')"),
}
