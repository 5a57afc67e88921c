"""Signs in made files: what each damage is called, and that nothing is called damaged that is not."""

import io
import json
import pickle
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.cache.content_signs import Sign, is_pickle, judge, look_at

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 171000000\n"


def safetensors(data: bytes = b"\x01" * 8, header: object | None = None) -> bytes:
    header = {"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}} if header is None else header
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def sign_of(name: str, content: bytes, *, known_bad: bool = False) -> Sign | None:
    finding = judge(name, io.BytesIO(content), len(content), known_bad=known_bad)
    return finding.sign if finding else None


def torch_zip(name: str = "archive/data.pkl") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), pickle.dumps([1]))  # without the time of day
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "sign"),
    [
        ("model.safetensors", b"", Sign.EMPTY),
        ("model.safetensors", bytes(100_000), Sign.NUL_FILLED),
        ("config.json", bytes(40), Sign.NUL_FILLED),
        ("model.safetensors", POINTER, Sign.LFS_POINTER),
        ("model.onnx", POINTER, Sign.LFS_POINTER),
        ("model.safetensors", b"../../blobs/" + b"a" * 64, Sign.LINK_TEXT),
        ("config.json", b"../../../blobs/ab/" + b"ab" * 32 + b"\n", Sign.LINK_TEXT),
        ("model.safetensors", b"<!DOCTYPE html><html>blocked</html>", Sign.HTML_PAGE),
        ("model.onnx", b"\xef\xbb\xbf\n <!-- filter -->\n<HTML><body>", Sign.HTML_PAGE),
        ("model.safetensors", safetensors()[:-1], Sign.BAD_SAFETENSORS),
        ("model.safetensors", safetensors() + b"\x01", Sign.BAD_SAFETENSORS),
        ("model.safetensors", safetensors()[:20], Sign.BAD_SAFETENSORS),
        ("model.safetensors", b"\x01\x02", Sign.BAD_SAFETENSORS),
        ("model.safetensors", b"\xff" * 64, Sign.BAD_SAFETENSORS),
        ("model.safetensors", safetensors(header=[1, 2]), Sign.BAD_SAFETENSORS),
        ("model.safetensors", safetensors(header={"w": {"dtype": "F32"}}), Sign.BAD_SAFETENSORS),
        ("model.safetensors", safetensors(header={"w": {"data_offsets": [4, 8]}}), Sign.BAD_SAFETENSORS),
        ("config.json", b'{"a": [1, 2', Sign.BAD_JSON),
        ("config.json", b"not json", Sign.BAD_JSON),
        ("config.json", b"[" * 200_000, Sign.BAD_JSON),
        ("config.json", b'{"a": "' + b"x" * 5_000_000, Sign.BAD_JSON),
        ("config.json", b'"\xff"', Sign.BAD_JSON),
        ("pytorch_model.bin", torch_zip(), Sign.PICKLE),
        ("anything", torch_zip(), Sign.PICKLE),
        ("model.pt", bytes.fromhex("80028a0a6cfc9c46f9206aa850192e") + b"more", Sign.PICKLE),
        ("model.pkl", pickle.dumps({"a": 1}), Sign.PICKLE),
    ],
)
def test_each_damage_has_its_name(name: str, content: bytes, sign: Sign) -> None:
    assert sign_of(name, content) is sign


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.safetensors", safetensors()),
        ("model.safetensors", safetensors(b"", {"__metadata__": {"format": "pt"}})),
        ("config.json", b'{"a": 1}'),
        ("config.json", b"\xef\xbb\xbf[]"),
        ("tokenizer.json", b'{"a": "' + b"x" * 5_000_000 + b'"}\n'),
        ("README.md", b"<html> in prose is prose"),
        (".gitkeep", b""),
        ("model.onnx", b"\x08\x07\x12\x07pytorch"),
        ("model.bin", b"\x80\x07 no pickle protocol."),
        ("archive.bin", torch_zip("weights.npy")),
    ],
)
def test_what_is_whole_has_no_sign(name: str, content: bytes) -> None:
    assert sign_of(name, content) is None


def test_a_text_that_is_known_to_be_wrong_may_be_a_web_page_or_empty() -> None:
    assert sign_of("README.md", b"<html>blocked", known_bad=True) is Sign.HTML_PAGE
    assert sign_of("README.md", b"", known_bad=True) is Sign.EMPTY


def test_the_evidence_says_how_much_is_missing() -> None:
    finding = judge("m.safetensors", io.BytesIO(safetensors()[:-3]), len(safetensors()) - 3)
    assert finding is not None
    assert finding.evidence == "header: tensors take 8 bytes, 5 follow"
    finding = judge("c.json", io.BytesIO(b'{"a": 1'), 7)
    assert finding is not None
    assert finding.evidence == "cut off at character 7 of 7"


def test_a_header_length_of_gigabytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    with path.open("wb") as file:
        file.write(struct.pack("<Q", 90_000_000) + b"{")
        file.truncate(1 << 30)
    assert look_at(path) is None, "a length the format allows, and too much to parse"
    path.write_bytes(struct.pack("<Q", 1 << 40) + b"{}")
    finding = look_at(path)
    assert finding is not None
    assert finding.sign is Sign.BAD_SAFETENSORS


def test_many_comments_before_no_html_take_no_time() -> None:
    assert sign_of("model.onnx", b"<!---->" * 2000) is None


def test_a_pickle_is_never_loaded(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.mkdir, (tmp_path / "loaded",))  # type: ignore[return-value]  # any callable will do

    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(Bomb()))
    finding = is_pickle(path)
    assert finding is not None
    assert finding.evidence == "a pickle of protocol 4"
    assert not (tmp_path / "loaded").exists()


NAMES = st.sampled_from(["m.safetensors", "c.json", "m.bin", "README.md", "m.onnx", "", "x.JSON"])
STARTS = st.sampled_from([b"", POINTER[:60], b"<!--", b"PK\x03\x04", b"\x80\x04", safetensors()[:12], b'{"a":'])


@given(name=NAMES, start=STARTS, rest=st.binary(max_size=300), known_bad=st.booleans())
def test_no_content_makes_it_raise(name: str, start: bytes, rest: bytes, known_bad: bool) -> None:
    sign_of(name, start + rest, known_bad=known_bad)


@given(
    header=st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    ),
    data=st.binary(max_size=40),
)
def test_no_safetensors_header_makes_it_raise(header: object, data: bytes) -> None:
    sign_of("m.safetensors", safetensors(data, header if header is not None else {}))
