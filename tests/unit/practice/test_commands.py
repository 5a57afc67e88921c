"""The commands that people use against a Hub, run against the practice hub: hf, docling-tools, docling itself."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from runbook_lib.practice.sample import SAMPLE_PAGE_COUNT, SAMPLE_SENTENCES, sample_document
from runbook_lib.practice.server import PracticeHub

LAYOUT = "docling-project/docling-layout-heron"
TABLES = "docling-project/docling-models"

RunCommand = Callable[..., subprocess.CompletedProcess[str]]

CONVERT = """
import json, sys
import numpy
from docling.datamodel.base_models import InputFormat
from docling.datamodel.pipeline_options import PdfPipelineOptions
from docling.document_converter import DocumentConverter, PdfFormatOption
artifacts, document = sys.argv[1:]
options = PdfPipelineOptions(do_ocr=False, do_table_structure=True, artifacts_path=artifacts or None)
converter = DocumentConverter(format_options={InputFormat.PDF: PdfFormatOption(pipeline_options=options)})
texts = []
for _ in range(2):
    result = converter.convert(document)
    texts.append(result.document.export_to_markdown())
from transformers import AutoModelForObjectDetection
layout = artifacts + "/docling-project--docling-layout-heron"
_, loading = AutoModelForObjectDetection.from_pretrained(layout, output_loading_info=True)
predictor = converter._get_pipeline(InputFormat.PDF).table_model.tf_predictor
page = {"width": 400, "height": 400, "image": numpy.zeros((400, 400, 3), numpy.uint8), "tokens": []}
tables = predictor.multi_table_predict(page, [[10, 10, 300, 300]])
print(json.dumps({
    "status": result.status.value, "pages": len(result.pages), "same": texts[0] == texts[1], "markdown": texts[0],
    "layout_keys": [*loading["missing_keys"], *loading["unexpected_keys"], *loading["mismatched_keys"]],
    "tables": len(tables), "cells": tables[0]["tf_responses"],
}))
"""


def test_hf_downloads_and_verifies(hub: PracticeHub, command: RunCommand) -> None:
    downloaded = command("hf", "download", LAYOUT)
    assert downloaded.returncode == 0, downloaded.stderr
    assert hub.repositories[0].head.id in downloaded.stdout
    verified = command("hf", "cache", "verify", LAYOUT)
    assert verified.returncode == 0, verified.stderr
    hub.reset_counters()
    assert command("hf", "download", LAYOUT).returncode == 0
    assert hub.counters.weight_bytes == 0


def test_hf_verify_finds_a_corrupted_download(hub: PracticeHub, command: RunCommand, tmp_path: Path) -> None:
    downloaded = command("hf", "download", LAYOUT, "--local-dir", str(tmp_path / "model"))
    assert downloaded.returncode == 0, downloaded.stderr
    weights = tmp_path / "model" / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    verified = command("hf", "cache", "verify", LAYOUT, "--local-dir", str(tmp_path / "model"))
    assert verified.returncode != 0
    assert "model.safetensors" in verified.stdout + verified.stderr


@pytest.mark.slow
def test_docling_fetches_its_models_and_converts_the_sample_offline(
    hub: PracticeHub, command: RunCommand, tmp_path: Path
) -> None:
    artifacts = tmp_path / "artifacts"
    fetched = command("docling-tools", "models", "download", "layout", "tableformer", "-o", str(artifacts))
    assert fetched.returncode == 0, fetched.stderr
    assert {path.name for path in artifacts.iterdir()} >= {repo_id.replace("/", "--") for repo_id in (LAYOUT, TABLES)}
    asked = {path for path in hub.counters.by_path if "/revision/" in path}
    assert asked == {f"/api/models/{name}/revision/main" for name in (LAYOUT, f"{LAYOUT}-onnx")} | {
        f"/api/models/{TABLES}/revision/v2.3.0"
    }
    hub.stop()
    converted = command("python", "-c", CONVERT, str(artifacts), str(sample_document()), HF_HUB_OFFLINE="1")
    assert converted.returncode == 0, converted.stderr
    result = json.loads(converted.stdout.splitlines()[-1])
    assert (result["status"], result["pages"], result["same"]) == ("success", SAMPLE_PAGE_COUNT, True)
    assert [sentence for sentence in SAMPLE_SENTENCES if sentence not in result["markdown"]] == []
    assert result["layout_keys"] == []
    assert (result["tables"], result["cells"]) == (1, [])
