"""What fixes a check or a quirk, spelled in one way: JSON and the catalogue hold the id, people are told or linked."""

from enum import StrEnum


class FixedBy(StrEnum):
    """A notebook, by its name without suffix, or a command of this program."""

    NOTHING = ""
    """What a person has to do, the remedy says."""
    DETECT = "01_detect"
    CONFIGURE_ENV = "02_configure_env"
    DOWNLOAD = "03_download"
    VERIFY = "04_verify"
    CONVERT = "05_convert"
    MEASURE_DISK = "06_measure_disk"
    AUDIT = "audit"
    DEDUPE = "dedupe"
    DOCTOR_FIX = "doctor-fix"
    LOCK = "lock"
    REPAIR = "repair"

    @property
    def notebook(self) -> str:
        """The file name of the notebook; empty for a command."""
        return f"{self.value}.ipynb" if self.value[:1].isdigit() else ""

    @property
    def words(self) -> str:
        """How a person in a shell is told: a path in the repository, or a command; empty for nothing."""
        if self.notebook:
            return f"notebooks/{self.notebook}"
        return f"runbook {self.value.replace('-', ' --')}" if self.value else ""
