#!/bin/bash
# Versions: docling 2.143.0, CPython 3.11, Linux.
# Seen: options of one's own, a subclass of RapidOcrOptions with another default, are taken by PdfPipelineOptions, are an instance of
#   RapidOcrOptions and have its `kind`. The factory that makes the engine refuses them: "No class found with the name 'rapidocr',
#   known classes are:", and its list has 'rapidocr'. The same values in a plain RapidOcrOptions make the engine.
# Why good guesses are wrong: the message says that a name is unknown and prints it among the known ones; it reads like a broken
#   installation or a missing extra. Engines are looked up by the very class of the options, and the name is looked at by nobody. A
#   converter with such options can be made, and fails only when it is used for the first time.
set -eu
PYTHON=${PYTHON:-python3}
WORK=$(mktemp -d); trap 'rm -rf "$WORK"' EXIT
export PIP_ROOT_USER_ACTION=ignore HF_HUB_OFFLINE=1
"$PYTHON" -m venv "$WORK/venv"
"$WORK/venv/bin/python" -m pip install --quiet --disable-pip-version-check uv
"$WORK/venv/bin/python" -m uv pip install --quiet --python "$WORK/venv/bin/python" docling==2.143.0
cat > "$WORK/seen.py" <<'PY'
import logging, sys, warnings
logging.disable(logging.CRITICAL); warnings.simplefilter("ignore")
from docling.datamodel.accelerator_options import AcceleratorOptions
from docling.datamodel.base_models import InputFormat
from docling.datamodel.pipeline_options import PdfPipelineOptions, RapidOcrOptions
from docling.document_converter import DocumentConverter, PdfFormatOption
from docling.models.factories import get_ocr_factory


class HouseOptions(RapidOcrOptions):
    text_score: float = 0.6


def engine(options):
    places = {"enabled": False, "artifacts_path": None, "accelerator_options": AcceleratorOptions(device="cpu")}
    try:
        return type(get_ocr_factory().create_instance(options=options, **places)).__name__
    except RuntimeError as error:
        return str(error)


given = PdfPipelineOptions(ocr_options=HouseOptions())
DocumentConverter(format_options={InputFormat.PDF: PdfFormatOption(pipeline_options=given)})
kept = given.ocr_options
plain, own = engine(RapidOcrOptions(text_score=0.6)), engine(kept)
print(f"kept as {type(kept).__name__} of kind {kept.kind!r}; plain options: {plain}; own options: {own.splitlines()[0]}")
print("the list of known classes has 'rapidocr':", "\t'rapidocr' =>" in own)
told = own.startswith("No class found with the name 'rapidocr', known classes are:") and "\t'rapidocr' =>" in own
sys.exit(not (isinstance(kept, HouseOptions) and kept.kind == "rapidocr" and plain == "RapidOcrModel" and told))
PY
cd "$WORK"
venv/bin/python seen.py || { echo "CHANGED: see the lines above"; exit 1; }
echo "As stated: a subclass of an engine's options has its kind, and no engine."
