"""The image of containers/ built by buildah and run cut off from everything; make test-images, for it takes minutes."""

import hashlib
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import which

import platformdirs
import pytest

from runbook_lib.practice.layout_model import REPO_ID as LAYOUT
from runbook_lib.practice.sample import SAMPLE_SENTENCES, SCAN_SENTENCES
from runbook_lib.practice.server import PracticeHub
from tests.containers.images import BASE, HOW_TO_GET, PROGRAMS, Store, make_base, run_cut_off

ROOT = Path(__file__).parents[2]
MISSING = [program for program in PROGRAMS if which(program) is None]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    pytest.mark.xdist_group("images"),
    pytest.mark.skipif(not os.environ.get("IMAGES"), reason="make test-images builds them, which takes minutes"),
    pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}; get it with: {HOW_TO_GET}"),
    pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="layers are mounted, which takes root"),
]

WEIGHTS_BYTES = 500_000
RANDOM_USER = 23456
_FILE_BYTES = 4_000_000
_OVERHEAD_BYTES = 100_000
"""What a layer has beside the file: folders, headers of its archive."""


@pytest.fixture(scope="session")
def store() -> Store:
    """Kept from one time to the next; a build that changed nothing is made of layers that are there."""
    folder = Path(os.environ["IMAGES"]) if "/" in os.environ["IMAGES"] else own_folder()
    folder.mkdir(parents=True, exist_ok=True)
    store = Store(folder)
    if not store.has(BASE):
        make_base(store)
    return store


def own_folder() -> Path:
    return platformdirs.user_cache_path("docling-runbook") / "images"


@pytest.fixture(scope="session")
def build(store: Store) -> Iterator[Callable[[str], str]]:
    """Build a target of the Dockerfile. The hub has another address at every time, so that models are fetched anew."""
    with PracticeHub() as hub:

        def built(target: str) -> str:
            dockerfile = ROOT / "containers" / "Dockerfile"
            return store.build(dockerfile, ROOT, target, "--target", target, HUB=hub.url, TORCH_BACKEND="")

        yield built


@pytest.fixture(scope="session")
def image(build: Callable[[str], str]) -> str:
    return build("service")


def test_any_user_without_a_network_on_a_read_only_root_converts(store: Store, image: str) -> None:
    script = (Path(__file__).with_name("inside.py")).read_text(encoding="utf-8")
    seen = json.loads(run_cut_off(store, image, script, RANDOM_USER, {}).splitlines()[-1])
    assert seen["user_id"] == RANDOM_USER
    assert seen["networks"] == ["lo"]
    assert seen["read_only"] == ["/", "/app", "/models", "/opt/service"]
    born_digital, scanned = seen["texts"]
    assert [sentence for sentence in SAMPLE_SENTENCES if sentence not in born_digital] == []
    assert [sentence for sentence in SCAN_SENTENCES if sentence not in scanned] == []
    code, said = seen["refused"]
    assert code == 1
    assert "practice model: random weights" in said


def test_the_image_holds_every_weight_once(store: Store, image: str) -> None:
    weights = Counter(
        hashlib.sha256(path.read_bytes()).hexdigest()
        for layer in store.layers(image)
        for path in (layer.files / "models").rglob("*")
        if path.is_file() and path.stat().st_size > WEIGHTS_BYTES
    )
    assert len(weights) >= 4  # layout, tables, and two or more of OCR
    assert set(weights.values()) == {1}


def test_the_models_are_a_layer_of_their_own_above_all_others(store: Store, image: str) -> None:
    """So that new models are a new layer and no new environment. With -s it tells the sizes of docs/containers.md."""
    layers = store.layers(image)
    for layer in layers:
        names = ", ".join(sorted(path.relative_to(layer.files).as_posix() for path in layer.files.glob("*/*"))[:3])
        sys.stdout.write(f"{layer.size_bytes:>15,}  {names}\n")
    models = layers[-1]
    assert [path.name for path in models.files.iterdir()] == ["models"]
    assert models.size_bytes < 60_000_000


def test_models_alone_are_one_layer_and_nothing_else(store: Store, build: Callable[[str], str]) -> None:
    (layer,) = store.layers(build("models-alone"))
    names = {path.name for path in layer.files.iterdir()}
    assert {LAYOUT.replace("/", "--"), "RapidOcr"} < names
    assert names.isdisjoint({"models", "opt", "usr"})


LINKED = """
FROM {base} AS made
RUN mkdir -p /all/cache /all/models /alone && head -c {size} /dev/urandom > /all/cache/file \\
    && ln /all/cache/file /all/models/file && ln /all/cache/file /alone/file && chmod 0600 /all/cache/file
FROM {base}
{lines}
"""

COPIES = {
    "one COPY of the folder that holds both names": (("COPY --from=made /all /all",), 1),
    "one COPY of two sources": (("COPY --from=made /all /alone /there/",), 2),
    "two COPY lines": (("COPY --from=made /all /all", "COPY --from=made /alone /alone"), 2),
    "chown in a RUN of its own": (("COPY --from=made /alone /alone", "RUN chown 1:1 /alone/file"), 2),
    "chmod in a RUN of its own": (("COPY --from=made /alone /alone", "RUN chmod 0644 /alone/file"), 2),
    "COPY --chown": (("COPY --from=made --chown=1:1 /alone /alone",), 1),
    "ln in a RUN of its own": (("COPY --from=made /alone /alone", "RUN ln /alone/file /again"), 2),
    "rm in a RUN of its own": (("COPY --from=made /alone /alone", "RUN rm /alone/file"), 1),
}
"""How often the file's bytes are in the image; docs/containers.md tells it."""


@pytest.mark.parametrize(("lines", "times"), COPIES.values(), ids=COPIES)
def test_what_becomes_of_hard_links_and_of_a_file_that_is_touched_later(
    store: Store, tmp_path: Path, lines: tuple[str, ...], times: int
) -> None:
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text(LINKED.format(base=BASE, size=_FILE_BYTES, lines="\n".join(lines)), encoding="utf-8")
    image = store.build(dockerfile, tmp_path, f"linked-{tmp_path.name}".lower())
    grown = sum(layer.size_bytes for layer in store.layers(image)) - sum(
        layer.size_bytes for layer in store.layers(BASE)
    )
    store.buildah("rmi", image)
    assert times * _FILE_BYTES <= grown < times * _FILE_BYTES + _OVERHEAD_BYTES
