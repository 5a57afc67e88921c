"""Pieces of models on a host: kept at their places, counted, compared in the end."""

import hashlib
from pathlib import Path

import pytest

from runbook_lib.fleet.pieces import PIECE_BYTES, Blob, Store, bits_set

CONTENT = bytes(range(256)) * (PIECE_BYTES // 256) + b"rest"
BLOB = Blob(
    sha256=hashlib.sha256(CONTENT).hexdigest(), size_bytes=len(CONTENT), name="org/name: model", where="org/name/x"
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "cache", tmp_path / "models", (BLOB,))


def piece(number: int) -> bytes:
    return CONTENT[number * PIECE_BYTES : (number + 1) * PIECE_BYTES]


def test_pieces_that_came_are_known_to_the_next_who_looks(store: Store) -> None:
    assert store.look() == {BLOB.sha256: 0}
    assert store.lacking_bytes == len(CONTENT)
    store.write(BLOB, 1, piece(1))
    assert store.read(BLOB, 0) is None
    assert store.read(BLOB, 1) == b"rest"
    assert store.size_of(BLOB.sha256) is None
    other = Store(store.cache_dir, store.artifacts_dir, (BLOB,))
    assert other.look() == {BLOB.sha256: 0b10}
    other.write(BLOB, 0, piece(0))
    assert other.size_of(BLOB.sha256) == len(CONTENT)
    assert other.drop_damaged() == ()


def test_what_came_damaged_is_found_and_removed(store: Store) -> None:
    store.look()
    store.write(BLOB, 0, piece(0)[:-1] + b"x")
    store.write(BLOB, 1, piece(1))
    assert store.drop_damaged() == ("org/name: model",)
    assert store.look() == {BLOB.sha256: 0}


def test_a_content_that_has_its_place_is_read_there_and_nothing_is_left_beside_the_cache(store: Store) -> None:
    store.look()
    for number in range(BLOB.pieces):
        store.write(BLOB, number, piece(number))
    place = store.cache_dir / "model"
    place.write_bytes(CONTENT)
    store.settle({BLOB.sha256: place})
    assert store.read(BLOB, 1) == b"rest"
    assert store.lacking_bytes == 0
    assert [path for path in store.cache_dir.rglob("*") if path.is_file()] == [place]


def test_a_note_that_fits_nothing_is_not_believed(store: Store) -> None:
    store.look()
    store.write(BLOB, 0, piece(0))
    note = next(store.cache_dir.rglob("*.json"))
    for text in ("", "[]", "{}", '{"size_bytes": 1, "piece_bytes": 1, "bits": "0x3"}'):
        note.write_text(text, encoding="utf-8")
        assert store.look() == {BLOB.sha256: 0}


def test_bits_are_pieces() -> None:
    assert BLOB.pieces == 2
    assert list(bits_set(0b1011)) == [0, 1, 3]
    assert Blob(sha256="a" * 64, size_bytes=0, name="", where="").all_pieces == 0
