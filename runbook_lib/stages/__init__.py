"""The six stages, a file each: `collect_*` looks, `judge_*` and `plan_*` think, `apply_*` acts."""
