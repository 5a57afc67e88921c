"""OCR models: where they come from, and that nothing but the right content gets its name."""

import hashlib
import io
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from runbook_lib.cache.artifacts import read_stamp
from runbook_lib.ocr.model_files import ModelFile
from runbook_lib.ocr.place import PlacedOcr, is_ocr_placed, place_ocr
from runbook_lib.ocr.plan import Source, plan_ocr

MODEL = b"\x08\x07" + bytes(range(256)) * 40
PAGE = b"<!DOCTYPE html><html><body>403 blocked by policy</body></html>"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def archive(name: str, content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        made.writestr("../escape.pth", b"out")
        made.writestr(name, content)
    return stream.getvalue()


class Host:
    """A web server on loopback: what it serves by path, and what it was asked."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.lies_about_length = False
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                host.asked.append(self.path)
                content = host.contents.get(self.path)
                self.send_response(200 if content is not None else 404)
                length = len(content or b"") + (100 if host.lies_about_length else 0)
                self.send_header("Content-Length", str(length))
                self.end_headers()
                self.wfile.write(content or b"")

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def host() -> Iterator[Host]:
    served = Host()
    yield served
    served.close()


Place = Callable[..., PlacedOcr]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Plan and place one file."""

    def call(file: ModelFile, mirror: str = "", offline: bool = False, limit_s: float = 20.0) -> PlacedOcr:
        plan = plan_ocr("rapidocr", (file,), tmp_path / "RapidOcr", mirror=mirror, offline=offline)
        return place_ocr(plan, mirror=mirror, docling="2.143.0", deadline=time.monotonic() + limit_s)

    return call


def model_at(host: Host, **changes: str) -> ModelFile:
    good = {"name": "det.onnx", "url": f"{host.url}/public/onnx/det.onnx", "sha256": sha256(MODEL)}
    return ModelFile(**{**good, **changes})


def placed(tmp_path: Path, name: str = "det.onnx") -> Path:
    return tmp_path / "RapidOcr" / name


def test_what_is_there_is_left_alone(place: Place, host: Host, tmp_path: Path) -> None:
    placed(tmp_path).parent.mkdir()
    placed(tmp_path).write_bytes(MODEL)
    before = placed(tmp_path).stat()
    (file,) = place(model_at(host)).files
    assert (file.source, file.problem) == (Source.THERE, "")
    assert placed(tmp_path).stat().st_ino == before.st_ino
    assert host.asked == []


def test_the_installed_package_comes_before_every_network(place: Place, host: Host, tmp_path: Path) -> None:
    shipped = tmp_path / "det.onnx"
    shipped.write_bytes(MODEL)
    answer = place(model_at(host, shipped=str(shipped)), mirror=host.url)
    assert [file.source for file in answer.files] == [Source.SHIPPED]
    assert (answer.placed_bytes, answer.fetched_bytes, host.asked) == (len(MODEL), 0, [])
    assert not placed(tmp_path).samefile(shipped), "a copy: docling-tools writes into what stands there"
    assert answer.engine == "rapidocr"
    stamp = read_stamp(tmp_path / "RapidOcr")
    assert stamp is not None
    assert stamp.files["det.onnx"].etag == sha256(MODEL)


def test_a_damaged_package_is_passed_over(place: Place, host: Host, tmp_path: Path) -> None:
    shipped = tmp_path / "det.onnx"
    shipped.write_bytes(MODEL[:-1])
    host.contents["/public/onnx/det.onnx"] = MODEL
    (file,) = place(model_at(host, shipped=str(shipped))).files
    assert (file.source, file.problem) == (Source.HOST, "")


@pytest.mark.parametrize("path", ["/public/onnx/det.onnx", "/det.onnx"], ids=["keeps the path", "is a folder of files"])
def test_a_mirror_comes_before_the_public_host(place: Place, host: Host, tmp_path: Path, path: str) -> None:
    mirror = Host()
    mirror.contents[path] = MODEL
    try:
        (file,) = place(model_at(host), mirror=mirror.url).files
    finally:
        mirror.close()
    assert (file.source, file.problem) == (Source.MIRROR, "")
    assert placed(tmp_path).read_bytes() == MODEL
    assert host.asked == []


def test_a_mirror_without_the_file_leads_to_the_public_host(place: Place, host: Host, tmp_path: Path) -> None:
    host.contents["/public/onnx/det.onnx"] = MODEL
    (file,) = place(model_at(host), mirror=f"{host.url}/nothing/here").files
    assert (file.source, file.problem) == (Source.HOST, "")
    assert len(host.asked) == 3


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (MODEL[:-1], "not what its hash says"),
        (PAGE, "web page"),
        (b"", "an empty file arrived"),
        (None, "404"),
    ],
    ids=["other bytes", "block page", "nothing", "not found"],
)
def test_what_is_not_the_model_never_gets_its_name(
    place: Place, host: Host, tmp_path: Path, content: bytes | None, said: str
) -> None:
    """docling's own download checks neither status nor hash (2.143)."""
    if content is not None:
        host.contents["/public/onnx/det.onnx"] = content
    (failed,) = place(model_at(host, name="det.onnx")).failed
    assert said in failed.problem
    assert list(tmp_path.rglob("*.*")) == []


