#!/usr/bin/env bash
# huggingface_hub 0.36.2, 1.33.0 and 2.4.0, Python 3.11, Linux. Seen 2026-11-27.
# A proxy or portal answers every request with a web page and status 200, as block pages do; `hf download` is started. The good guess: the
# command says that the answer is no answer of the Hub, or names the address. Seen: since the command line shows no traceback any more, 1.33.0
# and 2.4.0 print "Error: Invalid value. Expecting value: line 1 column 1 (char 0)" and a hint about HF_DEBUG, without address, host or
# page, as if an argument were wrong; 0.36.2 still ends in a traceback that shows the request.
set -euo pipefail
work=$(mktemp -d); server=; trap 'kill $server 2>/dev/null || true; rm -rf "$work"' EXIT; cd "$work"
cat >server.py <<'PY'
import http.server
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"<!DOCTYPE html><html><body>Access denied</body></html>"
        self.send_response(200); self.send_header("Content-Type", "text/html"); self.send_header("Content-Length", str(len(body)))
        self.end_headers(); self.wfile.write(body if self.command == "GET" else b"")
    do_HEAD = do_POST = do_GET
    def log_message(self, *arguments): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
print(server.server_port, flush=True); server.serve_forever()
PY
timeout 600 python3 server.py >port & server=$!
for _ in $(seq 100); do [ -s port ] && break; sleep 0.2; done
export HF_ENDPOINT="http://127.0.0.1:$(cat port)" HF_HOME="$work/home" HF_HUB_DISABLE_TELEMETRY=1 NO_COLOR=1 HF_HUB_DISABLE_UPDATE_CHECK=1
for version in 0.36.2 1.33.0 2.4.0; do
  python3 -m venv "v$version"; "v$version/bin/pip" install -q --disable-pip-version-check "huggingface_hub==$version" 2>/dev/null
  "v$version/bin/hf" download lab/tiny >out 2>&1 || true
  said=$(grep -o 'Invalid value\. Expecting value: line 1 column 1 (char 0)' out | head -1 || true)
  traced=$(grep -c 'Traceback (most recent call last)' out || true)
  address=$(grep -c '127\.0\.0\.1' out || true)
  echo "$version says: ${said:-something else}; tracebacks: $([ "$traced" -gt 0 ] && echo yes || echo no); address shown: $([ "$address" -gt 0 ] && echo yes || echo no)" | tee -a seen
done
diff - seen <<'EXPECTED'
0.36.2 says: something else; tracebacks: yes; address shown: no
1.33.0 says: Invalid value. Expecting value: line 1 column 1 (char 0); tracebacks: no; address shown: no
2.4.0 says: Invalid value. Expecting value: line 1 column 1 (char 0); tracebacks: no; address shown: no
EXPECTED
echo "as stated"
