#!/bin/bash
# Versions: huggingface_hub 1.33.0, hf_xet 1.8.0, CPython 3.11, Linux.
# Seen: eight weights that the listing calls Xet files, at an endpoint that passes listings on and files by plain HTTP, and knows no
#   tokens for Xet (as caching repository managers do). With one worker no weight is fetched by HTTP: the client asks for a token and
#   fails. With eight workers some of them are fetched by HTTP, and which ones changes from run to run: whether hf_xet is
#   there is written down as "N/A" before it is looked up, and threads that ask in that moment believe it. With one or two weights the
#   same command against the same endpoint therefore fails in one run and succeeds in the next.
# Why good guesses are wrong: the package is installed, nothing is set, and the documentation says hf_xet is used whenever it is
#   installed; a download that worked a minute ago looks like proof that the endpoint is fine.
set -eu
PYTHON=${PYTHON:-python3}
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
export HF_HUB_DISABLE_PROGRESS_BARS=1 HF_HUB_DISABLE_TELEMETRY=1 HF_HUB_DISABLE_UPDATE_CHECK=1 PIP_ROOT_USER_ACTION=ignore
export no_proxy=127.0.0.1 NO_PROXY=127.0.0.1
unset HF_HUB_CACHE HF_HUB_OFFLINE HF_TOKEN HF_HUB_DISABLE_XET 2>/dev/null || true
"$PYTHON" -m venv "$WORK/venv"
"$WORK/venv/bin/pip" install --quiet --disable-pip-version-check huggingface_hub==1.33.0 hf_xet==1.8.0
cat > "$WORK/seen.py" <<'PY'
"""Serve a model of eight weights on loopback, download it in fresh processes, and count how the weights were asked for."""
import hashlib, json, os, re, subprocess, sys, tempfile, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WEIGHTS = {f"model-{n}.safetensors": bytes([n]) * 4096 for n in range(8)}
COMMIT, ASKED = "b" * 40, []

class Endpoint(BaseHTTPRequestHandler):
    def log_message(self, *args): pass
    def answer(self, body, code=200, headers={}):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(code)
        for name, value in {"content-length": str(len(body)), **headers}.items(): self.send_header(name, value)
        self.end_headers()
        if self.command == "GET": self.wfile.write(body)
    def do_GET(self):
        path = self.path.split("?")[0]
        if "/revision/" in path: return self.answer({"id": "lab/model", "sha": COMMIT, "siblings": []})
        if "/tree/" in path:
            return self.answer([{
                "type": "file", "path": name, "size": len(body), "oid": "0" * 40, "xetHash": hashlib.sha256(b"x" + body).hexdigest(),
                "lfs": {"oid": hashlib.sha256(body).hexdigest(), "size": len(body), "pointerSize": 134},
            } for name, body in WEIGHTS.items()])
        if found := re.search(r"/resolve/\w+/(.+)", path):
            body = WEIGHTS[found[1]]
            if self.command == "GET": ASKED.append(found[1])
            return self.answer(body, 200, {"etag": f'"{hashlib.sha256(body).hexdigest()}"', "x-repo-commit": COMMIT})
        self.answer({"error": "not found"}, 404)
    do_HEAD = do_GET

def by_http(url, workers):
    ASKED.clear()
    code = f"from huggingface_hub import snapshot_download as s; s('lab/model', max_workers={workers})"
    environ = os.environ | {"HF_ENDPOINT": url, "HF_HOME": tempfile.mkdtemp(dir=sys.argv[1])}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, timeout=120)
    return sorted(ASKED), done.returncode

with ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as server:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    alone = [by_http(url, 1) for _ in range(3)]
    beside = [by_http(url, 8) for _ in range(6)]
    server.shutdown()
for number, (names, code) in enumerate(alone): print(f"1 worker,  run {number + 1}: {len(names)} of 8 weights by plain HTTP, exit code {code}")
for number, (names, code) in enumerate(beside): print(f"8 workers, run {number + 1}: {len(names)} of 8 weights by plain HTTP, exit code {code}")
sys.exit(0 if all(not names and code for names, code in alone) and sum(bool(names) for names, _ in beside) >= 2 else 1)
PY
"$WORK/venv/bin/python" "$WORK/seen.py" "$WORK" || { echo "CHANGED: see the lines above"; exit 1; }
echo "As stated: what the first threads of a download do is a race."
