#!/bin/bash
# Versions: Linux 6.18 (overlayfs; identifiers of this kind since 6.6), CPython 3.11's ctypes.
# Seen: name_to_handle_at(2) with AT_HANDLE_FID returns, for any file on an overlay and to any user, a handle of type 0xf8 whose
#   seventh byte has bit 4 set when the file was written in the container, and not when the image's layer holds it. No mount
#   option is needed (nfs_export is off). A file that was copied up keeps the lower layer's handle: the bit says where a file
#   comes from, not where its data is by now.
# Why good guesses are wrong: stat shows one device and no layer, trusted.overlay.* belongs to root outside, and from inside a
#   container the folders named in the mount options do not exist. So tools guess by time, or treat all files alike.
# Needs root (or user namespaces for the mounts); makes its own mount namespace.
set -eu
if [ "${INSIDE:-}" != yes ]; then
  WORK=$(mktemp -d); trap 'rm -rf "$WORK"' EXIT
  INSIDE=yes WORK=$WORK unshare --mount --pid --fork --kill-child --mount-proc bash "$0"
  exit
fi
mount -t tmpfs none "$WORK"; cd "$WORK"; mkdir lower upper work root
echo image > lower/image; echo image > lower/copied
mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work root
chmod 777 root; echo here > root/here; chmod 600 root/copied
cat > ask.py <<'PY'
import ctypes, os, struct
os.setuid(65534) if os.getuid() == 0 else None
def upper(path):
    handle = ctypes.create_string_buffer(8 + 128); struct.pack_into("I", handle, 0, 128)
    if ctypes.CDLL(None, use_errno=True).name_to_handle_at(-100, path.encode(), handle, ctypes.byref(ctypes.c_int()), 0x200):
        return f"refused: {os.strerror(ctypes.get_errno())}"
    _length, kind = struct.unpack_from("Ii", handle)
    return f"type {kind:#x}, {'upper' if handle.raw[8 + 6] & 4 else 'lower'}"
seen = {name: upper(f"root/{name}") for name in ("here", "image", "copied")}
print(seen)
wanted = {"here": "type 0xf8, upper", "image": "type 0xf8, lower", "copied": "type 0xf8, lower"}
raise SystemExit(0 if seen == wanted and os.path.exists("upper/copied") else "CHANGED: the handles tell something else")
PY
chmod 755 .; ${PYTHON:-python3} ask.py
echo "SEEN: an overlay's file handle tells, without any privilege, whether an image's layer is where a file comes from"
