"""Who may upload how much: decided before and while a body is read, for a form is read whole before a route runs."""

import asyncio
from contextlib import suppress
from http import HTTPStatus

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from docling_service.problems import answer, busy
from docling_service.settings import Settings


class Admission:
    """ASGI middleware that bounds uploads in number, size and silence; other requests pass."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on a body that is counted while it arrives."""
        if scope["type"] != "http" or scope["method"] != "POST":
            return await self._app(scope, receive, send)
        if self._inside >= self._settings.max_uploads:
            refused = busy(f"{self._inside} uploads are being worked on, and no more are taken.")
            return await self._refuse(refused, scope, receive, send)
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared) > self._settings.max_request_bytes:
            return await self._refuse(self._too_large(), scope, receive, send)
        self._inside += 1
        try:
            await self._app(scope, self._counted(receive), send)
        finally:
            self._inside -= 1

    async def _refuse(self, error: HTTPException, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer once the body is read and dropped: who closes before resets the connection, and the answer is lost."""
        counted = self._counted(receive)
        with suppress(HTTPException):
            while (await counted()).get("more_body"):
                pass
        await answer(error)(scope, receive, send)

    def _counted(self, receive: Receive) -> Receive:
        left_bytes, more = self._settings.max_request_bytes, True

        async def counted() -> Message:
            nonlocal left_bytes, more
            if not more:  # what comes after the body is a client that hangs up; that may take as long as it likes
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), self._settings.receive_limit_s)
            except TimeoutError:
                raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, "The upload stopped arriving.") from None
            left_bytes -= len(message.get("body", b""))
            more = bool(message.get("more_body"))
            if left_bytes < 0:
                raise self._too_large()
            return message

        return counted

    def _too_large(self) -> HTTPException:
        limit = self._settings.max_request_bytes
        return HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"An upload may have {limit:,} bytes.")
