"""What a lock file says that folders should hold."""

from runbook_lib.core.model_ref import ModelRef
from runbook_lib.run.lock_file import LockedOcr, LockedRepository, LockFile
from runbook_lib.stages.verify.expected import Expectation, ExpectedFile

_SOURCE = "the lock file"


def expectations_of(lock: LockFile) -> dict[ModelRef, Expectation]:
    """Return what stage verify compares with, as its second argument."""
    expected = {repository.model: _of_repository(repository) for repository in lock.repositories}
    return expected | ({lock.ocr.model: _of_ocr(lock.ocr)} if lock.ocr else {})


def _of_repository(repository: LockedRepository) -> Expectation:
    files = (
        ExpectedFile(file.path, file.size_bytes, "sha256", file.sha256, file.sha256 if file.lfs else file.git_sha1)
        for file in repository.files
    )
    return Expectation(repository.commit, tuple(files), _SOURCE)


def _of_ocr(ocr: LockedOcr) -> Expectation:
    files = (ExpectedFile(file.path, file.size_bytes, "sha256", file.sha256, file.sha256) for file in ocr.files)
    return Expectation("", tuple(files), _SOURCE)
