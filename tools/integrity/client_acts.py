"""What a client does, by its own public functions; runs under the client's interpreter, with nothing of ours.

python client_acts.py ACT CACHE FOLDER COMMIT
"""

import sys

from huggingface_hub import scan_cache_dir, snapshot_download

REPO = "acme/model"


def main(act: str, cache: str, folder: str, commit: str) -> None:
    """Carry out one act."""
    if act == "update-cache":
        snapshot_download(REPO, cache_dir=cache)
    elif act == "force-cache":
        snapshot_download(REPO, cache_dir=cache, revision=commit, force_download=True)
    elif act == "delete-newer":
        newer = snapshot_download(REPO, cache_dir=cache).replace("\\", "/").rpartition("/")[2]
        scan_cache_dir(cache).delete_revisions(newer).execute()
    elif act == "folder-same":
        snapshot_download(REPO, cache_dir=cache, local_dir=folder, revision=commit)
    elif act == "folder-fresh":
        snapshot_download(REPO, cache_dir=cache, local_dir=folder)
    elif act == "folder-cached":
        snapshot_download(REPO, cache_dir=cache)
        snapshot_download(REPO, cache_dir=cache, local_dir=folder)
    else:
        raise SystemExit("unknown act " + act)


if __name__ == "__main__":
    main(*sys.argv[1:])
