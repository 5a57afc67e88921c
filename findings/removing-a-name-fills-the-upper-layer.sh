#!/bin/bash
# Versions: Linux 6.18 (overlayfs), fuse-overlayfs 1.10 of Debian 12.
# Seen: an image's layer holds a file under two names (hard links). In the container one of the names is removed, or another
#   file is renamed over it. With overlayfs and index=on, and with fuse-overlayfs whatever its options, the whole file is
#   copied into the upper layer first: `rm` of a name of 32 MiB makes the disk 32 MiB fuller, and replacing it by a file of a
#   few bytes makes it 64 MiB fuller with fuse-overlayfs. With index=off, the kernel's default, it costs nothing (a whiteout),
#   and with metacopy=on next to nothing.
# Why good guesses are wrong: removing is taken to free room or, in a container, to cost a whiteout of no size. But a layer that
#   keeps hard links together has to store a smaller link count, and it stores that with an inode, which brings its data along.
# Needs root (or user namespaces for the mounts), mkfs.ext4 and fuse-overlayfs; makes its own mount namespace.
set -eu
changed() { echo "CHANGED: $*"; exit 1; }
if [ "${INSIDE:-}" != yes ]; then
  WORK=$(mktemp -d); trap 'rm -rf "$WORK"' EXIT
  INSIDE=yes WORK=$WORK unshare --mount --pid --fork --kill-child --mount-proc bash "$0"
  exit
fi
used() { sync; echo $(($(stat -f -c '(%b-%f)*%S/1024/1024' "$WORK/disk"))); }
try() { # NAME MOUNT-COMMAND...: prints the MiB that removing, and then renaming over, one of two names takes
  local name=$1; shift
  mkdir -p "$WORK/disk" "$WORK/top"; truncate -s 300M "$WORK/image"; mkfs.ext4 -q "$WORK/image"; mount -o loop "$WORK/image" "$WORK/disk"
  mkdir "$WORK/disk/lower" "$WORK/disk/upper" "$WORK/disk/work"
  for n in 1 2; do head -c 33554432 /dev/urandom > "$WORK/disk/lower/a$n"; ln "$WORK/disk/lower/a$n" "$WORK/disk/lower/b$n"; done
  "$@"
  local before after_rm after_mv
  before=$(used); rm "$WORK/top/a1"; after_rm=$(used)
  echo new > "$WORK/top/new"; mv "$WORK/top/new" "$WORK/top/a2"; after_mv=$(used)
  cmp -s "$WORK/top/b1" "$WORK/disk/lower/b1" || changed "$name lost the other name"
  umount "$WORK/top"; umount "$WORK/disk"; rm "$WORK/image"
  echo "$((after_rm - before)) $((after_mv - after_rm))"
}
layers="lowerdir=$WORK/disk/lower,upperdir=$WORK/disk/upper,workdir=$WORK/disk/work"
off=$(try "index=off" mount -t overlay overlay -o "$layers,index=off" "$WORK/top")
on=$(try "index=on" mount -t overlay overlay -o "$layers,index=on" "$WORK/top")
meta=$(try "index=on,metacopy=on" mount -t overlay overlay -o "$layers,index=on,metacopy=on" "$WORK/top")
fuse=$(try "fuse-overlayfs" fuse-overlayfs -o "$layers" "$WORK/top")
echo "MiB that the disk takes when one of two names of a 32 MiB file of an image is removed, and when one is replaced:"
echo "overlayfs index=off: $off; index=on: $on; index=on,metacopy=on: $meta; fuse-overlayfs: $fuse"
[ "$off" = "0 0" ] || changed "index=off copies up now: $off"
[ "$on" = "32 32" ] || changed "index=on: $on"
[ "$meta" = "0 0" ] || changed "index=on,metacopy=on: $meta"
[ "$fuse" = "32 64" ] || changed "fuse-overlayfs: $fuse"
echo "SEEN: removing a name of an image's file fills the upper layer by the whole file with index=on and with fuse-overlayfs"
