"""The six stages: `collect_*` looks, `judge_*` and `plan_*` think, `apply_*` acts."""
