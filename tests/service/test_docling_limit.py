"""docling's own time limit: it ends a conversion, and the example service answers 504."""

import json
import subprocess
import sys

import pytest

from tests.service.conftest import AS_FETCHED
from tests.service.documents import document
from tests.service.running import EXAMPLE, RunningService

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("example-service"), pytest.mark.timeout(600)]

PAGES = 30
LIMIT_S = 0.2
"""Long over before all pages are converted."""

CONVERTED_UNDER_A_LIMIT = """
import asyncio, json, sys
from io import BytesIO
from docling.datamodel.base_models import InputFormat
from docling.datamodel.pipeline_options import PdfPipelineOptions
from docling.document_converter import DocumentConverter, PdfFormatOption
from fastapi import HTTPException, UploadFile
from docling_service import processor
from docling_service.settings import Settings

processor._STUCK_AFTER = 10_000  # whatever ends the conversion, it is not the service's own, harder limit
settings = Settings(conversion_limit_s=float(sys.argv[1]))
options = PdfPipelineOptions(artifacts_path=sys.argv[2], do_ocr=False, document_timeout=settings.conversion_limit_s)
converter = DocumentConverter(format_options={InputFormat.PDF: PdfFormatOption(pipeline_options=options)})
converter.initialize_pipeline(InputFormat.PDF)
said = []
processor._LOG.warning = lambda text, *values: said.append(text % values)


async def present():
    return False


async def main():
    service = processor.DocumentProcessor(converter, settings)
    try:
        await service.convert(UploadFile(BytesIO(sys.stdin.buffer.read()), filename="long.pdf"), present)
    except HTTPException as error:
        print(json.dumps({"status": error.status_code, "detail": error.detail, "said": said}))
    service.close()


asyncio.run(main())
"""


def test_a_document_that_docling_stops_at_its_limit_is_answered_with_504(service: RunningService) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CONVERTED_UNDER_A_LIMIT, str(LIMIT_S), str(service.home / AS_FETCHED)],
        cwd=EXAMPLE,
        input=document("Many pages.", pages=PAGES),
        capture_output=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:].decode()
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["status"] == 504
    assert answer["detail"] == f"The conversion takes more than {LIMIT_S:g} s."
    (line,) = answer["said"]
    assert "partial_success; document timeout exceeded" in line
    assert line.count("document timeout exceeded") == 1, "not once for each page"
