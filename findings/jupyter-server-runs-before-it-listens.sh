#!/bin/bash
# Versions: jupyter_server 2.21.1, tornado 6.5.2, CPython 3.11, Linux on x86-64.
# Seen: when the server logs "Jupyter Server 2.21.1 is running at:" and its URL, a connection to that URL is refused. The same a
#   little later, when it has written its jpserver-PID.json and `jupyter server list` shows it, and when it opens the browser: a
#   port is looked for first, by binding and closing it, and is bound for good in the first turn of the event loop. It is open
#   some milliseconds after all of this.
# Why good guesses are wrong: other servers bind, then say so; launchers and tests wait for the line, or for the file, which are
#   the documented ways of finding a server and its token, and connect at once. On a slow machine they are refused, and between
#   the two another program may take the port that was announced.
set -eu
PYTHON=${PYTHON:-python3}
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
export PIP_ROOT_USER_ACTION=ignore HOME="$WORK"
"$PYTHON" -m venv "$WORK/venv"
"$WORK/venv/bin/pip" install --quiet --disable-pip-version-check jupyter_server==2.21.1 tornado==6.5.2
cat >"$WORK/look.py" <<'SCRIPT'
import logging
import socket

from jupyter_server.serverapp import ServerApp, list_running_servers

seen = {}


def accepts(port):
    with socket.socket() as trying:
        return trying.connect_ex(("127.0.0.1", port)) == 0


class Look(logging.Handler):
    def emit(self, record):
        if "is running at" in record.getMessage():
            seen["when it says that it runs"] = accepts(app.port)


class Server(ServerApp):
    def write_browser_open_files(self):
        super().write_browser_open_files()
        listed = [server["port"] for server in list_running_servers()]
        assert listed == [self.port], listed
        seen["when it is in the list of running servers"] = accepts(self.port)

    async def _post_start(self):
        seen["in the event loop"] = accepts(self.port)
        self.io_loop.stop()


app = Server()
app.initialize(["--port=0", "--no-browser", "--allow-root"])
app.log.addHandler(Look())
app.start()
print({moment: "accepts" if answer else "refused" for moment, answer in seen.items()})
raise SystemExit(list(seen.values()) != [False, False, True])
SCRIPT
cd "$WORK"
venv/bin/python look.py 2>/dev/null || { echo "CHANGED: see the line above"; exit 1; }
echo "As stated: it is announced, and listed, before it listens."
