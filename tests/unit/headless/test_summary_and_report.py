"""The verdict of a run, and its report."""

import base64
import hashlib
import html
import os
import re
import shlex
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from runbook_lib.core.fixed_by import FixedBy
from runbook_lib.headless.report import parts, write_report
from runbook_lib.headless.summary import RunSummary, StageOutcome, outcome_of, summarise, summary_of
from runbook_lib.run.check import Artifact, Change, Check, Status
from runbook_lib.run.folder import Run
from runbook_lib.run.record import RawFacts, StageRecord
from runbook_lib.run.target import Places
from runbook_lib.upkeep.repair.notes import RepairNote

WHEN = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)
HOSTILE = "<img src=x onerror=alert(1)>{{ 7919 * 7927 }}\"'</td>"
VOID = {"meta", "img", "br", "link"}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "run", {"hub": HOSTILE, "offline": False}, {"hub": "parameter", "offline": "default"})


def save(run: Run, stage: str, *checks: Check, **fields: object) -> StageRecord[RawFacts]:
    values = {"stage": stage, "started_at": WHEN, "elapsed_s": 1.5, "facts": RawFacts(), "checks": checks}
    return run.save(StageRecord[RawFacts].model_validate(values | fields))


def check(status: Status, identifier: str = "converted", **fields: str) -> Check:
    return Check(**{"id": identifier, "title": "it converts", "evidence": "seen", **fields}, status=status)


def outcome(stage: str, status: Status = Status.OK, **fields: object) -> StageOutcome:
    return StageOutcome(stage, status, 1.0, "said", **fields)  # type: ignore[arg-type]  # the fields of the class


def test_a_conversion_in_this_run_is_the_proof(run: Run) -> None:
    save(run, "convert", check(Status.OK))
    summary = summarise(run, [outcome("verify"), outcome("convert")])
    assert summary.verdict() == "A document converts on this machine, now, with the network cut off."
    assert summary.advice() == ()


@pytest.mark.parametrize("practice", [True, False])
def test_practice_says_so_first_and_leads_on_to_the_real_hub(tmp_path: Path, practice: bool) -> None:
    run = Run.create(tmp_path / "run", {}, {}, Places(tmp_path, tmp_path, practice))
    save(run, "convert", check(Status.OK))
    summary = summarise(run, [outcome("convert")])
    assert any(line.endswith(": runbook run") for line in summary.next_commands()) is practice
    assert summary.verdict().startswith("Practice. ") is practice
    page = write_report(run, summary).read_text(encoding="utf-8")
    assert ("<h1>Practice: " in page, "<title>practice, " in page) == (practice, practice)
    assert all(line in str(summary) for line in summary.next_commands())


def test_the_record_of_an_earlier_run_proves_nothing(run: Run) -> None:
    save(run, "convert", check(Status.OK))
    summary = summarise(run, [outcome("verify")])
    assert summary.verdict() == "The stages that ran ended well; nothing was converted in this run."


@pytest.mark.parametrize("status", [Status.SKIP, Status.WARN])
def test_a_convert_stage_without_a_conversion_proves_nothing(run: Run, status: Status) -> None:
    save(run, "convert", check(status))
    assert not summarise(run, [outcome("convert", status)]).proved


def test_a_failed_check_is_told_with_evidence_and_remedy(run: Run) -> None:
    failed = check(Status.FAIL, "links", remedy="Move it.", fixed_by=FixedBy.CONFIGURE_ENV)
    summary = summarise(run, [outcome("detect", Status.FAIL, failed_check=failed), outcome("verify", Status.SKIP)])
    assert (summary.status, summary.verdict()) == (Status.FAIL, "Stage detect failed: said.")
    assert summary.advice() == (
        "check: it converts (links)",
        "evidence: seen",
        "what to do: Move it.",
        "fixed by: notebooks/02_configure_env.ipynb",
    )
    assert all(line in str(summary) for line in summary.advice())
    assert str(run.folder) in str(summary)


def test_a_stage_without_record_is_told_by_its_problem(run: Run) -> None:
    problem = "The kernel died: native code crashed, or memory ran out."
    summary = summarise(run, [outcome("convert", Status.FAIL, problem=problem)])
    assert summary.advice()[0] == f"problem: {problem}"
    assert str(run.folder) in summary.advice()[1]


def test_nothing_that_ran_is_no_success(run: Run) -> None:
    assert summarise(run, []).status is Status.SKIP


