#!/bin/bash
# Versions: exfat-fuse 1.3.0 of Debian 12, fuse 3.14, Linux 6.18.
# Seen: after the kernel has dropped its cache of names (as it does when memory is short), every file has another inode number,
#   though nothing was written, moved or mounted anew. None of the old numbers comes back for another file.
# Why good guesses are wrong: device and inode are what tells files apart. Whoever notes them between two looks, to see whether a
#   file was exchanged or which names are one file, finds every file exchanged on a volume that nobody touched.
# Needs root, a loop device, mkfs.exfat and mount.exfat-fuse; makes its own mount namespace.
set -eu
changed() { echo "CHANGED: $*"; exit 1; }
if [ "${INSIDE:-}" != yes ]; then
  WORK=$(mktemp -d); trap 'rm -rf "$WORK"' EXIT
  INSIDE=yes WORK=$WORK unshare --mount --pid --fork --kill-child --mount-proc bash "$0"
  exit
fi
cd "$WORK"; truncate -s 64M image; mkfs.exfat image >/dev/null; mkdir root
device=$(losetup --find --show image); mount.exfat-fuse "$device" root >/dev/null 2>&1; losetup --detach "$device"
for n in $(seq 100); do echo "$n" > "root/file-$n"; done
before=$(stat -c '%n %i' root/file-* | sort); sync
echo 2 > /proc/sys/vm/drop_caches; sleep 1
after=$(stat -c '%n %i' root/file-* | sort)
same=$(comm -12 <(echo "$before") <(echo "$after") | wc -l)
reused=$(comm -12 <(echo "$before" | cut -d' ' -f2 | sort) <(echo "$after" | cut -d' ' -f2 | sort) | wc -l)
umount --lazy root
echo "of 100 files that nobody touched $same have the inode number they had; $reused numbers are in use again"
[ "$same" = 0 ] && [ "$reused" = 0 ] || changed "inode numbers last now"
echo "SEEN: exfat-fuse gives every file another inode number once the kernel has forgotten its name"
