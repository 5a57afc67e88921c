"""Proves with nbval that the stored outputs are still true, in a practice environment of their own."""

import subprocess
import sys
import tempfile
from pathlib import Path

from practice_notebooks import COMPARISON, FOLDER_PREFIX, REPLACEMENTS, ROOT, practice_environment, stored_notebooks


def main() -> int:
    """Run nbval over the notebooks in order; returns pytest's exit code."""
    with tempfile.TemporaryDirectory(prefix=FOLDER_PREFIX) as name:
        rules = Path(name, "rules.cfg")
        rules.write_text("\n".join(path.read_text(encoding="utf-8") for path in (REPLACEMENTS, COMPARISON)), "utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "--nbval", "--nbval-cell-timeout=900", "-p", "no:xdist"]
        command += [f"--nbval-sanitize-with={rules}", "--override-ini=addopts=", "--override-ini=timeout=0"]
        notebooks = [str(path) for path in stored_notebooks()]
        return subprocess.run(
            [*command, *notebooks], cwd=ROOT, env=practice_environment(Path(name)), check=False
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
