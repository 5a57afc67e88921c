"""Failures made for real: what the unmodified libraries print is recognised."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.practice.catalogue import practice_repositories
from runbook_lib.practice.faults import Fault
from runbook_lib.practice.server import PracticeHub
from runbook_lib.quirks.diagnosis import diagnose
from tests.unit.quirks.conftest import run_fresh_python

REPOSITORY = "docling-project/docling-layout-heron"
SNAPSHOT = f"import huggingface_hub as hub; hub.snapshot_download('{REPOSITORY}')"
ONE_FILE = f"import huggingface_hub as hub; hub.hf_hub_download('{REPOSITORY}', 'config.json')"

CLI = f"import sys; sys.argv = ['hf', 'download', '{REPOSITORY}']; from huggingface_hub.cli.hf import main; main()"
PINNED = f"import huggingface_hub as hub; hub.snapshot_download('{REPOSITORY}', revision='0123456789' * 4)"
PAPERMILL = """
import nbformat, papermill
nbformat.write(nbformat.v4.new_notebook(metadata={metadata!r}), 'in.ipynb')
papermill.execute_notebook('in.ipynb', 'out.ipynb')
"""

PIPELINE = """
import pathlib
from docling.datamodel.base_models import InputFormat
from docling.datamodel.pipeline_options import PdfPipelineOptions
from docling.document_converter import DocumentConverter, PdfFormatOption
pathlib.Path({folder!r}).mkdir(parents=True)
options = PdfPipelineOptions(artifacts_path={artifacts_path!r}, do_ocr={do_ocr})
formats = {{InputFormat.PDF: PdfFormatOption(pipeline_options=options)}}
converter = DocumentConverter(list(formats), format_options=formats)
converter.initialize_pipeline(InputFormat.PDF)
"""

NOTEBOOK = """
import nbformat
notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell('1')])
del notebook.cells[0][{missing!r}]
nbformat.validate(notebook)
"""


def numbers(output: bytes) -> list[str]:
    return [finding.quirk.number for finding in diagnose(output.decode("utf-8", "replace")).findings]


def safetensors_of(content: bytes) -> str:
    write = f"import pathlib, safetensors; pathlib.Path('x.safetensors').write_bytes({content!r});"
    return f"{write} safetensors.safe_open('x.safetensors', 'np')"


def read_notebook(content: bytes) -> str:
    write = f"import pathlib, nbformat; pathlib.Path('x.ipynb').write_bytes({content!r});"
    return f"{write} nbformat.read('x.ipynb', 4)"


@pytest.mark.parametrize(
    ("code", "variables", "number"),
    [
        pytest.param(SNAPSHOT, {"SSL_CERT_FILE": "nowhere.pem"}, "Q17", id="ssl-cert-file-missing"),
        pytest.param(
            f"open('empty.pem', 'w').close(); {SNAPSHOT}",
            {"SSL_CERT_FILE": "empty.pem"},
            "Q17",
            id="ssl-cert-file-empty",
        ),
        pytest.param(SNAPSHOT, {"HTTPS_PROXY": "socks://127.0.0.1:9"}, "Q20", id="proxy-scheme"),
        pytest.param(SNAPSHOT, {"HTTPS_PROXY": "socks5://127.0.0.1:9"}, "Q20", id="proxy-socksio"),
        pytest.param(SNAPSHOT, {"NO_PROXY": "[::1]"}, "Q20", id="no-proxy-brackets"),
        pytest.param(SNAPSHOT, {"HF_HUB_DOWNLOAD_TIMEOUT": "30s"}, "Q12", id="timeout-with-unit"),
        pytest.param(SNAPSHOT, {"HF_HUB_OFFLINE": "1"}, "Q23", id="offline"),
        pytest.param(SNAPSHOT, {"HF_ENDPOINT": "http://127.0.0.1:9"}, "Q50", id="connection-refused"),
        pytest.param(ONE_FILE, {"HF_HUB_OFFLINE": "1"}, "Q23", id="offline-one-file"),
        pytest.param(PINNED, {"HF_HUB_OFFLINE": "1"}, "Q106", id="offline-by-commit"),
        pytest.param(SNAPSHOT, {"HF_ENDPOINT": "hub.example.org"}, "Q101", id="endpoint-without-scheme"),
        pytest.param(SNAPSHOT, {"HTTPS_PROXY": "http://127.0.0.1:9"}, "Q126", id="proxy-not-there"),
        pytest.param(CLI, {"HF_HUB_OFFLINE": "1"}, "Q23", id="command-line-offline"),
        pytest.param(CLI, {"HF_ENDPOINT": "http://127.0.0.1:9"}, "Q50", id="command-line-refused"),
        pytest.param(CLI, {"HF_ENDPOINT": "hub.example.org"}, "Q101", id="command-line-without-scheme"),
        pytest.param(
            "import huggingface_hub as h\nwith h.get_session() as s: pass\nh.model_info('x/y')",
            {},
            "Q105",
            id="client-closed",
        ),
        pytest.param("import huggingface_hub.inference_api", {}, "Q79", id="removed-module"),
        pytest.param("from huggingface_hub import cached_download", {}, "Q79", id="removed-name"),
        pytest.param("import huggingface_hub as h; h.HfFolder", {}, "Q79", id="removed-attribute"),
        pytest.param(
            "import huggingface_hub as h; h.hf_hub_download('x/y', 'z', use_auth_token='t')",
            {},
            "Q79",
            id="removed-argument",
        ),
        pytest.param("open('docling.py', 'w').close(); import docling.document_converter", {}, "Q66", id="shadowed"),
        pytest.param(PAPERMILL.format(metadata={}), {}, "Q117", id="no-kernel-name"),
        pytest.param(
            "import pypdfium2, pathlib; pathlib.Path('x.pdf').write_bytes(b'<html>'); pypdfium2.PdfDocument('x.pdf')",
            {},
            "Q67",
            id="page-as-document",
        ),
        pytest.param("import huggingface_hub.constants", {"HF_HUB_ENABLE_HF_TRANSFER": "1"}, "Q28", id="hf-transfer"),
        pytest.param(
            "from huggingface_hub import snapshot_download; snapshot_download('/models/docling/layout')",
            {},
            "Q30",
            id="path-taken-for-a-repository",
        ),
        pytest.param(safetensors_of(b"<!DOCTYPE html><html>" * 9), {}, "Q29", id="html-as-weights"),
        pytest.param(safetensors_of(b"version https://git-lfs.github.com/spec/v1\n"), {}, "Q29", id="lfs-pointer"),
        pytest.param(safetensors_of(b""), {}, "Q29", id="empty-weights"),
        pytest.param(safetensors_of(b"\x10" + b"\0" * 200), {}, "Q29", id="nul-weights"),
        pytest.param(
            "from jupyter_client.kernelspec import get_kernel_spec; get_kernel_spec('elsewhere')",
            {},
            "Q45",
            id="no-such-kernel",
        ),
        pytest.param("print(chr(0x2713))", {"PYTHONIOENCODING": "cp1252"}, "Q47", id="cp1252"),
        pytest.param(read_notebook(b"\xef\xbb\xbf{}"), {}, "Q49", id="notebook-with-bom"),
        pytest.param(read_notebook(b"<html>"), {}, "Q49", id="notebook-is-a-page"),
        pytest.param(NOTEBOOK.format(missing="outputs"), {}, "Q49", id="notebook-without-outputs"),
        pytest.param(NOTEBOOK.format(missing="id"), {}, "Q49", id="notebook-without-id"),
        pytest.param(
            "import requests; requests.get('https://127.0.0.1:9')",
            {"REQUESTS_CA_BUNDLE": "nowhere.pem"},
            "Q17",
            id="requests-ca-bundle",
        ),
    ],
)
def test_a_failure_of_the_environment(run_python: Any, code: str, variables: Mapping[str, str], number: str) -> None:
    assert numbers(run_python(code, variables=variables)) == [number]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is of Linux")
def test_a_full_disk(run_python: Any) -> None:
    assert numbers(run_python("open('/dev/full', 'wb', buffering=0).write(b'x')")) == ["Q10"]


@pytest.mark.parametrize(
    ("fault", "code", "number"),
    [
        (Fault("block_page"), SNAPSHOT, "Q21"),
        (Fault("block_page"), CLI, "Q21"),
        (Fault("gated"), CLI, "Q25"),
        (Fault("404"), CLI, "Q25"),
        (Fault("429"), CLI, "Q26"),
        (Fault("block_page", path_glob="*/resolve/*"), ONE_FILE, "Q21"),
        (Fault("403"), SNAPSHOT, "Q21"),
        (Fault("401"), SNAPSHOT, "Q24"),
        (Fault("gated"), SNAPSHOT, "Q25"),
        (Fault("404"), SNAPSHOT, "Q25"),
        (Fault("429"), SNAPSHOT, "Q26"),
        (Fault("503"), SNAPSHOT, "Q51"),
        (Fault("reset"), SNAPSHOT, "Q50"),
        (Fault("wrong_length", path_glob="*model.safetensors"), SNAPSHOT, "Q27"),
    ],
    ids=lambda value: f"{value.kind}-{value.path_glob}" if isinstance(value, Fault) else None,
)
@pytest.mark.slow
def test_a_fault_of_the_hub(run_python: Any, fault: Fault, code: str, number: str) -> None:
    with PracticeHub(faults=[fault]) as hub:
        output = run_python(code, variables={"HF_ENDPOINT": hub.url})
    assert numbers(output) == [number]


@pytest.mark.slow
def test_a_cache_that_lacks_files_offline(run_python: Any) -> None:
    with PracticeHub() as hub:
        run_python(SNAPSHOT, variables={"HF_ENDPOINT": hub.url})
        remove = (
            "import os, pathlib; [p.unlink() for p in pathlib.Path(os.environ['HF_HOME']).rglob('model.safetensors')];"
        )
        output = run_python(remove + SNAPSHOT, variables={"HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "1"})
    assert b"is incomplete: 1 file(s) are missing" in output
    assert numbers(output) == ["Q23"]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs a cache with symlinks")
def test_a_copied_repository_folder_whose_blobs_are_elsewhere(run_python: Any) -> None:
    """The links of a snapshot are kept and what they point to is gone, as after copying one folder."""
    scan = (
        "import os, pathlib, huggingface_hub as h;"
        "[p.unlink() for p in pathlib.Path(os.environ['HF_HOME']).rglob('blobs/*')];"
        "print(*h.scan_cache_dir().warnings)"
    )
    with PracticeHub() as hub:
        run_python(SNAPSHOT, variables={"HF_ENDPOINT": hub.url})
        assert numbers(run_python(scan)) == ["Q07"]


def test_a_download_that_was_cut_and_resumed_has_recovered(run_python: Any) -> None:
    fault = Fault("truncate", path_glob="*model.safetensors", times=1, after_bytes=10_000)
    with PracticeHub(faults=[fault]) as hub:
        diagnosis = diagnose(run_python(SNAPSHOT, variables={"HF_ENDPOINT": hub.url}).decode("utf-8", "replace"))
    assert diagnosis.findings == ()
    assert [finding.quirk.number for finding in diagnosis.recovered] == ["Q15"]


def test_a_token_that_is_empty_is_no_header(run_python: Any) -> None:
    with PracticeHub() as hub:
        code = f"import httpx; httpx.get({hub.url!r}, headers={{'Authorization': 'Bearer '}})"
        assert numbers(run_python(code)) == ["Q100"]


DOCLING = {
    "model-path": ("from docling.document_converter import *; DocumentConverter(model_path='x')", "Q32"),
    "no-such-folder": (PIPELINE.format(folder="a", artifacts_path="nowhere", do_ocr=False), "Q30"),
    "empty-folder": (PIPELINE.format(folder="a", artifacts_path="a", do_ocr=False), "Q30"),
    "no-ocr-models": (PIPELINE.format(folder="a", artifacts_path="a", do_ocr=True), "Q33"),
    "folders-of-an-older-docling": (
        PIPELINE.format(folder="a/ds4sd--docling-layout-heron", artifacts_path="a", do_ocr=False),
        "Q31",
    ),
    "page-as-ocr-model": (
        "import torch, pathlib; pathlib.Path('det.pth').write_bytes(b'<html>no</html>'); torch.load('det.pth')",
        "Q34",
    ),
}
LAYOUT = "docling-project--docling-layout-heron"
TABLE = "docling-project--docling-models/model_artifacts/tableformer/accurate"
PAGE = b"<!DOCTYPE html><html><head><title>Access denied</title></head></html>\n"
BERT = b'{"architectures": ["BertModel"], "model_type": "bert", "hidden_size": 8}\n'
BROKEN_FILES: dict[str, tuple[str, bytes | None, str]] = {
    "config-missing": (f"{LAYOUT}/config.json", None, "Q123"),
    "config-empty": (f"{LAYOUT}/config.json", b"", "Q124"),
    "config-page": (f"{LAYOUT}/config.json", PAGE, "Q124"),
    "config-cut": (f"{LAYOUT}/config.json", b'{"activation_dropout": 0.0, "anchor_image', "Q124"),
    "config-of-another-model": (f"{LAYOUT}/config.json", BERT, "Q124"),
    "processor-missing": (f"{LAYOUT}/preprocessor_config.json", None, "Q123"),
    "processor-empty": (f"{LAYOUT}/preprocessor_config.json", b"", "Q124"),
    "processor-page": (f"{LAYOUT}/preprocessor_config.json", PAGE, "Q124"),
    "processor-of-another-model": (f"{LAYOUT}/preprocessor_config.json", BERT, "Q124"),
    "weights-missing": (f"{LAYOUT}/model.safetensors", None, "Q123"),
    "weights-empty": (f"{LAYOUT}/model.safetensors", b"", "Q29"),
    "weights-page": (f"{LAYOUT}/model.safetensors", PAGE, "Q29"),
    "table-config-missing": (f"{TABLE}/tm_config.json", None, "Q123"),
    "table-config-empty": (f"{TABLE}/tm_config.json", b"", "Q124"),
    "table-config-cut": (f"{TABLE}/tm_config.json", b'{"preparation": {"max_tag_len"', "Q124"),
    "table-config-of-another-model": (f"{TABLE}/tm_config.json", BERT, "Q124"),
    "table-weights-missing": (f"{TABLE}/tableformer_accurate.safetensors", None, "Q123"),
    "table-weights-page": (f"{TABLE}/tableformer_accurate.safetensors", PAGE, "Q29"),
}
"""Each file of docling's default models and a way in which it can be wrong: path, content, quirk."""

