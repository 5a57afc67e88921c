#!/usr/bin/env bash
# IPython 9.9.0, Python 3.11, Linux. Seen 2026-11-27.
# A tool reads notebooks and lets IPython's own TransformerManager turn `!` and `%` lines into Python. The good guess: one line in, one line
# out, so that a line of the syntax tree is a line of the cell. Seen: a shell line continued by a backslash comes back as one line, and blank
# lines at the head of a cell are dropped; every later line then has another number, and nothing in the answer says so.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
python3 -m venv env; env/bin/pip install -q --disable-pip-version-check "ipython==9.9.0" 2>/dev/null
env/bin/python - >seen <<'PY'
from IPython.core.inputtransformer2 import TransformerManager
cells = {
    "one command a line": "!ls\nx = 1\n",
    "continued by a backslash": "!pip install \\\n  docling\nx = 1\n",
    "blank lines first": "\n\nx = 1\n",
}
for name, cell in cells.items():
    lines = TransformerManager().transform_cell(cell).splitlines()
    print(f"{name}: x = 1 stood in line {cell.splitlines().index('x = 1') + 1}, stands in line {lines.index('x = 1') + 1}")
PY
cat seen
diff - seen <<'EXPECTED'
one command a line: x = 1 stood in line 2, stands in line 2
continued by a backslash: x = 1 stood in line 3, stands in line 2
blank lines first: x = 1 stood in line 3, stands in line 1
EXPECTED
echo "as stated"
