"""Real caches for the tests of stage verify."""

from tests.unit.stages.verify.real_caches import install, practice_hub, pristine

__all__ = ["install", "practice_hub", "pristine"]