BROKEN_PIPELINE = """
import os, pathlib, shutil
from docling.datamodel.base_models import InputFormat
from docling.datamodel.pipeline_options import PdfPipelineOptions
from docling.document_converter import DocumentConverter, PdfFormatOption
shutil.copytree({models!r}, 'models', copy_function=os.link)
broken = pathlib.Path('models', {path!r})
broken.unlink()
if {content!r} is not None:
    broken.write_bytes({content!r})
options = PdfPipelineOptions(artifacts_path='models', do_ocr=False)
formats = {{InputFormat.PDF: PdfFormatOption(pipeline_options=options)}}
converter = DocumentConverter(list(formats), format_options=formats)
converter.initialize_pipeline(InputFormat.PDF)
"""
SEPARATOR = "---------- next"
ONE_AFTER_THE_OTHER = """
import os, sys, traceback
for name, code in {codes!r}.items():
    os.makedirs(name)
    os.chdir(name)
    try:
        exec(code, {{}})
    except Exception:
        traceback.print_exc()
    os.chdir("..")
    sys.stdout.flush()
    print({separator!r}, file=sys.stderr, flush=True)
"""


def write_models(folder: Path) -> Path:
    """Write the practice models as an artifacts folder."""
    for repository in practice_repositories()[:2]:
        for file in repository.head.files:
            target = folder / repository.repo_id.replace("/", "--") / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(b"".join(file.content.read()))
    return folder


