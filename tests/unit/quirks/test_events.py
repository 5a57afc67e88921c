"""Chains of tracebacks, as the interpreter, containers, IPython and rich print them."""

import pytest

from runbook_lib.quirks.events import event_at, exception_line

PLAIN = """\
before
Traceback (most recent call last):
  File "a.py", line 1, in f
    g()
    ^^^
httpx.ConnectError: inner

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "b.py", line 2, in g
    h()
LocalEntryNotFoundError: middle
more of the message

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "c.py", line 3, in <module>
RuntimeError: outer
2026-03-02 08:14:55 INFO after
"""

IPYTHON = """\
---------------------------------------------------------------------------
ConnectError                              Traceback (most recent call last)
File ~/site-packages/httpx/_transports/default.py:101, in map_httpcore_exceptions()
    100 try:
--> 101     yield
    102 except Exception as exc:

ConnectError: inner

The above exception was the direct cause of the following exception:

LocalEntryNotFoundError                   Traceback (most recent call last)
Cell In[1], line 3
      1 from docling.document_converter import DocumentConverter
----> 3 DocumentConverter().convert("x.pdf")

LocalEntryNotFoundError: middle
"""

RICH = """\
\u256d\u2500\u2500\u2500 Traceback (most recent call last) \u2500\u2500\u2500\u256e
\u2502 /srv/app/a.py:1 in f                    \u2502
\u2502 \u2771 1 g()                                   \u2502
\u2570\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u256f
ConnectError: inner

The above exception was the direct cause of the following exception:

\u256d\u2500\u2500\u2500 Traceback (most recent call last) \u2500\u2500\u2500\u256e
\u2502 /srv/app/b.py:2 in g                    \u2502
\u2570\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u256f
LocalEntryNotFoundError: middle
"""


def prefixed(text: str) -> str:
    return "".join(f"2026-03-02T08:14:55.{number:03d}Z {line}\n" for number, line in enumerate(text.splitlines()))


@pytest.mark.parametrize("text", [PLAIN, prefixed(PLAIN), IPYTHON, RICH], ids=["plain", "ci", "ipython", "rich"])
def test_the_first_traceback_of_a_chain_is_the_innermost(text: str) -> None:
    inner, middle = text.index("ConnectError: inner"), text.index("LocalEntryNotFoundError: middle")
    event = event_at(text, middle)
    assert event == event_at(text, inner)
    assert (event.depth(inner), event.depth(middle)) == (0, 1)
    assert exception_line(text, event).endswith("ConnectError: inner")


def test_a_chain_ends_where_the_log_goes_on() -> None:
    event = event_at(PLAIN, PLAIN.index("RuntimeError: outer"))
    assert event.depth(PLAIN.index("RuntimeError: outer")) == 2
    assert PLAIN[: event.start] == "before\n"
    assert PLAIN[event.stop :] == "\n2026-03-02 08:14:55 INFO after\n"


def test_a_line_after_a_traceback_is_an_event_of_its_own() -> None:
    assert event_at(PLAIN, PLAIN.index("after")).tracebacks == ()


def test_two_tracebacks_without_a_link_are_two_events() -> None:
    text = PLAIN + PLAIN
    second = text.rindex("RuntimeError: outer")
    assert event_at(text, second).start > len(PLAIN)


def test_a_line_outside_of_a_traceback_has_ten_lines_of_company_on_each_side() -> None:
    text = "".join(f"line {number}\n" for number in range(100))
    event = event_at(text, text.index("line 50"))
    assert text[event.start : event.stop].splitlines()[0] == "line 40"
    assert text[event.start : event.stop].splitlines()[-1] == "line 60"


def test_a_traceback_that_is_cut_off_names_no_exception() -> None:
    text = 'Traceback (most recent call last):\n  File "a.py", line 1, in f\n'
    assert exception_line(text, event_at(text, 0)) == ""
