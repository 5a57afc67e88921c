"""The limits of the example service, where only a made converter or a made client can reach them."""

import asyncio
import threading
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest
from docling.datamodel.base_models import ConversionStatus
from docling_service.admission import Admission
from docling_service.processor import DocumentProcessor
from docling_service.settings import Settings
from fastapi import HTTPException, UploadFile
from starlette.types import Message, Receive, Scope, Send


class Hanging:
    """A converter inside native code that never comes back, until the test lets it."""

    def __init__(self) -> None:
        self.calls = 0
        self.let_go = threading.Event()

    def convert(self, *_: Any, **__: Any) -> Any:
        self.calls += 1
        self.let_go.wait()
        raise RuntimeError("let go")


async def present() -> bool:
    return False


async def gone() -> bool:
    return True


def upload() -> UploadFile:
    return UploadFile(BytesIO(b"%PDF"), filename="a.pdf")


def test_a_conversion_that_hangs_is_told_keeps_its_place_and_asks_for_a_restart() -> None:
    converter = Hanging()

    async def play() -> None:
        settings = Settings(conversion_limit_s=0.05, wait_limit_s=0.05)
        processor = DocumentProcessor(converter, settings)
        with pytest.raises(HTTPException) as first:
            await processor.convert(upload(), present)
        assert first.value.status_code == 504
        while not processor.is_stuck:
            await asyncio.sleep(0.01)
        with pytest.raises(HTTPException) as second:
            await processor.convert(upload(), present)
        assert second.value.status_code == 503
        assert second.value.headers == {"Retry-After": "5"}
        converter.let_go.set()
        while processor.is_stuck:
            await asyncio.sleep(0.01)
        processor.close()

    try:
        asyncio.run(play())
    finally:
        converter.let_go.set()  # or the thread outlives the tests
    assert converter.calls == 1


def test_nothing_is_converted_for_who_is_gone_and_the_next_has_its_turn() -> None:
    converter = Hanging()
    converter.let_go.set()

    async def play() -> None:
        processor = DocumentProcessor(converter, Settings())
        with pytest.raises(HTTPException):
            await processor.convert(upload(), gone)
        assert converter.calls == 0
        with pytest.raises(RuntimeError, match="let go"):
            await processor.convert(upload(), present)
        processor.close()

    asyncio.run(play())


def test_an_upload_that_stops_arriving_is_ended_and_leaves_its_place() -> None:
    async def reads_all(scope: Scope, receive: Receive, send: Send) -> None:
        while True:
            await receive()

    async def silent() -> Message:
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def unused(_: Message) -> None:
        raise AssertionError

    async def play() -> None:
        admission = Admission(reads_all, Settings(receive_limit_s=0.05, max_uploads=1))
        for _ in range(2):
            with pytest.raises(HTTPException) as caught:
                await admission({"type": "http", "method": "POST", "headers": []}, silent, unused)
            assert caught.value.status_code == 408

    asyncio.run(play())


class LosingItsPages:
    """A converter that gives up a document which is well, as often as it is told."""

    def __init__(self, times: int) -> None:
        self.calls, self._times = 0, times

    def convert(self, source: Any, **_: Any) -> Any:
        assert source.stream.read() == b"%PDF"
        self.calls += 1
        if self.calls <= self._times:
            errors = [SimpleNamespace(error_message="pipeline terminated early")]
            return SimpleNamespace(status=ConversionStatus.FAILURE, errors=errors)
        document = SimpleNamespace(export_to_markdown=lambda: "text")
        return SimpleNamespace(status=ConversionStatus.SUCCESS, errors=[], pages=[1], document=document)


@pytest.mark.parametrize(("times", "calls"), [(0, 1), (1, 2)])
def test_a_document_whose_pages_docling_lost_is_converted_once_more(times: int, calls: int) -> None:
    converter = LosingItsPages(times)

    async def play() -> None:
        processor = DocumentProcessor(converter, Settings())
        assert (await processor.convert(upload(), present)).markdown == "text"
        processor.close()

    asyncio.run(play())
    assert converter.calls == calls


def test_one_that_loses_them_again_is_told() -> None:
    converter = LosingItsPages(2)

    async def play() -> None:
        processor = DocumentProcessor(converter, Settings())
        with pytest.raises(HTTPException) as caught:
            await processor.convert(upload(), present)
        assert caught.value.status_code == 422
        processor.close()

    asyncio.run(play())
    assert converter.calls == 2