@pytest.fixture(scope="module")
def docling_failures(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    """What each of them printed; one process for all, because importing docling takes longer than failing."""
    folder = tmp_path_factory.mktemp("docling")
    models = write_models(folder / "good")
    codes = {name: code for name, (code, _) in DOCLING.items()}
    codes |= {
        name: BROKEN_PIPELINE.format(models=str(models), path=path, content=content)
        for name, (path, content, _) in BROKEN_FILES.items()
    }
    code = ONE_AFTER_THE_OTHER.format(codes=codes, separator=SEPARATOR)
    printed = run_fresh_python(code, folder, limit_s=300)
    return dict(zip(codes, printed.split(SEPARATOR.encode()), strict=False))


@pytest.mark.slow
@pytest.mark.xdist_group("docling-failures")
@pytest.mark.parametrize("name", DOCLING)
def test_a_failure_of_docling(docling_failures: Mapping[str, bytes], name: str) -> None:
    assert numbers(docling_failures[name]) == [DOCLING[name][1]]


@pytest.mark.slow
@pytest.mark.xdist_group("docling-failures")
@pytest.mark.parametrize("name", BROKEN_FILES)
def test_each_way_in_which_a_model_is_incomplete(docling_failures: Mapping[str, bytes], name: str) -> None:
    assert numbers(docling_failures[name]) == [BROKEN_FILES[name][2]]


@pytest.mark.slow
def test_a_chunker_without_its_tokenizer(run_python: Any) -> None:
    code = "from docling.chunking import HybridChunker; HybridChunker()"
    assert numbers(run_python(code, variables={"HF_HUB_OFFLINE": "1"})) == ["Q35"]


@pytest.mark.slow
def test_a_kernel_that_dies(run_python: Any) -> None:
    code = """
import nbformat, papermill
notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell('import os; os._exit(1)')])
notebook.metadata['kernelspec'] = {'name': 'python3', 'display_name': 'Python 3', 'language': 'python'}
nbformat.write(notebook, 'dies.ipynb')
papermill.execute_notebook('dies.ipynb', 'out.ipynb')
"""
    assert "Q46" in numbers(run_python(code))
