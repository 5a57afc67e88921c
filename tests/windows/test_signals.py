"""Ctrl-Break, which is also what a console that is closed sends, ends a run as a signal does elsewhere."""

import json
from pathlib import Path

import pytest

from tests.windows.windows_python import WindowsPython, to_windows_path

LIMIT_S = 400
COMMAND = """
import signal, sys, threading, time
from pathlib import Path
from runbook_lib import notebooks
notebooks.NOTEBOOKS = Path(sys.argv.pop(1))
busy = Path(sys.argv[3], "busy")
def press():
    while not busy.is_file():
        time.sleep(0.1)
    signal.raise_signal(signal.SIGBREAK)
threading.Thread(target=press, daemon=True).start()
from runbook_lib.cli import main
main()
"""
"""Raises the signal in the process itself: Wine 8 refuses console events without a window (WinError 6, 12)."""
CELL = "import time\nfrom pathlib import Path\nPath(run_dir, 'busy').touch()\ntime.sleep(600)"


@pytest.mark.timeout(LIMIT_S + 60)
def test_ctrl_break_ends_a_run_with_a_word(windows_python: WindowsPython, tmp_path: Path) -> None:
    import nbformat

    notebooks, run = tmp_path / "notebooks", tmp_path / "run"
    notebooks.mkdir()
    parameters = nbformat.v4.new_code_cell('run_dir: str = ""', metadata={"tags": ["parameters"]})
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    node = nbformat.v4.new_notebook(
        cells=[parameters, nbformat.v4.new_code_cell(CELL)], metadata={"kernelspec": kernel}
    )
    nbformat.write(node, notebooks / "05_convert.ipynb")
    words = ["run", "--run-dir", to_windows_path(run), "--only", "convert", "-p", "hub", "http://127.0.0.1:9"]
    done = windows_python.run(["-c", COMMAND, to_windows_path(notebooks), *words], timeout_s=LIMIT_S)
    assert done.returncode == 130, done
    assert done.stderr.splitlines()[-1].startswith("SIGBREAK: finished stages are kept; go on with runbook run"), done
    header = json.loads((run / "run.json").read_text(encoding="utf-8"))
    assert (header["state"], header["problem"]) == ("interrupted", "interrupted by SIGBREAK")
    assert (run / "report.html").is_file()
