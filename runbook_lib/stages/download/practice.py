"""Practice models go to practice folders and nowhere else, whatever address they come from."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from runbook_lib.cache.layout import Listing, repo_of
from runbook_lib.cache.practice_models import holds_real_weights, is_practice_listing
from runbook_lib.core.masking import mask_url_credentials
from runbook_lib.core.model_ref import ModelRef
from runbook_lib.core.practice_mark import FILE_NAME
from runbook_lib.errors import PracticeError
from runbook_lib.run.target import Target


def require_practice_in_its_place(target: Target, listings: Iterable[Listing]) -> None:
    """Refuse practice models for a target that is not practice, and those for a folder that holds real ones.

    A mirror or a port forward in front of a practice hub does not say what it is; what it lists does.
    """
    for listing in filter(is_practice_listing, listings):
        if not target.practice:
            raise _not_for_real(target, listing)
        for folder in _folders(target, listing):
            if holds_real_weights(folder):
                raise PracticeError(
                    f"Practice models may not go to {folder}.",
                    why="It holds a model that is not a practice model.",
                    remedy="Leave cache_dir and artifacts_dir out: practice has folders of its own.",
                )


def _not_for_real(target: Target, listing: Listing) -> PracticeError:
    model = f"{listing.repo_id}@{listing.revision}"
    if target.settings.offline:
        return PracticeError(
            f"{model} in {target.cache_dir} is a practice model: random weights.",
            why=f"The cache lists {FILE_NAME} in it.",
            remedy="Move it aside with runbook doctor --fix, then download the real one. For practice: --practice.",
        )
    return PracticeError(
        f"{mask_url_credentials(target.endpoint)} gives practice models: random weights. Nothing was fetched.",
        why=f"A practice hub stands behind that address: it lists {FILE_NAME} in {model}.",
        remedy="For practice: --practice (in a notebook: hub = 'practice'), which has folders of its own. For real"
        " models name another Hub or mirror: -p hub URL, or HF_ENDPOINT.",
    )


def _folders(target: Target, listing: Listing) -> Iterator[Path]:
    model = ModelRef(listing.repo_id, listing.revision)
    repo = repo_of(target.cache_dir, model)
    yield from (folder for folder in repo.snapshots() if folder.name != listing.commit)
    yield target.artifacts_dir / model.folder_name
