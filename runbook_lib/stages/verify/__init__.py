"""Stage 4, verify: every file of every snapshot and of the artifacts folder against its hash; offline, on all cores."""
