"""What a pipeline takes, in the artifacts folder: whether it stands there as it was placed."""

from pathlib import Path

from runbook_lib.cache.artifacts import is_placed, read_stamp
from runbook_lib.errors import StageFailed
from runbook_lib.ocr.place import is_ocr_placed
from runbook_lib.pipeline.wanted import Wanted
from runbook_lib.run.target import Target
from runbook_lib.stages.verify.compare import verify_folder
from runbook_lib.stages.verify.expected import Expectation, ExpectedFile
from runbook_lib.stages.verify.ocr_folder import known_of_ocr
from runbook_lib.stages.verify.problems import FileProblem, ProblemKind, Severity


def is_all_placed(target: Target, wanted: Wanted) -> bool:
    """Whether every model stands as its stamp says; no content is read of what nobody has written to."""
    models = all(is_placed(target.artifacts_dir / model.folder_name, model) for model in wanted.models)
    ocr = wanted.ocr
    return models and (ocr is None or is_ocr_placed(target.artifacts_dir / ocr.folder, ocr.files))


def require_as_placed(target: Target, wanted: Wanted) -> None:
    """Hash every model folder; raises `StageFailed` naming the first file that is not as it was listed."""
    for model in wanted.models:
        folder = target.artifacts_dir / model.folder_name
        stamp = read_stamp(folder)
        if stamp is None:
            raise StageFailed(f"{folder} has lost its stamp, so it cannot be verified.")
        files = tuple(ExpectedFile.of_etag(path, file.etag, file.size_bytes) for path, file in stamp.files.items())
        _require_intact(folder, verify_folder(folder, Expectation(stamp.commit, files, "the stamp")))
    if wanted.ocr is not None and wanted.ocr.files:
        folder = target.artifacts_dir / wanted.ocr.folder
        expectation = known_of_ocr(folder, wanted.ocr, None).expectation
        found = verify_folder(folder, expectation) if expectation else ()
        _require_intact(folder, tuple(problem for problem in found if problem.kind is not ProblemKind.UNEXPECTED))


def _require_intact(folder: Path, problems: tuple[FileProblem, ...]) -> None:
    for problem in problems:
        if problem.severity is Severity.SERIOUS:
            raise StageFailed(
                f"{folder / problem.path} is damaged: {problem.kind.value}.",
                why=problem.evidence,
                remedy=problem.meaning.remedy,
            )
