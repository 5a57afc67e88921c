"""Errors as RFC 9457 has them: application/problem+json with status, title and detail."""

import logging
from http import HTTPStatus

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.responses import JSONResponse

_LOG = logging.getLogger(__name__)
RETRY_AFTER_S = 5


def busy(detail: str) -> HTTPException:
    """Return the answer for who should come back in a moment."""
    return HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": str(RETRY_AFTER_S)})


def answer(error: StarletteHTTPException) -> JSONResponse:
    """Return the answer that the error stands for."""
    status = HTTPStatus(error.status_code)
    body = {"type": "about:blank", "title": status.phrase, "status": int(status), "detail": error.detail}
    return JSONResponse(body, status, error.headers, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Have the app answer every error so."""

    @app.exception_handler(StarletteHTTPException)
    async def _known(_: Request, error: StarletteHTTPException) -> JSONResponse:
        return answer(error)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        return answer(HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, f"{place}: {first['msg']}"))

    @app.exception_handler(Exception)
    async def _unknown(request: Request, error: Exception) -> JSONResponse:
        _LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return answer(HTTPException(HTTPStatus.INTERNAL_SERVER_ERROR, "The service failed; its log says why."))
