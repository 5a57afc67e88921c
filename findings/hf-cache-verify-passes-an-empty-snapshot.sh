#!/bin/bash
# Versions: huggingface_hub 1.33.0 and 2.4.0, CPython 3.11, Linux.
# Seen: all files of a cached snapshot are gone. hf cache verify warns that files are missing, then says "Verified 0 file(s)
#   ... All checksums match." and ends with exit code 0. Only --fail-on-missing-files makes that an error.
#   A reference with a line feed at its end (an editor, echo) makes the same model vanish offline: the text is taken
#   as it is, snapshot_download(local_files_only=True) raises LocalEntryNotFoundError with every file in place.
# Why good guesses are wrong: a command called verify that ends with 0 and "All checksums match" is taken for a proof that the
#   model is there; and a file that holds one commit is expected to be read as git reads its own refs, trimmed.
set -eu
PYTHON=${PYTHON:-python3}
WORK=$(mktemp -d); HUB_PID=
finish() { [ -z "$HUB_PID" ] || kill "$HUB_PID" 2>/dev/null || true; rm -rf "$WORK"; }
trap finish EXIT
changed() { echo "CHANGED: $*"; exit 1; }
export HF_HOME="$WORK/home" HF_HUB_DISABLE_PROGRESS_BARS=1 HF_HUB_DISABLE_TELEMETRY=1 HF_HUB_DISABLE_UPDATE_CHECK=1 PIP_ROOT_USER_ACTION=ignore
unset HF_HUB_CACHE HF_HUB_OFFLINE HF_TOKEN HF_HUB_DISABLE_SYMLINKS 2>/dev/null || true
export no_proxy=127.0.0.1 NO_PROXY=127.0.0.1
cat > "$WORK/hub.py" <<'PY'
# A hub on loopback with one repository, lab/model, at one commit.
import hashlib, json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
FILES = {"config.json": b"{}", "w.bin": b"w" * 100000}
COMMIT = hashlib.sha1(b"a").hexdigest()
def git(b): return hashlib.sha1(b"blob %d\0" % len(b) + b).hexdigest()
def sha(b): return hashlib.sha256(b).hexdigest()
class Hub(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *args): pass
    def answer(self, body, code=200, headers={}):
        if not isinstance(body, bytes): body = json.dumps(body).encode()
        self.send_response(code); self.send_header("content-length", str(len(body)))
        for k, v in headers.items(): self.send_header(k, v)
        self.end_headers()
        if self.command != "HEAD": self.wfile.write(body)
    def do_GET(self):
        path = self.path.split("?")[0]
        if path.startswith("/api/models/lab/model/revision/"): return self.answer({"id": "lab/model", "sha": COMMIT, "siblings": []})
        if path.startswith("/api/models/lab/model/tree/"):
            return self.answer([{"type": "file", "path": f, "size": len(b), "oid": git(b)} | ({"lfs": {"oid": sha(b), "size": len(b), "pointerSize": 131}} if f == "w.bin" else {}) for f, b in FILES.items()])
        if path.startswith("/lab/model/resolve/"):
            name = path.rpartition("/")[2]; b = FILES[name]
            return self.answer(b, 200, {"etag": f'"{sha(b) if name == "w.bin" else git(b)}"', "x-repo-commit": COMMIT})
        self.answer({"error": "not found"}, 404)
    do_HEAD = do_GET
server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
print(server.server_port, flush=True)
server.serve_forever()
PY
"$PYTHON" "$WORK/hub.py" > "$WORK/port" & HUB_PID=$!
while [ ! -s "$WORK/port" ]; do sleep 0.1; done
HF_ENDPOINT=http://127.0.0.1:$(cat "$WORK/port"); export HF_ENDPOINT
for version in 1.33.0 2.4.0; do
  "$PYTHON" -m venv "$WORK/venv-$version"; bin="$WORK/venv-$version/bin"; cache="$WORK/cache-$version"
  "$bin/python" -m pip install -qq --disable-pip-version-check "huggingface_hub==$version" certifi
  load() { "$bin/python" -c "import huggingface_hub as h; h.snapshot_download('lab/model', cache_dir='$cache', $1)" 2> /dev/null; }
  load "local_files_only=False" || changed "the download fails"
  load "local_files_only=True" || changed "the cache is not found offline"
  reference="$cache/models--lab--model/refs/main"; printf '%s\n' "$(cat "$reference")" > "$reference"
  hidden=no; load "local_files_only=True" || hidden=yes
  printf '%s' "$(cat "$reference")" > "$reference"
  load "local_files_only=True" || changed "without the line feed the cache is not found either"
  rm "$cache"/models--lab--model/snapshots/*/*
  code=0; said=$("$bin/hf" cache verify lab/model --cache-dir "$cache" 2>&1) || code=$?
  strict=0; "$bin/hf" cache verify lab/model --cache-dir "$cache" --fail-on-missing-files > /dev/null 2>&1 || strict=$?
  echo "huggingface_hub $version: a line feed hides the model: $hidden; empty snapshot: exit code $code, $(echo "$said" | grep -o 'Verified .*match.'); with --fail-on-missing-files: exit code $strict"
  [ "$hidden" = yes ] && [ "$code" = 0 ] && [ "$strict" != 0 ] && echo "$said" | grep -q 'Verified 0 file(s)' || changed "$version"
done
echo "SEEN: an empty snapshot passes hf cache verify, and a line feed behind a commit hides a whole one"
