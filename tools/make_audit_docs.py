"""Writes docs/audit.md from the rules: `python tools/make_audit_docs.py [--check]`."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from runbook_lib.audit.registry import RULES  # noqa: E402
from runbook_lib.audit.rule import Rule  # noqa: E402 - the package need not be installed
from runbook_lib.core.masking import mask_secrets  # noqa: E402

TARGET = ROOT / "docs" / "audit.md"
_HEAD = """# What `runbook audit` looks for

<!-- Written by tools/make_audit_docs.py from runbook_lib/audit/rules; change it there. -->

`runbook audit PATH` reads the repository of a service and runs nothing of it: Dockerfiles, compose files, CI workflows
and other YAML, shell, PowerShell and batch scripts, Python and the code cells of notebooks, requirements, pyproject and
lock files, `.env` files, and the code blocks of Markdown. It names file, line and remedy. Folders of other people's
code (`node_modules`, virtual environments, `.git`), links, binary and very large files are left out, and the report
says so. The report is also to be had as JSON and as SARIF.

An error ends in exit code 1; warnings and notes do not.

A comment on the line, or on the line above, suppresses a rule there; in the comment syntax of the file:

```text
chmod 777 /models  # runbook: ignore[world-writable]
```

A suppression that suppressions nothing is reported as well.
"""


def render() -> str:
    """Return the whole page."""
    return "\n".join([_HEAD, *_table(), *(line for rule in RULES.values() for line in _section(rule))]) + "\n"


def _table() -> Iterator[str]:
    yield "| rule | severity | what | quirk |"
    yield "|---|---|---|---|"
    for rule in RULES.values():
        quirk = f"`{rule.quirk}`" if rule.quirk else "-"
        yield f"| [`{rule.id}`](#{rule.id}) | {rule.severity.value} | {rule.title} | {quirk} |"


def _section(rule: Rule) -> Iterator[str]:
    yield from ("", f"## {rule.id}", "", f"{rule.title}. {rule.reason}", "", f"**Remedy.** {rule.remedy}")
    yield from _example("Found", rule.bad)
    yield from _example("Not found", rule.good)


def _example(title: str, files: Mapping[str, str]) -> Iterator[str]:
    for name, text in files.items():
        # Not marked as code of a language: the audit of this very repository would find the bad ones.
        yield from ("", f"{title}, `{name}`:", "", "```text", mask_secrets(text).rstrip("\n"), "```")


def main(arguments: list[str]) -> int:
    """Write the page; with `--check` only say by the exit code whether it is current."""
    page = render()
    if "--check" in arguments:
        return 0 if TARGET.is_file() and TARGET.read_text(encoding="utf-8") == page else 1
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(page, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
