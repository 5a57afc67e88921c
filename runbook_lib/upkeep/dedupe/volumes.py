"""What dedupe leaves alone for the sake of the file system: no hard links there, or a container's lower layers."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from runbook_lib.system.filesystem import nearest_existing, probe_hardlink
from runbook_lib.system.layers import Layer, Layers

_REASONS: Final = {
    Layer.OWN: "",
    Layer.LOWER: "in a lower layer of this container: linking would copy it up and the image keeps it, so that nothing "
    "is freed; dedupe where the image is made",
    Layer.UNTOLD: "this file system of layers does not tell in which one it stands: linking a file of a lower one "
    "would copy it up and free nothing; put the cache on a volume of its own",
}


@dataclass(frozen=True)
class _Volume:
    layers: Layers

    @cached_property
    def refuses_links(self) -> str:
        """What the system says to a hard link here; empty when one can be made."""
        probe = probe_hardlink(nearest_existing(self.layers.folder))
        return "" if probe.works else f"no hard link can be made in {self.layers.folder}: {probe.evidence}"


@dataclass(frozen=True)
class Volumes:
    """Tells which names can be shared or removed with the effect that this has on a plain file system."""

    found: tuple[_Volume, ...]

    @classmethod
    def of(cls, *folders: Path | None) -> "Volumes":
        """Stand for the file systems of these folders; nothing is asked before the first question."""
        return cls(tuple(_Volume(Layers(folder)) for folder in folders if folder is not None))

    def against_linking(self, path: Path) -> str:
        """Return why a name is not to become a hard link; empty when it may."""
        return next((home.refuses_links or _layer_of(home, path) for home in self._homes(path)), "")

    def against_removing(self, path: Path) -> str:
        """Return why removing a name would free nothing; empty when it would."""
        return next((_layer_of(home, path) for home in self._homes(path)), "")

    def _homes(self, path: Path) -> Iterator[_Volume]:
        return (home for home in self.found if path.is_relative_to(home.layers.folder))


def _layer_of(home: _Volume, path: Path) -> str:
    return _REASONS[home.layers.of(path)]
