"""Real environments beside our own: docling as services install it, and programs of others that read what we write.

uv fetches what its cache has not got, and hard-links the rest; the largest, torch, is the one of our own environment.
"""

import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONSTRAINTS = ROOT / "constraints.txt"
_LIMIT_S = 300
ENVIRON = dict(os.environ)
"""As it was before the tests took out what steers them: it says how packages can be had here."""


def _pinned(*names: str) -> tuple[str, ...]:
    """Return what our own constraints say of these packages; others of docling-serve's ask for other versions."""
    lines = CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if line.partition("==")[0] in names)


ENVIRONMENTS: dict[str, tuple[str, ...]] = {
    "docling-slim[standard]": ("-c", str(CONSTRAINTS), "docling-slim[standard]"),
    "docling-slim[format-pdf,feat-ocr-rapidocr-onnx]": (
        "-c",
        str(CONSTRAINTS),
        "docling-slim[format-pdf,feat-ocr-rapidocr-onnx]",
    ),
    # The versions of its own time, for docling asked for no upper ones then; torch is that of our environment.
    "docling 2.15": (
        "docling==2.15.0",
        "docling-core==2.14.0",
        "docling-ibm-models==3.1.2",
        "docling-parse==3.1.0",
        "deepsearch-glm==1.0.0",
        "transformers==4.48.1",
        "huggingface-hub==0.27.1",
        *_pinned("torch", "torchvision"),
    ),
    # onnxruntime beside it, as who runs it offline has: without it OCR's models come from modelscope.cn alone.
    "docling-serve": (
        *_pinned("docling-slim", "docling-core", "docling-parse", "docling-ibm-models", "torch", "torchvision"),
        *_pinned("huggingface-hub", "transformers", "rapidocr", "onnxruntime"),
        "docling-serve==1.38.2",
    ),
    # The reference of OpenSSF Model Signing does not start without pyopenssl, which it does not ask for.
    "model-signing": ("pyopenssl==26.4.0", "sigstore==4.5.1", "model-signing==1.1.1"),
    "olah": (*_pinned("huggingface-hub"), "olah==0.5.4"),
    "oras": ("oras==0.2.43",),
    # Apart from ours, for botocore asks for a python-dateutil below 3.
    "S3": (
        *_pinned("fsspec", "pytest", "pytest-socket", "pytest-timeout"),
        *("moto[s3]==5.2.5", "flask", "flask-cors", "s3fs==2026.9.0"),
        *("-e", f"{ROOT}[copies]"),
    ),
}

PythonOf = Callable[[str], Path]


@pytest.fixture(scope="session")
def python_of(tmp_path_factory: pytest.TempPathFactory) -> PythonOf:
    """Make an environment at the first question, and return its interpreter."""
    home, made = tmp_path_factory.mktemp("environments"), dict[str, Path]()

    def make(name: str) -> Path:
        if name not in made:
            made[name] = _make(home / str(list(ENVIRONMENTS).index(name)), ENVIRONMENTS[name])
        return made[name]

    return make


def _make(folder: Path, packages: tuple[str, ...]) -> Path:
    uv = [sys.executable, "-m", "uv"]
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    commands = (
        [*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)],
        [*uv, "pip", "install", "--quiet", "--python", str(python), *packages],
    )
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S, check=False, env=ENVIRON)
        if done.returncode:
            said = f"{packages[-1]} cannot be installed here: {done.stderr[-400:]}"
            if os.environ.get("CI"):
                pytest.fail(said)
            pytest.skip(said)
    _share_bytecode(folder)
    return python


def _share_bytecode(environment: Path) -> None:
    """Link what our own environment has compiled of the files that both hold; torch alone takes ten seconds of CPU."""
    ours = Path(sysconfig.get_path("purelib"))
    theirs = Path(sysconfig.get_path("purelib", vars={"base": str(environment), "platbase": str(environment)}))
    for compiled in ours.rglob(f"__pycache__/*.{sys.implementation.cache_tag}.pyc"):
        source = compiled.parent.with_name(f"{compiled.name.partition('.')[0]}.py")
        same = theirs / source.relative_to(ours)
        link = theirs / compiled.relative_to(ours)
        if source.is_file() and same.is_file() and same.samefile(source) and not link.exists():
            link.parent.mkdir(exist_ok=True)
            os.link(compiled, link)
