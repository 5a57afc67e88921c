#!/bin/bash
# Versions: docling 2.143.0, CPython 3.11, Linux.
# Seen: `DocumentConverter()` keeps one object of options for each of its 36 formats and makes 1,296 of them: for every format a table
#   with the options of all formats is built, one is taken and the rest thrown away. That is a third of a second of CPU time before any
#   document is read, each time a converter is made; with `allowed_formats` of two formats it is 72 objects, and for a PDF the result
#   is the same.
# Why good guesses are wrong: models are loaded with the first document, so that making the converter itself looks like nothing, and
#   a converter for each request looks merely untidy; `allowed_formats` reads like a filter of what is accepted, not like something
#   that decides what a start costs, in its square.
set -eu
PYTHON=${PYTHON:-python3}
WORK=$(mktemp -d); trap 'rm -rf "$WORK"' EXIT
export PIP_ROOT_USER_ACTION=ignore HF_HUB_OFFLINE=1
"$PYTHON" -m venv "$WORK/venv"
"$WORK/venv/bin/python" -m pip install --quiet --disable-pip-version-check uv
"$WORK/venv/bin/python" -m uv pip install --quiet --python "$WORK/venv/bin/python" docling==2.143.0
cat > "$WORK/seen.py" <<'PY'
"""Count the options that are made, and the CPU time, for a converter of all formats and for one of two."""
import logging, statistics, sys, time, warnings
logging.disable(logging.CRITICAL); warnings.simplefilter("ignore")
from docling.datamodel.base_models import InputFormat
from docling.document_converter import DocumentConverter, FormatOption

made = 0
original = FormatOption.__init__
def counting(self, *args, **kwargs):
    global made
    made += 1
    original(self, *args, **kwargs)

def cost(**options):
    global made
    DocumentConverter(**options)
    times = []
    for _ in range(5):
        began = time.process_time(); converter = DocumentConverter(**options); times.append(time.process_time() - began)
    FormatOption.__init__ = counting
    made = 0
    converter = DocumentConverter(**options)
    FormatOption.__init__ = original
    return len(converter.format_to_options), made, statistics.median(times)

kept, every, slow = cost()
few, some, quick = cost(allowed_formats=[InputFormat.PDF, InputFormat.IMAGE])
print(f"all formats: {kept} options kept, {every} made, {slow:.2f} s of CPU time")
print(f"two formats: {few} options kept, {some} made, {quick:.2f} s of CPU time")
sys.exit(0 if every == kept * kept and some == few * kept and slow > 3 * quick else 1)
PY
"$WORK/venv/bin/python" "$WORK/seen.py" || { echo "CHANGED: see the lines above"; exit 1; }
echo "As stated: a converter makes the square of what it keeps."
