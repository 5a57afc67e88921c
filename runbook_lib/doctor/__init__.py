"""The doctor: stage detect without notebooks, the remedies it may apply itself, and the prevention checklist."""

from runbook_lib.doctor.catalogue import KNOWN, KnownCheck, list_checks
from runbook_lib.doctor.examine import examine
from runbook_lib.doctor.mend import mend
from runbook_lib.doctor.prevention import checklist, checklist_table
from runbook_lib.doctor.report import DoctorReport

__all__ = ["KNOWN", "DoctorReport", "KnownCheck", "checklist", "checklist_table", "examine", "list_checks", "mend"]
