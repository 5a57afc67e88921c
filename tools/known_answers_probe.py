"""Asks docling in a process of its own, and notes what docling's own code imports and looks for meanwhile.

Run by tools/make_known_answers.py in the interpreter under examination: the folder of the workers, the system that
docling is to find, and the request. For another system than this one docling's own modules are told so; everything
that they import is that of this one.
"""

from __future__ import annotations

import builtins
import functools
import json
import platform
import sys
from types import ModuleType
from typing import Any

SYSTEM_NAMES = {"linux": "Linux", "win32": "Windows", "darwin": "Darwin"}
LEVEL = 3
"""Which argument after the name says that an import is relative."""
found: set[str] = set()
sought: set[str] = set()
original = builtins.__import__


class Played(ModuleType):
    """A module of the standard library, but for what it says of the system."""

    def __init__(self, real: ModuleType, **changes: Any) -> None:  # noqa: ANN401 - a value, or a function
        super().__init__(real.__name__)
        self.__dict__.update(changes, _real=real)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self.__dict__["_real"], name)


def played(system: str) -> dict[str, ModuleType]:
    """Return what docling finds in place of the real modules; nothing where the system is this one."""
    if system == sys.platform:
        return {}
    return {
        "sys": Played(sys, platform=system),
        "platform": Played(platform, system=lambda: SYSTEM_NAMES[system]),
    }


def watch(instead: dict[str, ModuleType]) -> None:
    """Note each import in docling's own code by its first word."""

    @functools.wraps(original)
    def noting(name: str, *args: Any, **named: Any) -> Any:  # noqa: ANN401 - as `__import__` takes and returns them
        scope = args[0] if args else named.get("globals")
        level = args[LEVEL] if len(args) > LEVEL else named.get("level", 0)
        asker, first = (scope or {}).get("__name__", ""), name.partition(".")[0]
        if level or not (asker == "docling" or asker.startswith("docling.")):
            return original(name, *args, **named)
        try:
            module = original(name, *args, **named)
        except ModuleNotFoundError as error:
            if error.name and error.name.partition(".")[0] == first:
                sought.add(first)
            raise
        found.add(first)
        return instead.get(name, module)

    builtins.__import__ = noting


def third_party(names: set[str]) -> list[str]:
    """Return those that come neither with Python nor with docling."""
    return sorted(names - set(sys.stdlib_module_names) - {"docling"})


def main() -> None:
    """Print the answer and what was noted as one line of JSON."""
    scripts, system, request = sys.argv[1:]
    sys.path.insert(0, scripts)
    import list_pipeline_models  # type: ignore[import-not-found]

    watch(played(system))
    answer = list_pipeline_models.answer(json.loads(request))
    noted = {"answer": answer, "imported": third_party(found), "absent": third_party(sought - found)}
    sys.stdout.write("\n" + json.dumps(noted) + "\n")


if __name__ == "__main__":
    main()
