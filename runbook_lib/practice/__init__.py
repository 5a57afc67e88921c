"""The built-in hub: a Hub of one's own, with models that load and a document to convert."""

from runbook_lib.practice.catalogue import practice_repositories
from runbook_lib.practice.counters import HubCounters, PathCounters
from runbook_lib.practice.faults import FAULT_KINDS, Fault, FaultKind
from runbook_lib.practice.repository import Head, Repository, RepositoryFile, linear_history
from runbook_lib.practice.sample import SAMPLE_PAGE_COUNT, SAMPLE_SENTENCES, sample_document
from runbook_lib.practice.server import PracticeHub, running_hub

__all__ = [
    "FAULT_KINDS",
    "SAMPLE_PAGE_COUNT",
    "SAMPLE_SENTENCES",
    "Fault",
    "FaultKind",
    "Head",
    "HubCounters",
    "PathCounters",
    "PracticeHub",
    "Repository",
    "RepositoryFile",
    "linear_history",
    "practice_repositories",
    "running_hub",
    "sample_document",
]
