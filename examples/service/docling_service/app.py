"""The app: it comes up with its models loaded and proved, or not at all."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

from fastapi import FastAPI, HTTPException, Request, UploadFile

from docling_service import problems
from docling_service.admission import Admission
from docling_service.processor import Converted, DocumentProcessor
from docling_service.settings import Settings
from runbook_lib import DoclingModelManager

_LOG = logging.getLogger(__name__)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Load, prove, serve, stop. The port opens after the first two, so that nobody waits for a model in a request."""
    settings: Settings = app.state.settings
    processor = await asyncio.to_thread(_proved_processor, settings)
    app.state.document_processor = processor
    yield
    processor.close()


def _proved_processor(settings: Settings) -> DocumentProcessor:
    manager = DoclingModelManager(_LOG)
    manager.ensure_models_downloaded()  # before docling's import below, which brings huggingface_hub
    from docling.datamodel.pipeline_options import PdfPipelineOptions

    options = PdfPipelineOptions(document_timeout=settings.conversion_limit_s)
    processor = DocumentProcessor(manager.converter(preload=True, pipeline_options=options), settings)
    processor.prove()
    return processor


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the app; nothing is loaded before it starts."""
    app = FastAPI(title="docling service", lifespan=lifespan)
    app.state.settings = settings or Settings()
    app.add_middleware(Admission, settings=app.state.settings)
    problems.install(app)

    @app.post("/documents/upload")
    async def upload(request: Request, document: UploadFile) -> Converted:
        processor: DocumentProcessor = request.app.state.document_processor
        return await processor.convert(document, request.is_disconnected)

    @app.get("/livez")
    @app.get("/readyz")
    async def health(request: Request) -> dict[str, str]:
        """Both: a conversion has worked before the port was open. A conversion that hangs takes a restart."""
        if request.app.state.document_processor.is_stuck:
            raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, "A conversion hangs; restart the service.")
        return {"status": "ok"}

    return app
