"""Which files are read, and the texts in them."""

from runbook_lib.audit.sources.kinds import Kind
from runbook_lib.audit.sources.read import read_sources
from runbook_lib.audit.sources.source import Origin, Source

__all__ = ["Kind", "Origin", "Source", "read_sources"]
