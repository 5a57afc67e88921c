#!/bin/bash
# Versions: docling 2.143.0, python-pptx 1.0.2, openpyxl 3.1.5, CPython 3.11, Linux.
# Seen: a presentation of three slides converts with status success, input.page_count is 3, document.pages holds 3, and
#   result.pages, "the converted pages", is empty. A workbook of two sheets likewise: 2, 2, 0. DOCX and Markdown have 0 of all.
#   A presentation without slides is a failure: "Document has 0 pages, fewer than the requested page_range start 1."
# Why good guesses are wrong: for PDF the three agree, len(result.pages) == result.input.page_count is the natural test of
#   "every page was converted", and with PPTX and XLSX it says 0 of 3 for a conversion that is whole. Comparing
#   document.pages instead is no way out: a PDF cut short has all its pages there, converted or not.
set -eu
PYTHON=${PYTHON:-python3}
WORK=$(mktemp -d); trap 'rm -rf "$WORK"' EXIT
export PIP_ROOT_USER_ACTION=ignore HF_HUB_OFFLINE=1
"$PYTHON" -m venv "$WORK/venv"
"$WORK/venv/bin/python" -m pip install --quiet --disable-pip-version-check uv
"$WORK/venv/bin/python" -m uv pip install --quiet --python "$WORK/venv/bin/python" docling==2.143.0 python-pptx==1.0.2 openpyxl==3.1.5
cat > "$WORK/look.py" <<'PY'
import logging, sys, warnings
from pathlib import Path
logging.disable(logging.CRITICAL); warnings.simplefilter("ignore")
import docx, openpyxl, pptx
from docling.document_converter import DocumentConverter
folder = Path(sys.argv[1])
slides = pptx.Presentation(); slides.save(folder / "none.pptx")
for number in range(3):
    slides.slides.add_slide(slides.slide_layouts[0]).shapes.title.text = f"Slide {number}"
slides.save(folder / "three.pptx")
book = openpyxl.Workbook(); book.active.append(["a"]); book.create_sheet("two").append(["b"]); book.save(folder / "two.xlsx")
words = docx.Document(); words.add_paragraph("Words"); words.save(folder / "words.docx")
(folder / "note.md").write_text("# Words")
seen = {}
for path in sorted(folder.iterdir()):
    result = DocumentConverter().convert(path, raises_on_error=False)
    seen[path.name] = (result.status.value, result.input.page_count, len(result.document.pages), len(result.pages))
    print(f"{path.name:11} status {result.status.value:8} input.page_count {result.input.page_count}"
          f"  document.pages {len(result.document.pages)}  result.pages {len(result.pages)}")
expected = {"none.pptx": ("failure", 0, 0, 0), "note.md": ("success", 0, 0, 0), "three.pptx": ("success", 3, 3, 0),
            "two.xlsx": ("success", 2, 2, 0), "words.docx": ("success", 0, 0, 0)}
sys.exit(f"CHANGED: {seen}" if seen != expected else 0)
PY
mkdir "$WORK/documents"
"$WORK/venv/bin/python" "$WORK/look.py" "$WORK/documents"
echo "as described: a whole conversion of slides or sheets has no result.pages"
