#!/bin/bash
# Versions: huggingface_hub 1.33.0 (httpx 0.28.1) and 2.4.0 (which brings httpx2), CPython 3.11, Linux.
# Seen: a model of three files, one request struck once, before a byte of its answer. A 503 to the HEAD of a file is retried and
#   the download ends well; a 503 to its GET ends the whole download with HfHubHTTPError. A server that hangs up in good order
#   ends it at HEAD (RemoteProtocolError), and is survived at GET ("Trying to resume download..."), like a body cut half-way. A
#   TCP reset ends it at either (ReadError). Exit code 1 each time, at once, and one such request among all is enough.
# Why good guesses are wrong: the code names five retries with pauses for these very calls, and a request that got no answer is
#   the safest one to repeat. But HEAD retries what a server answers, GET what stops arriving, and a reset is neither.
set -eu
PYTHON=${PYTHON:-python3}
WORK=$(mktemp -d); HUB_PID=
finish() { [ -z "$HUB_PID" ] || kill "$HUB_PID" 2>/dev/null || true; rm -rf "$WORK"; }
trap finish EXIT
changed() { echo "CHANGED: $*"; exit 1; }
export HF_HOME="$WORK/home" HF_HUB_DISABLE_PROGRESS_BARS=1 HF_HUB_DISABLE_TELEMETRY=1 HF_HUB_DISABLE_UPDATE_CHECK=1 HF_HUB_DISABLE_XET=1
export no_proxy=127.0.0.1 NO_PROXY=127.0.0.1 PIP_ROOT_USER_ACTION=ignore
unset HF_HUB_CACHE HF_HUB_OFFLINE HF_TOKEN 2>/dev/null || true
cat > "$WORK/hub.py" <<'PY'
# A minimal hub on loopback: lab/model with a config and two LFS files. /break/KIND/METHOD/FILE strikes the next such request once.
import hashlib, json, re, socket, struct
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
FILES = {"config.json": b"{}", "w0.bin": b"0" * 200000, "w1.bin": b"1" * 200000}
COMMIT = "a" * 40
NEXT = []
def sha(b): return hashlib.sha256(b).hexdigest()
def git(b): return hashlib.sha1(b"blob %d\0" % len(b) + b).hexdigest()
class Hub(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *args): pass
    def answer(self, body, code=200, headers={}):
        if not isinstance(body, bytes): body = json.dumps(body).encode()
        self.send_response(code); self.send_header("content-length", str(len(body)))
        for k, v in headers.items(): self.send_header(k, v)
        self.end_headers()
        if self.command != "HEAD": self.wfile.write(body)
    def struck(self, name):
        if not NEXT or NEXT[0][1:] != (self.command, name): return False
        kind = NEXT.pop()[0]
        if kind == "503": self.answer({"error": "busy"}, 503); return True
        if kind == "cut":
            self.send_response(200); self.send_header("content-length", str(len(FILES[name]))); self.send_header("etag", f'"{sha(FILES[name])}"')
            self.send_header("x-repo-commit", COMMIT); self.end_headers(); self.wfile.write(FILES[name][:100000]); self.wfile.flush()
        if kind == "reset": self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)); self.connection.close()
        else: self.connection.shutdown(2)
        self.close_connection = True
        return True
    def do_GET(self):
        p = self.path.split("?")[0]
        if m := re.fullmatch(r"/break/(\w+)/(\w+)/(.+)", p): NEXT[:] = [(m[1], m[2], m[3])]; return self.answer([])
        if re.fullmatch(r"/api/models/lab/model/revision/\w+", p): return self.answer({"id": "lab/model", "sha": COMMIT, "siblings": []})
        if re.fullmatch(r"/api/models/lab/model/tree/\w+", p):
            return self.answer([{"type": "file", "path": f, "size": len(b), "oid": git(b)} | ({"lfs": {"oid": sha(b), "size": len(b), "pointerSize": 134}} if f.endswith(".bin") else {}) for f, b in FILES.items()])
        if m := re.fullmatch(r"/lab/model/resolve/\w+/(.+)", p):
            if self.struck(m[1]): return
            b, start = FILES[m[1]], 0
            if r := re.fullmatch(r"bytes=(\d+)-", self.headers.get("range", "")): start = int(r[1])
            more = {"content-range": f"bytes {start}-{len(b) - 1}/{len(b)}"} if start else {}
            return self.answer(b[start:], 206 if start else 200, {"etag": f'"{sha(b) if m[1].endswith(".bin") else git(b)}"', "x-repo-commit": COMMIT} | more)
        self.answer({"error": "not found"}, 404)
    def finish(self):
        try: super().finish()
        except OSError: pass
    do_HEAD = do_GET
server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
server.handle_error = lambda *args: None
print(server.server_port, flush=True)
server.serve_forever()
PY
"$PYTHON" "$WORK/hub.py" > "$WORK/port" & HUB_PID=$!
while [ ! -s "$WORK/port" ]; do sleep 0.1; done
HF_ENDPOINT=http://127.0.0.1:$(cat "$WORK/port"); export HF_ENDPOINT
for version in 1.33.0 2.4.0; do
  "$PYTHON" -m venv "$WORK/venv" && "$WORK/venv/bin/python" -m pip install -qq --disable-pip-version-check "huggingface_hub==$version" "httpx==0.28.1"
  for strike in "503 HEAD 0" "503 GET HfHubHTTPError" "cut GET 0" "reset HEAD ReadError" "hangup HEAD RemoteProtocolError" "reset GET ReadError" "hangup GET 0"; do
    set -- $strike
    "$PYTHON" -c "import sys, urllib.request; urllib.request.urlopen(sys.argv[1])" "$HF_ENDPOINT/break/$1/$2/w1.bin"
    code=0; rm -rf "$WORK/cache"
    "$WORK/venv/bin/python" -c "import huggingface_hub as h; h.snapshot_download('lab/model', cache_dir='$WORK/cache', max_workers=1)" > "$WORK/said" 2>&1 || code=$?
    echo "huggingface_hub $version: $1 at one $2 of one of three files: exit code $code $(tail -1 "$WORK/said" | cut -c1-90)"
    if [ "$3" = 0 ]; then [ $code = 0 ] || changed "$1 at $2 is not survived by $version"
    else [ $code = 1 ] && grep -q "$3" "$WORK/said" || changed "$1 at $2 with $version: exit code $code"; fi
  done
  rm -rf "$WORK/venv"
done
echo "SEEN: one connection that breaks before its answer ends the whole download, where a 503 to HEAD or a body cut short is retried"
