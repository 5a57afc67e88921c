"""What is not looked at for want of a word holds nothing to find."""

import random
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath

import pytest

from runbook_lib.audit.auditor import audit
from runbook_lib.audit.registry import RULES
from runbook_lib.audit.report import AuditReport
from runbook_lib.audit.rule import RuleWords
from runbook_lib.audit.sources import read
from runbook_lib.audit.sources.subject import names_the_subject
from tests.unit.audit.test_rules import BAD, GOOD

EXAMPLES: list[Mapping[str, str]] = [
    *(files for rule in RULES.values() for files in (rule.bad, rule.good)),
    *(files for _, files in BAD),
    *GOOD,
]
OF_THE_SUBJECT = [files for files in EXAMPLES if names_the_subject("\n".join(files.values()))]
ALL_WORDS = frozenset(word for rule in RULES.values() for word in rule.words)


def found(report: AuditReport) -> list[tuple[str, str, int, str]]:
    return [(one.path, one.rule_id, one.line, one.message) for one in report.findings]


def altered(text: str, others: list[str], chance: random.Random) -> str:
    """Return a text with lines missing, doubled, in other letters or of another example."""
    lines: list[str] = []
    for line in text.splitlines(keepends=True):
        match chance.randrange(8):
            case 0:
                continue
            case 1:
                lines += [line, line]
            case 2:
                lines.append(line.upper())
            case 3:
                lines += [line, chance.choice(others)]
            case _:
                lines.append(line)
    return "".join(lines)


def corpus() -> Iterator[tuple[str, str]]:
    """Yield every example as it is, and six times altered, each in a folder of its own."""
    chance = random.Random(9)
    by_suffix: dict[str, list[str]] = {}
    for files in EXAMPLES:
        for name, text in files.items():
            by_suffix.setdefault(PurePosixPath(name).suffix, []).append(text)
    for number, files in enumerate(EXAMPLES):
        for name, text in files.items():
            yield f"service{number}/{name}", text
            for again in range(6):
                others = by_suffix[PurePosixPath(name).suffix]
                yield f"service{number}-{again}/{name}", altered(text, others, chance)


def test_a_rule_that_a_file_is_spared_for_its_words_would_have_found_nothing_in_it(
    write_tree: Callable[[Mapping[str, str]], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_tree(dict(corpus()))
    spared = audit(root)
    monkeypatch.setattr(RuleWords, "in_text", lambda _, __: ALL_WORDS)
    assert len(spared.findings) > 400
    assert found(spared) == found(audit(root))


@pytest.mark.parametrize("files", OF_THE_SUBJECT, ids=[str(i) for i in range(len(OF_THE_SUBJECT))])
def test_what_names_the_subject_is_found_among_many_files_too(
    files: Mapping[str, str], write_tree: Callable[[Mapping[str, str]], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_tree(files)
    among_few = audit(root)
    monkeypatch.setattr(read, "_FEW_FILES", 0)
    assert found(audit(root)) == found(among_few)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig", "cp1252"])
def test_it_is_found_among_many_files_in_every_encoding(
    encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "_FEW_FILES", 0)
    text = "# caf\u00e9\r\nfrom huggingface_hub import cached_download\r\n"
    (tmp_path / "fetch.py").write_bytes(text.encode(encoding))
    assert [(one.rule_id, one.line) for one in audit(tmp_path).findings] == [("removed-name", 2)]


def test_what_is_no_text_is_skipped_among_many_files_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "_FEW_FILES", 0)
    (tmp_path / "x.md").write_bytes(b"a\0b\0\0c")
    (tmp_path / "y.md").write_bytes(b"\x81\x8d")
    skipped = {one.path: one.reason for one in audit(tmp_path).files_skipped}
    assert skipped == {"x.md": "binary", "y.md": "neither UTF-8, UTF-16 nor cp1252"}
