"""The repositories that docling's default PDF pipeline and its downloader ask for, in practice size."""

from collections.abc import Mapping
from functools import cache, lru_cache

from runbook_lib.core.practice_mark import FILE_NAME, FILE_TEXT, README_SIGN
from runbook_lib.practice import layout_model, layout_onnx, table_model
from runbook_lib.practice.content import Content
from runbook_lib.practice.repository import Repository, RepositoryFile, linear_history

TABLE_TAG = "v2.3.0"
"""The revision of docling-models that docling 2.143 asks for (TableStructureModel.download_models)."""

_LFS_SUFFIXES = (".safetensors", ".onnx")
_GIT_ATTRIBUTES = "".join(f"*{suffix} filter=lfs diff=lfs merge=lfs -text\n" for suffix in _LFS_SUFFIXES)
_README = f"""---
library_name: docling
license: apache-2.0
---
# {{repo_id}}, practice copy

Weights of the right shape, {README_SIGN}. They load and run; what they recognise is next to nothing.

Practice revision {{number}}.
"""


@lru_cache(maxsize=8)
def practice_repositories(pad_bytes: int = 0) -> tuple[Repository, ...]:
    """Return the layout, table and ONNX layout repositories, each with two commits that differ in the README alone.

    Args:
        pad_bytes: Grows the layout model's weights by a tensor of this size; it is generated while it is sent.
            docling-models cannot grow so, because docling refuses a table model with a tensor it does not know.
    """
    layout = _repository(layout_model.REPO_ID, layout_model.layout_files(pad_bytes))
    return layout, *_unpadded_repositories()


@cache
def _unpadded_repositories() -> tuple[Repository, ...]:
    table = _repository(table_model.REPO_ID, table_model.table_files(), tags_at_head=(TABLE_TAG,))
    return table, _repository(layout_onnx.REPO_ID, layout_onnx.onnx_files())


def _repository(repo_id: str, model: Mapping[str, Content], tags_at_head: tuple[str, ...] = ()) -> Repository:
    weights = tuple(RepositoryFile(path, content, path.endswith(_LFS_SUFFIXES)) for path, content in model.items())
    trees = []
    for number in (1, 2):
        readme = Content.of_bytes(_README.format(repo_id=repo_id, number=number).encode())
        attributes = Content.of_bytes(_GIT_ATTRIBUTES.encode())
        small = (
            RepositoryFile(".gitattributes", attributes),
            RepositoryFile(FILE_NAME, Content.of_bytes(FILE_TEXT.encode())),
            RepositoryFile("README.md", readme),
        )
        trees.append(tuple(sorted((*small, *weights), key=lambda file: file.path)))
    return linear_history(repo_id, *trees, tags_at_head=tags_at_head)
