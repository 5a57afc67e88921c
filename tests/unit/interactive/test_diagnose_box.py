from collections.abc import Callable
from typing import Any

from runbook_lib.interactive.diagnose_box import DiagnoseBox

MESSAGE = "OSError: [WinError 1314] A required privilege is not held by the client: 'a' -> 'b'"


def test_a_pasted_message_is_diagnosed(hands: Callable[[Any], Any]) -> None:
    box = DiagnoseBox()
    person = hands(box)
    person.controls("Textarea")[0].value = MESSAGE
    person.press("Diagnose")
    person.await_words("recognised: quirk-001")
    assert box.diagnosis.findings[0].quirk.id == "quirk-001"
    person.press("Clear")
    assert person.controls("Textarea")[0].value == ""
    assert "quirk-001" not in person.words()


def test_what_is_pasted_is_escaped(hands: Callable[[Any], Any]) -> None:
    person = hands(DiagnoseBox(error=f"{MESSAGE} <img src=x onerror=alert(1)>"))
    assert "quirk-001" in person.words()
    assert "<img" not in person.html()
