"""A fleet: the runbook once on every host, over a Dask cluster that somebody else runs; records back, models along."""