class Page(HTMLParser):
    """Checks that a page is balanced and collects what it holds."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def report(run: Run) -> str:
    """The report of a run in which everything outside is hostile."""
    picture = run.add_artifact("page-1.png", b"\x89PNG", HOSTILE, HOSTILE)
    notes = run.add_artifact("document.md", b"# T", HOSTILE)
    gone = Artifact(name="gone.png", title="Gone")
    (run.folder / "05_convert.ipynb").write_text("{}", encoding="utf-8")
    failed = check(Status.FAIL, title=HOSTILE, evidence=HOSTILE, remedy=HOSTILE, quirk="quirk-001")
    changes = (Change(what=HOSTILE, before="", after=HOSTILE),)
    save(run, "detect", check(Status.OK))
    save(run, "convert", failed, artifacts=(picture, notes, gone), changes=changes)
    stopped = outcome("convert", Status.FAIL, failed_check=failed)
    return write_report(run, summarise(run, [outcome("detect"), stopped])).read_text(encoding="utf-8")


def test_the_report_is_balanced_and_says_the_verdict_first(report: str) -> None:
    page = Page(report)
    text = "".join(page.text)
    assert text.index("Stage convert failed: said.") < text.index("Stages") < text.index("Settings")


def test_hostile_words_are_shown_and_do_nothing(report: str) -> None:
    page = Page(report)
    assert HOSTILE in "".join(page.text)
    assert page.all("script") == []
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert str(7919 * 7927) not in report
    sources = [str(image["src"]) for image in page.all("img")]
    assert all(source.startswith("data:image/png;base64,iVBORw") for source in sources)


def test_the_report_stands_alone(report: str) -> None:
    page = Page(report)
    assert page.all("link") == []
    assert {str(anchor["href"]) for anchor in page.all("a")} == {"#detect", "#convert"}
    assert {"detect", "convert"} <= {str(heading.get("id")) for heading in page.all("h2")}
    assert "url(" not in report
    assert not any("style" in attributes for _, attributes in page.tags)
    assert {"05_convert.ipynb", "document.md"} <= set("".join(page.text).split())


def test_the_page_allows_nothing_but_its_own_style_and_pictures(report: str) -> None:
    (policy,) = [str(meta["content"]) for meta in Page(report).all("meta") if "http-equiv" in meta]
    style = report.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'")


def test_pictures_are_inside_with_words_and_files_that_are_gone_are_left_out(report: str) -> None:
    page = Page(report)
    timings, image = page.all("img")
    assert timings["alt"] == "Bar chart: detect 1.00 s, convert 1.00 s"
    assert (image["alt"], image["src"]) == (HOSTILE, "data:image/png;base64,iVBORw==")
    assert "Gone" not in "".join(page.text)


def test_what_to_do_stands_before_what_failed_and_that_before_the_stages(run: Run) -> None:
    failed = check(Status.FAIL, remedy="Run runbook repair with --strict; then -p links auto, or HF_HUB_OFFLINE=1.")
    save(run, "detect", failed, check(Status.OK, "other"))
    summary = summarise(run, [outcome("detect", Status.FAIL, failed_check=failed)])
    page = write_report(run, summary).read_text(encoding="utf-8")
    titles = ("What to do", "What failed", "Where", "Stages", 'id="detect"', "Settings")
    places = [page.index(f"<h2>{title}" if title[0].isupper() else title) for title in titles]
    assert places == sorted(places)
    assert "1 check needs no action" in page
    (line,) = re.findall(r'<code class="command">(runbook run <span class="option">-p</span> hub .*)</code>', page)
    text = html.unescape(re.sub(r"<[^>]+>", "", line))
    assert shlex.split(text)[-2:] == ["links", "auto"]
    assert "<code>runbook repair</code>" in page


def test_a_stage_that_raised_has_a_section_with_its_words_and_what_is_known(run: Run) -> None:
    problem = "DiskError: It does not fit.\nwhy: OSError: [Errno 28] No space left on device\nwhat to do: Free space."
    stopped = outcome("download", Status.FAIL, problem=problem)
    text = "".join(Page(write_report(run, summarise(run, [stopped])).read_text(encoding="utf-8")).text)
    section = text[text.index("download: ") :]
    assert "why: OSError: [Errno 28]" in section
    assert "disk-full" in section


def test_a_resumed_run_shows_what_was_kept_and_the_repair_in_between(run: Run) -> None:
    save(run, "detect", check(Status.WARN))
    save(run, "verify", check(Status.OK))
    note = RepairNote(began_at=WHEN + timedelta(1), elapsed_s=2.5, status=Status.OK, said="1 names moved aside")
    (run.folder / "repair-1.json").write_text(note.model_dump_json(), encoding="utf-8")
    summary = summarise(run, [outcome("convert"), outcome("measure_disk")])
    assert [entry.stage for entry in summary.outcomes] == ["detect", "verify", "repair", "convert", "measure_disk"]
    assert [entry.stage for entry in summary.ran] == ["convert", "measure_disk"]
    assert summary.status is Status.OK
    page = write_report(run, summary).read_text(encoding="utf-8")
    for words in ("kept from before", "1 names moved aside"):
        assert words in str(summary)
        assert words in page
    assert 'id="verify"' in page


def test_a_repair_before_what_is_kept_is_none_of_this_run(run: Run) -> None:
    save(run, "detect", check(Status.OK))
    note = RepairNote(began_at=WHEN - timedelta(1), elapsed_s=2.5, status=Status.OK, said="1 names moved aside")
    (run.folder / "repair-1.json").write_text(note.model_dump_json(), encoding="utf-8")
    assert [entry.stage for entry in summarise(run, [outcome("configure_env")]).outcomes] == ["detect", "configure_env"]


def test_pictures_beyond_the_limit_are_named_and_the_page_fits_into_a_mail(run: Run) -> None:
    pictures = tuple(run.add_artifact(f"page-{n}.png", os.urandom(200_000), f"Page {n}", "a page") for n in (1, 2))
    save(run, "convert", check(Status.OK), artifacts=pictures)
    path = write_report(run, summarise(run, [outcome("convert")]))
    page = Page(path.read_text(encoding="utf-8"))
    assert [image["alt"] for image in page.all("img")] == ["a page"]
    assert "page-2.png" in "".join(page.text)
    assert path.stat().st_size < 500_000


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("Use a mirror with -p hub URL, or -p offline true.", ["-p hub URL", "-p offline true"]),
        ("Run runbook repair: it moves the file aside.", ["runbook repair"]),
        ("runbook doctor --fix does it; see the runbook.", ["runbook doctor --fix"]),
        ("Set HF_HUB_OFFLINE=1, unset HTTP_PROXY.", ["HF_HUB_OFFLINE=1", "HTTP_PROXY"]),
        ("Nothing to type here - or so.", []),
    ],
)
def test_what_is_typed_is_told_from_what_is_read(text: str, typed: list[str]) -> None:
    found = list(parts(text))
    assert "".join(part.text for part in found) == text
    assert [part.text for part in found if part.is_code] == typed


def test_the_same_run_gives_the_same_report(run: Run) -> None:
    save(run, "detect", check(Status.OK))
    summary = RunSummary(run.folder, (outcome("detect"),), proved=False)
    assert write_report(run, summary).read_bytes() == write_report(run, summary).read_bytes()


def test_a_run_without_stages_has_a_report_without_timings(run: Run) -> None:
    assert Page(write_report(run, summarise(run, [])).read_text(encoding="utf-8")).all("img") == []


def test_a_run_without_records_has_a_report(run: Run) -> None:
    summary = summarise(run, [outcome("detect", Status.FAIL, problem="The kernel died.")])
    assert "The kernel died." in "".join(Page(write_report(run, summary).read_text(encoding="utf-8")).text)


def test_a_warning_is_said_in_words_where_the_verdict_stands(run: Run) -> None:
    record = save(
        run,
        "measure_disk",
        check(
            Status.WARN, "once", title="every content stands once", evidence="54.6 MB twice.", remedy="runbook dedupe."
        ),
        check(Status.OK),
    )
    outcome = outcome_of(record, 61.0)
    assert outcome.said == "2 checks; warning, does not hold: every content stands once"
    summary = summarise(run, [outcome])
    assert summary.verdict().endswith("There is 1 warning.")
    assert summary.warnings() == ("measure_disk: every content stands once: no, 54.6 MB twice. runbook dedupe.",)
    shown = "\n".join(str(summary).split())
    assert "\n".join(summary.warnings()[0].split()) in shown
    assert "took 1 min 01 s" in str(summary)


def test_stages_kept_from_before_are_shown_and_count_for_nothing_else(run: Run) -> None:
    save(run, "detect", check(Status.WARN, "once"))
    save(run, "configure_env", check(Status.FAIL, "other"))
    summary = summarise(run, [outcome("verify")])
    assert [(shown.stage, shown.kept) for shown in summary.outcomes] == [
        ("detect", True),
        ("configure_env", True),
        ("verify", False),
    ]
    assert summary.outcomes[0].said.startswith("kept from before; ")
    assert (summary.status, summary.exit_code, summary.elapsed_s) == (Status.OK, 0, 1.0)


def test_what_was_skipped_took_no_time(run: Run) -> None:
    assert (outcome("verify").took, StageOutcome("convert", Status.SKIP, 0.0, "skipped").took) == ("1.00 s", "")


def test_the_stages_need_not_be_seen_twice(run: Run) -> None:
    summary = summarise(run, [outcome("detect")])
    assert [section.title for section in summary.ending()] == [section.title for section in summary.sections()][1:]


def test_a_folder_alone_tells_what_failed_and_what_was_not_reached(run: Run) -> None:
    save(run, "detect", check(Status.OK))
    run.update(stages=("detect", "configure_env", "download"), problem="DeadKernelError: gone")
    summary = summary_of(run)
    assert [(shown.stage, shown.status) for shown in summary.outcomes] == [
        ("detect", Status.OK),
        ("configure_env", Status.FAIL),
        ("download", Status.SKIP),
    ]
    assert summary.failed is not None
    assert summary.failed.problem == "DeadKernelError: gone"
