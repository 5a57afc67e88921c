"""What can be foreseen before it fails: the registry of probes, and what the failures of workers mean."""
