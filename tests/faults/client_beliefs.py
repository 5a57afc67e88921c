"""Acts of the bare client for test_client_beliefs.py: python client_beliefs.py ACT CACHE [FOLDER or COMMIT]."""

import sys

from huggingface_hub import snapshot_download

REPO = "acme/model"


def main(act: str, cache: str, place: str = "") -> None:
    """Carry out one act."""
    if act == "fill":
        snapshot_download(REPO, cache_dir=cache)
    elif act == "force":
        snapshot_download(REPO, cache_dir=cache, force_download=True)
    elif act == "folder":
        snapshot_download(REPO, cache_dir=cache, local_dir=place)
    elif act == "offline":
        snapshot_download(REPO, cache_dir=cache, local_files_only=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
