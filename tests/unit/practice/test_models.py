"""The practice models: their bytes, their padding, their fit to the installed libraries."""

import subprocess
import sys
import tracemalloc
from pathlib import Path

from huggingface_hub import hf_hub_download
from safetensors import safe_open

from runbook_lib.practice import layout_model, table_model
from runbook_lib.practice.catalogue import practice_repositories
from runbook_lib.practice.content import CHUNK_BYTES, Content
from runbook_lib.practice.server import PracticeHub

LAYOUT_WEIGHTS_SHA256 = "1b3e85deaa9d545aebabdc463a94f6b7e54a30645663bdbe76ae6f5fd59c0c34"
TABLE_WEIGHTS_SHA256 = "119ae582832135d3e160b2e846f9a7834f8cf2e00a4b4046492e5ecdc0b6da6d"


def test_the_weights_are_the_same_bytes_on_every_machine() -> None:
    assert layout_model.layout_files()[layout_model.WEIGHTS_PATH].sha256 == LAYOUT_WEIGHTS_SHA256
    assert table_model.table_files()[table_model.WEIGHTS_PATH].sha256 == TABLE_WEIGHTS_SHA256


def test_another_process_generates_the_same_commits_without_torch() -> None:
    program = (
        "import sys; from runbook_lib.practice.catalogue import practice_repositories as p;"
        "print(*[c.id for r in p() for c in r.commits]);"
        "print(sorted({'torch', 'numpy', 'transformers', 'huggingface_hub', 'docling'} & set(sys.modules)))"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    ids, heavy_imports = finished.stdout.splitlines()
    assert ids.split() == [commit.id for repository in practice_repositories() for commit in repository.commits]
    assert heavy_imports == "[]"


def test_padded_weights_are_read_without_being_held() -> None:
    content = Content.of_padding(256 * CHUNK_BYTES, seed="memory")
    tracemalloc.start()
    try:
        size_bytes = sum(len(chunk) for chunk in content.read())
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size_bytes == content.size_bytes == 256 * CHUNK_BYTES
    assert peak_bytes < 8 * CHUNK_BYTES


def test_padding_can_be_read_from_anywhere() -> None:
    content = Content.of_padding(3 * CHUNK_BYTES + 5)
    whole = b"".join(content.read())
    for start, stop in ((0, 1), (CHUNK_BYTES - 3, CHUNK_BYTES + 3), (7, 2 * CHUNK_BYTES + 1), (3 * CHUNK_BYTES, None)):
        assert b"".join(content.read(start, stop)) == whole[start:stop]
    assert len({whole[index * CHUNK_BYTES : (index + 1) * CHUNK_BYTES] for index in range(4)}) == 4


def test_padded_weights_arrive_whole_and_in_the_safetensors_format(tmp_path: Path) -> None:
    pad_bytes = 5 * CHUNK_BYTES + 1
    with PracticeHub(pad_bytes=pad_bytes) as hub:
        path = hf_hub_download(layout_model.REPO_ID, "model.safetensors", endpoint=hub.url, cache_dir=tmp_path)
        served = hub.repositories[0].head.by_path["model.safetensors"]
    assert Path(path).stat().st_size == served.size_bytes > pad_bytes
    with safe_open(path, framework="np") as tensors:
        assert tensors.get_slice(layout_model.PADDING_TENSOR).get_shape() == [pad_bytes]
        assert float(tensors.get_tensor("model.enc_output.1.weight").max()) == 1.0


def test_different_paddings_give_different_commits() -> None:
    assert practice_repositories(10)[0].head.id != practice_repositories()[0].head.id
    assert practice_repositories(10)[1].head.id == practice_repositories()[1].head.id
