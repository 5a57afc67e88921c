#!/bin/bash
# Versions: uvicorn 0.54.0, CPython 3.11, Linux.
# Seen: with `--workers 2` a request that computes for twelve seconds in one call that keeps the GIL, as native code may,
#   never gets its answer: after five seconds the parent kills the worker with SIGKILL and starts another, and the client sees an
#   empty reply. The log has no error and no traceback, just "INFO: Child process [PID] died". The same request to the same program
#   without `--workers` is answered with 200 after its time.
# Why good guesses are wrong: what is killed without a word looks like the kernel's out-of-memory killer, and more workers look like
#   more room for long requests; they bring a supervisor that asks each for a sign of life, given by a thread that needs the GIL.
set -eu
PYTHON=${PYTHON:-python3}
WORK=$(mktemp -d); SERVER=
finish() { [ -z "$SERVER" ] || kill "$SERVER" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$WORK"; }
trap finish EXIT
export PIP_ROOT_USER_ACTION=ignore NO_PROXY=127.0.0.1 no_proxy=127.0.0.1
"$PYTHON" -m venv "$WORK/venv"
"$WORK/venv/bin/pip" install --quiet --disable-pip-version-check uvicorn==0.54.0
cat > "$WORK/app.py" <<'PY'
import ctypes

sleeps_with_the_gil = ctypes.PyDLL(None).sleep  # a PyDLL keeps the GIL in its calls, as a native extension does


async def app(scope, receive, send):
    if scope["type"] == "http":
        if scope["path"] == "/convert":
            sleeps_with_the_gil(12)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})
PY
cd "$WORK"
PORT=$("$PYTHON" -c "import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1])")
ask() { curl --silent --max-time 60 --output /dev/null --write-out '%{http_code}' "http://127.0.0.1:$PORT/$1" || true; }
serve() {  # prints the status of the long request
  venv/bin/python -m uvicorn app:app --host 127.0.0.1 --port "$PORT" --lifespan off "$@" >"$WORK/log" 2>&1 &
  SERVER=$!
  for _ in $(seq 100); do [ "$(ask ready)" = 200 ] && break; sleep 0.2; done
  ask convert
  kill "$SERVER"; wait "$SERVER" 2>/dev/null || true; SERVER=
}
alone=$(serve); quiet=$(grep -c "died" log || true)
supervised=$(serve --workers 2); died=$(grep -c "INFO: *Child process \[[0-9]*\] died" log || true)
loud=$(grep -ciE "error|traceback|warning|timeout" log || true)
echo "without --workers: HTTP $alone, $quiet workers died; with --workers 2: HTTP $supervised, $died died, $loud lines above INFO"
[ "$alone" = 200 ] && [ "$quiet" = 0 ] && [ "$supervised" = 000 ] && [ "$died" -ge 1 ] && [ "$loud" = 0 ] || { echo "CHANGED: see the line above"; cat log; exit 1; }
echo "As stated: a worker that computes is killed after five seconds, and only a line of INFO tells."
