#!/bin/bash
# Versions: rsync 3.2.7 (Debian 12), coreutils cp 9.1, Linux; run as an ordinary user, or as root without CAP_DAC_OVERRIDE.
# Seen: a file of mode 0444 with two hard links, one in a store, one in a work folder. cp, and Python's open for writing,
#   are refused (Permission denied). rsync --inplace onto the work folder's name ends with exit code 0: it gives the
#   file write permission, writes, takes it away again, and so changes the content that the store's name stands for. Plain rsync,
#   which renames a new file into place, leaves the store's file alone.
# Why good guesses are wrong: 0444 is known to hold off every program of an ordinary user that opens the file, and rsync is
#   known to respect permissions; --inplace reads like a matter of disk space. Content stores that hand out read-only
#   hard links (git annex, Nix, huggingface_hub's shared blobs, pnpm) lean on the first.
set -eu
WORK=$(mktemp -d); trap 'rm -rf "$WORK"' EXIT
changed() { echo "CHANGED: $*"; exit 1; }
command -v rsync > /dev/null || { echo "skip: rsync is not installed"; exit 0; }
if [ "$(id -u)" = 0 ] && [ -z "${AS_ORDINARY_USER:-}" ]; then
  DROP=-dac_override,-dac_read_search,-fowner
  AS_ORDINARY_USER=1 exec setpriv --bounding-set="$DROP" --inh-caps="$DROP" bash "$0"
fi
python3 -c "open('$WORK/new', 'wb').write(b'new' * 100000)"
fresh() { # a stored file, read-only, and its second name
  rm -rf "$WORK/store" "$WORK/used"; mkdir "$WORK/store" "$WORK/used"
  python3 -c "open('$WORK/store/file', 'wb').write(b'old' * 100000)"
  chmod 0444 "$WORK/store/file"; ln "$WORK/store/file" "$WORK/used/file"
}
outcome() { head -c 3 "$WORK/store/file"; }
fresh; cp "$WORK/new" "$WORK/used/file" 2> /dev/null && changed "cp wrote"
python3 -c "open('$WORK/used/file', 'wb')" 2> /dev/null && changed "open for writing was allowed"
echo "cp and open for writing are refused; the store holds: $(outcome)"
[ "$(outcome)" = old ] || changed "the store was written"
fresh; rsync --ignore-times "$WORK/new" "$WORK/used/file"
echo "rsync: exit code 0; the store holds: $(outcome)"
[ "$(outcome)" = old ] || changed "plain rsync wrote through"
fresh; rsync --ignore-times --inplace "$WORK/new" "$WORK/used/file"
echo "rsync --inplace: exit code 0; the store holds: $(outcome), mode $(stat -c %a "$WORK/store/file")"
[ "$(outcome)" = new ] || changed "rsync --inplace no longer writes into a read-only file"
echo "SEEN: rsync --inplace writes into a read-only file, and so through its hard links"
