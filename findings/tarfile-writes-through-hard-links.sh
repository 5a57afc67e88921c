#!/bin/bash
# Versions: CPython 3.11 and later (tarfile, zipfile), GNU tar 1.34, Linux.
# Seen: an archive is unpacked over a file that is a hard link into a store. GNU tar removes the old name first: the store's
#   file stays as it is. Python's tarfile (filter="data" included) and zipfile open the existing file for writing: the
#   new bytes arrive in the store, exit code 0. shutil.unpack_archive, and with it many installers, does the same.
# Why good guesses are wrong: extractall(filter="data") is the safe way by PEP 706 and refuses links that lead out of the
#   folder; that is about links in the archive. "Unpacking replaces files" is true of tar, so of tarfile one expects it.
set -eu
PYTHON=${PYTHON:-python3}
WORK=$(mktemp -d); trap 'rm -rf "$WORK"' EXIT
changed() { echo "CHANGED: $*"; exit 1; }
cat > "$WORK/pack.py" <<'PY'
import pathlib, sys, tarfile, zipfile
work = pathlib.Path(sys.argv[1]); new = work / "new"; new.write_bytes(b"new" * 1000)
with tarfile.open(work / "a.tar", "w") as archive: archive.add(new, "file")
with zipfile.ZipFile(work / "a.zip", "w") as archive: archive.write(new, "file")
PY
"$PYTHON" "$WORK/pack.py" "$WORK"
fresh() { rm -rf "$WORK/store" "$WORK/out"; mkdir "$WORK/store" "$WORK/out"; printf old > "$WORK/store/file"; ln "$WORK/store/file" "$WORK/out/file"; }
show() { printf '%-28s unpacked: %s, the store holds: %s\n' "$1" "$(head -c 3 "$WORK/out/file")" "$(head -c 3 "$WORK/store/file")"; [ "$(head -c 3 "$WORK/out/file")" = new ] && [ "$(head -c 3 "$WORK/store/file")" = "$2" ] || changed "$1"; }
fresh; tar xf "$WORK/a.tar" -C "$WORK/out"; show "tar x" old
fresh; "$PYTHON" -c "import tarfile; tarfile.open('$WORK/a.tar').extractall('$WORK/out', **({'filter': 'data'} if hasattr(tarfile, 'data_filter') else {}))"; show "tarfile.extractall" new
fresh; "$PYTHON" -c "import zipfile; zipfile.ZipFile('$WORK/a.zip').extractall('$WORK/out')"; show "zipfile.extractall" new
fresh; "$PYTHON" -W ignore -c "import shutil; shutil.unpack_archive('$WORK/a.tar', '$WORK/out')"; show "shutil.unpack_archive" new
echo "SEEN: Python's tarfile and zipfile write through hard links, GNU tar does not"
