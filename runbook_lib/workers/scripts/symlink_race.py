"""Plays the race of Quirk-001 in this process, where every symlink is refused from here on.

Two kinds of players: a faithful miniature of how huggingface_hub remembers whether links work, in the order of 1.32 and
before and in the order of 1.33, and the linking functions of the huggingface_hub that is installed here, if there is
one. Nothing is downloaded: the race is over the trial that comes before the first link.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import threading
import warnings
from pathlib import Path
from typing import Any, Callable

THREADS = 8
TRIAL_NAME = "dummy_file_dst"
"""What huggingface_hub calls the link of its trial (file_download.are_symlinks_supported)."""
REFUSAL = "A required privilege is not held by the client"

Link = Callable[[Path, Path], None]


def run(request: dict[str, Any], emit: Callable[..., None]) -> dict[str, Any]:
    """Play `tries` fresh downloads with each player; returns how many died, and the race in slow motion."""
    os.symlink = refuse  # type: ignore[assignment]  # takes the same arguments, by position
    tries = int(request["tries"])
    players: dict[str, Callable[[Path], Link]] = {
        "before": lambda cache: Miniature(cache, publish_first=True).link,
        "after": lambda cache: Miniature(cache, publish_first=False).link,
    }
    version, installed = installed_hub()
    if installed is not None:
        players["installed"] = lambda _cache: installed
    with tempfile.TemporaryDirectory(prefix="runbook-race-") as name:
        lost = {}
        for player, make in players.items():
            lost[player] = sum(died(Path(name, f"{player}-{number}"), make) for number in range(tries))
            emit("progress", player=player, lost=lost[player])
        story = {
            "before": slow_motion(Path(name, "slow-before"), publish_first=True),
            "after": slow_motion(Path(name, "slow-after"), publish_first=False),
        }
    return {"lost": lost, "tries": tries, "threads": THREADS, "hub_version": version, "story": story}


def refuse(_source: Any, target: Any, *_options: Any, **_more: Any) -> None:  # noqa: ANN401 - os.symlink's
    """Stand in for os.symlink on Windows without the privilege: WinError 1314 arrives as errno 22."""
    raise OSError(errno.EINVAL, REFUSAL, os.fspath(target), 1314)


class Miniature:
    """huggingface_hub's memory of whether links work, and what it does with the answer.

    `publish_first` is the order of 1.32.0 and before (file_download.are_symlinks_supported): the answer "yes" is noted
    before the trial begins and taken back when it fails. 1.33.0 notes an answer only once the trial has ended.
    """

    def __init__(self, cache: Path, *, publish_first: bool, tell: Callable[[str], None] | None = None) -> None:
        self.cache = cache
        self.publish_first = publish_first
        self.supported: dict[Path, bool] = {}
        self.tell = tell or (lambda _event: None)

    def are_symlinks_supported(self) -> bool:
        """Answer from memory, or try."""
        if self.cache in self.supported:
            self.tell(f"reads the note: {word(self.supported[self.cache])}")
            return self.supported[self.cache]
        if self.publish_first:
            self.supported[self.cache] = True
            self.tell(f"notes: {word(True)}")
        self.tell("begins its trial")
        works = self.try_link()
        self.supported[self.cache] = works
        self.tell(f"ends its trial and notes: {word(works)}")
        return works

    def try_link(self) -> bool:
        """Make a link in a folder of its own and say whether that worked."""
        self.cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=str(self.cache)) as folder:
            source = Path(folder, "dummy_file_src")
            source.touch()
            try:
                os.symlink("dummy_file_src", str(Path(folder, TRIAL_NAME)))  # noqa: PTH211 - the call that is refused
            except OSError:
                return False
            return True

    def link(self, blob: Path, pointer: Path) -> None:
        """Link, or move where links are known not to work; an unexpected refusal escapes, as in the client."""
        if self.are_symlinks_supported():
            self.tell("makes its link")
            os.symlink(os.path.relpath(str(blob), str(pointer.parent)), str(pointer))  # noqa: PTH211 - as above
        else:
            shutil.move(str(blob), str(pointer))
            self.tell("moves its file: done")


def word(works: bool) -> str:
    """Say the answer."""
    return "links work" if works else "links do not work"


def installed_hub() -> tuple[str, Link | None]:
    """Return the version of the installed huggingface_hub and its linking function; None without it."""
    try:
        import huggingface_hub
        from huggingface_hub import constants, file_download
    except ImportError:
        return "", None
    constants.HF_HUB_DISABLE_SYMLINKS = False  # the race is about trying

    def link(blob: Path, pointer: Path) -> None:
        file_download._create_symlink(str(blob), str(pointer), new_blob=True)  # noqa: SLF001 - the very function

    return huggingface_hub.__version__, link


def died(home: Path, make: Callable[[Path], Link]) -> bool:
    """Play one fresh download: every thread has a file and links it; says whether a refusal escaped from one."""
    blobs, snapshot = home / "blobs", home / "snapshot"
    blobs.mkdir(parents=True)
    snapshot.mkdir()
    link = make(home)
    together, escaped = threading.Barrier(THREADS), []

    def player(number: int) -> None:
        blob = blobs / str(number)
        together.wait()
        blob.write_bytes(b"weights")
        try:
            link(blob, snapshot / str(number))
        except OSError as error:
            escaped.append(error)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the cache works in a degraded way is known here
        in_threads(player, THREADS)
    return bool(escaped)


def in_threads(player: Callable[[int], None], count: int) -> None:
    """Run the player once for each number, each in a thread, and wait for all."""
    threads = [threading.Thread(target=player, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def slow_motion(home: Path, *, publish_first: bool) -> list[str]:
    """Play two threads in one fixed order: the second comes while the trial of the first is under way."""
    story: list[str] = []
    (home / "blobs").mkdir(parents=True)
    names = {0: "thread 1", 1: "thread 2"}
    trying, second_done = threading.Event(), threading.Event()
    here = threading.local()

    def tell(event: str) -> None:
        story.append(f"{names[here.number]} {event}")
        if here.number == 0 and event == "begins its trial":
            trying.set()
            second_done.wait(10)

    miniature = Miniature(home, publish_first=publish_first, tell=tell)

    def player(number: int) -> None:
        here.number = number
        blob = home / "blobs" / str(number)
        blob.write_bytes(b"weights")
        if number == 1:
            trying.wait(10)
        try:
            miniature.link(blob, home / str(number))
        except OSError as error:
            story.append(f"{names[number]} is refused and dies: {error.strerror}")
        finally:
            if number == 1:
                second_done.set()

    in_threads(player, len(names))
    return story
