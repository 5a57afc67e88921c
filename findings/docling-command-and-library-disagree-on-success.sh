#!/bin/bash
# Versions: docling 2.143.0, CPython 3.11, Linux.
# Seen: 1. a Markdown file without content: the library returns status success, no error, no text; the command of the same package
#   ends with exit code 1 ("Markdown export produced empty output") and leaves an empty file behind.
#   2. a file of a type docling does not know, given alone: the library's status is skipped, with an error ("File format not
#   allowed"); the command ends with exit code 0 and writes nothing; with --abort-on-error it is 1.
# Why good guesses are wrong: the command is a thin layer over the library, so that one is taken for a test of the other, and an
#   exit code of 0 for "my document was converted". Here each calls a success what the other does not, in both directions.
set -eu
PYTHON=${PYTHON:-python3}
WORK=$(mktemp -d); trap 'rm -rf "$WORK"' EXIT
changed() { echo "CHANGED: $*"; exit 1; }
export PIP_ROOT_USER_ACTION=ignore HF_HUB_OFFLINE=1
"$PYTHON" -m venv "$WORK/venv"
"$WORK/venv/bin/python" -m pip install --quiet --disable-pip-version-check uv
"$WORK/venv/bin/python" -m uv pip install --quiet --python "$WORK/venv/bin/python" docling==2.143.0
: > "$WORK/empty.md"; printf 'some bytes' > "$WORK/data.xyz"
cat > "$WORK/look.py" <<'PY'
import logging, sys, warnings
logging.disable(logging.CRITICAL); warnings.simplefilter("ignore")
from docling.document_converter import DocumentConverter
result = DocumentConverter().convert(sys.argv[1], raises_on_error=False)
print(result.status.value, len(result.errors), len(result.document.export_to_markdown()))
PY
library() { "$WORK/venv/bin/python" "$WORK/look.py" "$1"; }
command() { local code=0; "$WORK/venv/bin/docling" --output "$WORK/out" "$@" > "$WORK/log" 2>&1 || code=$?; echo "$code"; }
EMPTY_LIBRARY=$(library "$WORK/empty.md"); EMPTY_COMMAND=$(command "$WORK/empty.md")
UNKNOWN_LIBRARY=$(library "$WORK/data.xyz"); UNKNOWN_COMMAND=$(command "$WORK/data.xyz")
echo "empty.md: library (status, errors, characters): $EMPTY_LIBRARY; exit code of the command: $EMPTY_COMMAND"
echo "data.xyz: library (status, errors, characters): $UNKNOWN_LIBRARY; exit code of the command: $UNKNOWN_COMMAND"
[ "$EMPTY_LIBRARY" = "success 0 0" ] || changed "the library on an empty file"
[ "$EMPTY_COMMAND" = 1 ] || changed "the command on an empty file"
[ "$UNKNOWN_LIBRARY" = "skipped 1 0" ] || changed "the library on an unknown type"
[ "$UNKNOWN_COMMAND" = 0 ] || changed "the command on an unknown type"
[ ! -e "$WORK/out/data.md" ] || changed "the command wrote something for an unknown type"
echo "as described: success is not the same for docling's command and its library"
