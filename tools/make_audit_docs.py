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

A suppression that suppresses nothing is reported as well.
"""


_TRIED = (
    # repository, newest commit in the copy, files read, findings
    ("docling-project/docling", "2026-08-21", 1159, "2 old-repository-name"),
    ("docling-project/docling-serve", "2026-08-20", 117, "1 exec-then-more, in its documentation"),
    ("docling-project/docling-jobkit", "2026-07-24", 172, ""),
    ("docling-project/docling-mcp", "2026-07-31", 117, ""),
    ("deepset-ai/haystack", "2026-08-21", 4345, ""),
    ("infiniflow/ragflow", "2026-08-22", 1756, "5 open-revision, 2 container-root, 1 symlink-race-version"),
    ("kserve/kserve", "2026-08-21", 2040, ""),
    ("h2oai/h2ogpt", "2025-03-17", 249, "6 unpinned-remote-code, 3 open-revision, 2 others"),
    ("zylon-ai/private-gpt", "2026-08-21", 902, "1 world-writable"),
    ("Unstructured-IO/unstructured", "2026-08-21", 852, ""),
    ("QuivrHQ/quivr", "2025-06-19", 186, ""),
    ("instructlab/instructlab", "2025-07-03", 295, "2 unpinned-remote-code, 1 no-prefetch-layer"),
    ("opendatalab/MinerU", "2026-07-10", 318, ""),
    ("oobabooga/text-generation-webui", "2026-05-03", 207, "1 ignored-argument, 1 symlink-race-version"),
    ("cuga-project/cuga-agent", "2025-10-03", 362, ""),
    ("IBM/data-prep-kit", "2024-10-23", 1678, "3 world-writable"),
    ("PromtEngineer/localGPT", "2026-08-20", 167, "3 open-version, 2 no-prefetch-layer"),
    ("danny-avila/rag_api", "2026-07-31", 63, ""),
    ("gpustack/gpustack", "2026-08-21", 864, ""),
    ("hiyouga/LlamaFactory", "2026-08-18", 549, "2 old-command"),
    ("huggingface/text-generation-inference", "2026-01-08", 721, "4 swallowed-download-error"),
    ("invoke-ai/InvokeAI", "2026-08-19", 1770, "4 open-revision"),
    ("openshift/lightspeed-service", "2026-08-22", 560, "1 unread-variable"),
    ("xorbitsai/inference", "2026-08-23", 1031, "3 own-symlink"),
    ("Bibyutatsu/HF-docling-serve", "2026-02-21", 3, ""),
    ("drmingler/docling-api", "2026-07-26", 25, ""),
    ("ecommbalaji/docling-serve-chatbot", "2026-02-26", 4, "4 models-not-loaded-at-boot, in its documentation"),
    ("lfnovo/content-core", "2026-07-22", 103, ""),
    ("Ran-Mewo/Docling-k8s", "2025-07-03", 8, ""),
    ("rportela/py-docling-function", "2025-04-10", 12, "1 prefetch-unused, 1 no-preload, 1 open-version"),
    ("X-tructure/helm-charts", "2026-02-15", 78, ""),
    ("xiaoyao9184/docker-wam", "2026-03-17", 34, "2 open-revision"),
)


def render() -> str:
    """Return the whole page."""
    return (
        "\n".join(
            [_HEAD + "\n".join(_tried()), *_table(), *(line for rule in RULES.values() for line in _section(rule))]
        )
        + "\n"
    )


def _tried() -> Iterator[str]:
    yield from ("", "## What it finds in public repositories", "")
    yield "| repository | newest commit | files read | findings |"
    yield "|---|---|---|---|"
    for name, commit, files, findings in _TRIED:
        yield f"| {name} | {commit} | {files} | {findings or '-'} |"
    yield from ("", "## The rules", "")


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
