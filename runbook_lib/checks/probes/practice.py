"""Practice models in folders of real ones, found by their content."""

from runbook_lib.cache.practice_models import practice_models
from runbook_lib.checks.context import ProbeContext
from runbook_lib.checks.practice import CHECK_ID, REMEDY, TITLE, practice_evidence
from runbook_lib.checks.probe import Probe
from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.run.check import Verdict, fail, ok, skip


def _practice(context: ProbeContext) -> Verdict:
    if context.practice:
        return skip("practice: random weights are what is wanted here")
    found = practice_models(context.cache_dir, context.artifacts_dir)
    if not found:
        return ok("no file in the cache or the artifacts folder says that it is one")
    return fail(practice_evidence(found), REMEDY, fixed_by=FixedBy.DOCTOR_FIX)


PROBES = (Probe(CHECK_ID, TITLE, "", _practice, limit_s=8.0),)
