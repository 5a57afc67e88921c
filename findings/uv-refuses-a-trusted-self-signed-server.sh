#!/usr/bin/env bash
# uv 0.11.2 and Python 3.11's ssl, Linux. Seen 2026-11-27.
# An index on loopback shows a self-signed certificate made with the usual command, `openssl req -x509`, and SSL_CERT_FILE names that very
# certificate. The good guess: what Python accepts with it, uv accepts with it, since both read SSL_CERT_FILE; and if it did not, the reason
# would be UnknownIssuer. Seen: urllib opens the page; uv refuses the certificate as CaUsedAsEndEntity, because the command marks it as a
# CA and rustls takes no CA certificate for that of a server, trusted or not. Made with CA:FALSE the same setting satisfies both.
set -euo pipefail
work=$(mktemp -d); server=; trap 'kill $server 2>/dev/null || true; rm -rf "$work"' EXIT; cd "$work"
python3 -m venv venv; venv/bin/pip install -q --disable-pip-version-check "uv==0.11.2" 2>/dev/null
cat >server.py <<'PY'
import http.server, ssl, sys
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"<!DOCTYPE html><html><body></body></html>"
        self.send_response(200); self.send_header("Content-Type", "text/html"); self.send_header("Content-Length", str(len(body)))
        self.end_headers(); self.wfile.write(body)
    def log_message(self, *arguments): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); context.load_cert_chain(f"{sys.argv[1]}.pem", f"{sys.argv[1]}.key")
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True); server.serve_forever()
PY
try() {
  openssl req -x509 -newkey rsa:2048 -nodes -keyout "$1.key" -out "$1.pem" -days 3 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 "${@:2}" 2>/dev/null
  timeout 120 python3 server.py "$1" >port & server=$!
  for _ in $(seq 100); do [ -s port ] && break; sleep 0.2; done
  url="https://127.0.0.1:$(cat port)/simple"
  export SSL_CERT_FILE="$work/$1.pem"
  echo "$1 python: $(python3 -c "import urllib.request; print(urllib.request.urlopen('$url/nothing/').status)")"
  UV_NO_CACHE=1 UV_DEFAULT_INDEX=$url venv/bin/uv pip install --no-config --target t nothing >uv.log 2>&1 || true
  echo "$1 uv: $(grep -o 'CaUsedAsEndEntity\|UnknownIssuer\|no versions of nothing\|not found in the package registry' uv.log | head -1)"
  kill $server; wait $server 2>/dev/null || true; rm port
}
{ try usual; try not-a-ca -addext basicConstraints=critical,CA:FALSE; } | tee seen
diff - seen <<'EXPECTED'
usual python: 200
usual uv: CaUsedAsEndEntity
not-a-ca python: 200
not-a-ca uv: no versions of nothing
EXPECTED
echo "as stated"
