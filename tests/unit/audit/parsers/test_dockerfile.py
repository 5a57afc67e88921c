"""Instructions and stages of a Dockerfile."""

from runbook_lib.audit.parsers.dockerfile import split_instructions, split_stages


def texts(text: str) -> list[tuple[str, str, tuple[int, int]]]:
    return [(one.keyword, one.arguments, one.command.scope) for one in split_instructions(text)]


def test_continuations_comments_and_blank_lines_within_an_instruction() -> None:
    text = "# head\nFROM a\n\nRUN one \\\n  # why\n\n  two \\ \n  three\nUSER app"
    assert texts(text) == [
        ("FROM", "a", (2, 2)),
        ("RUN", "one    two    three", (4, 8)),
        ("USER", "app", (9, 9)),
    ]


def test_the_escape_directive_of_windows_images() -> None:
    text = "# escape=`\nFROM a\nCOPY x `\n  C:\\models\\\nRUN y\n"
    assert texts(text) == [("FROM", "a", (2, 2)), ("COPY", "x    C:\\models\\", (3, 4)), ("RUN", "y", (5, 5))]


def test_here_documents_belong_to_their_instruction() -> None:
    text = "FROM a\nRUN <<EOF\nUSER root\nCMD x\nEOF\nCOPY <<-'A' <<\"B\" /\na\nA\nb\nB\nUSER app\n"
    assert [(keyword, scope) for keyword, _, scope in texts(text)] == [
        ("FROM", (1, 1)),
        ("RUN", (2, 4)),
        ("COPY", (6, 9)),
        ("USER", (11, 11)),
    ]


def test_a_here_document_that_never_ends_takes_nothing_with_it() -> None:
    assert [keyword for keyword, _, _ in texts("RUN <<EOF\nUSER root\n")] == ["RUN", "USER"]


def test_an_arrow_that_is_no_here_document() -> None:
    assert texts("ENV A=1<<2\nUSER app\n")[1][0] == "USER"


def test_characters_of_a_joined_instruction_lead_back_to_their_line() -> None:
    [run] = split_instructions("RUN one && \\\n  two\n")
    assert run.command.locate(run.command.text.index("one")) == (1, 5)
    assert run.command.locate(run.command.text.index("two")) == (2, 3)


def test_stages_have_a_base_a_name_and_their_instructions() -> None:
    text = "ARG V\nFROM --platform=linux/amd64 Python:3 AS Build\nRUN a\nfrom build\nONBUILD RUN b\n"
    stages = split_stages(tuple(split_instructions(text)))
    assert [(one.base, one.name, [i.keyword for i in one.instructions]) for one in stages] == [
        ("python:3", "build", ["FROM", "RUN"]),
        ("build", "", ["FROM", "RUN"]),
    ]
    assert split_stages(()) == ()
