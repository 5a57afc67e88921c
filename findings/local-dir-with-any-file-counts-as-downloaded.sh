#!/usr/bin/env bash
# huggingface_hub 0.36.2, 1.33.0 and 2.4.0, Python 3.11, Linux. Seen 2026-11-27.
# snapshot_download(local_dir=...) is asked while nothing listens at the endpoint. The folder holds one file that has nothing to do with the
# model. The good guess: an error, as without local_dir, or as with an empty folder. Seen: all three log one warning, return the folder and
# end with success, and so does `hf download` with exit code 0; only an empty folder raises. What is in the folder is not looked at.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
export HF_ENDPOINT=http://127.0.0.1:9 HF_HOME="$work/home" HF_HUB_DISABLE_TELEMETRY=1
mkdir empty other; echo x >other/shopping-list.txt
cat >probe.py <<'PY'
import huggingface_hub as hub
def ask(folder):
    try:
        return "success" if hub.snapshot_download("lab/tiny", local_dir=folder) else "nothing"
    except Exception as error:
        return type(error).__name__
print(hub.__version__, "empty:", ask("empty"), "unrelated file:", ask("other"))
PY
for version in 0.36.2 1.33.0 2.4.0; do
  python3 -m venv "v$version"; "v$version/bin/pip" install -q --disable-pip-version-check "huggingface_hub==$version" 2>/dev/null
  rm -rf empty; mkdir empty
  "v$version/bin/python" probe.py 2>/dev/null | tee -a seen
done
code=0; v1.33.0/bin/hf download lab/tiny --local-dir other >/dev/null 2>&1 || code=$?
echo "hf download: exit $code" | tee -a seen
diff - seen <<'EXPECTED'
0.36.2 empty: LocalEntryNotFoundError unrelated file: success
1.33.0 empty: LocalEntryNotFoundError unrelated file: success
2.4.0 empty: LocalEntryNotFoundError unrelated file: success
hf download: exit 0
EXPECTED
echo "as stated"