def test_a_block_page_is_seen_where_no_hash_is_known(place: Place, host: Host, tmp_path: Path) -> None:
    host.contents["/public/onnx/det.onnx"] = PAGE
    (failed,) = place(model_at(host, name="dict.txt", sha256="")).failed
    assert "web page" in failed.problem


def test_a_body_that_ends_early_is_no_file(place: Place, host: Host, tmp_path: Path) -> None:
    host.contents["/public/onnx/det.onnx"] = MODEL
    host.lies_about_length = True
    assert place(model_at(host, sha256="")).failed
    assert not placed(tmp_path).exists()


def test_offline_says_what_is_missing_and_asks_nobody(place: Place, host: Host) -> None:
    (failed,) = place(model_at(host), offline=True).failed
    assert (failed.name, failed.source) == ("det.onnx", Source.NOWHERE)
    assert "offline" in failed.problem
    assert host.asked == []


def test_a_wrong_file_in_the_way_goes_to_quarantine(place: Place, host: Host, tmp_path: Path) -> None:
    placed(tmp_path).parent.mkdir()
    placed(tmp_path).write_bytes(b"something of somebody's")
    host.contents["/public/onnx/det.onnx"] = MODEL
    assert place(model_at(host)).failed == ()
    assert placed(tmp_path).read_bytes() == MODEL
    (kept,) = (path for path in (tmp_path / ".runbook-quarantine").rglob("*") if path.is_file())
    assert kept.read_bytes() == b"something of somebody's"


def test_of_an_archive_only_the_model_is_taken(place: Place, host: Host, tmp_path: Path) -> None:
    """easyocr's models are zip archives, and its only hash is the MD5 of what is in them."""
    host.contents["/craft.zip"] = archive("craft.pth", MODEL)
    md5 = hashlib.md5(MODEL, usedforsecurity=False).hexdigest()
    file = ModelFile(name="craft.pth", url=f"{host.url}/craft.zip", md5=md5)
    assert place(file).failed == ()
    assert placed(tmp_path, "craft.pth").read_bytes() == MODEL
    assert not (tmp_path / "escape.pth").exists()


def test_an_archive_without_the_model_is_said(place: Place, host: Host) -> None:
    host.contents["/craft.zip"] = archive("other.pth", MODEL)
    (failed,) = place(ModelFile(name="craft.pth", url=f"{host.url}/craft.zip", md5="0" * 32)).failed
    assert "no archive that holds craft.pth" in failed.problem


def test_once_placed_a_file_without_a_known_hash_is_held_to_its_content(
    place: Place, host: Host, tmp_path: Path
) -> None:
    file = model_at(host, name="dict.txt", url=f"{host.url}/dict.txt", sha256="")
    host.contents["/dict.txt"] = b"a\nb\n"
    assert place(file).failed == ()
    placed(tmp_path, "dict.txt").write_bytes(b"a\nc\n")
    assert plan_ocr("rapidocr", (file,), tmp_path / "RapidOcr", mirror="", offline=False).needs_network


def test_whether_it_is_placed_is_told_without_reading(place: Place, host: Host, tmp_path: Path) -> None:
    host.contents["/public/onnx/det.onnx"] = MODEL
    file, folder = model_at(host), tmp_path / "RapidOcr"
    assert not is_ocr_placed(folder, (file,))
    place(file)
    assert is_ocr_placed(folder, (file,))
    placed(tmp_path).write_bytes(MODEL[:-1])
    assert not is_ocr_placed(folder, (file,))


@pytest.mark.parametrize("name", ["../det.onnx", "/etc/det.onnx", "C:det.onnx"])
def test_a_name_that_leaves_its_folder_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="would leave its folder"):
        ModelFile(name=name, url="https://x.example/det.onnx")
