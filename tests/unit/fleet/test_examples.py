"""The examples for fleets are what they say: PowerShell that 5.1 reads, words that the runbook knows.

With their own tools they are linted and run by make test-examples.
"""

import re
from pathlib import Path

import click
import pytest
import tree_sitter
import tree_sitter_powershell
import yaml

from runbook_lib.cli import runbook
from runbook_lib.desired.state import State
from runbook_lib.run.settings import Settings

EXAMPLES = Path(__file__).parents[3] / "examples" / "fleet"
SCRIPTS = sorted((EXAMPLES / "windows").glob("*.ps1"))
NEWER_THAN_5_1 = {"??", "??=", "?.", "&&", "||"}
"""Operators of PowerShell 7; its ternary shows as an error or as `ternary` in the tree, as the grammar has it."""


def tree(script: Path) -> tree_sitter.Node:
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
    return parser.parse(script.read_bytes()).root_node


def nodes(node: tree_sitter.Node) -> list[tree_sitter.Node]:
    return [node, *(below for child in node.children for below in nodes(child))]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_is_powershell_without_words_that_5_1_lacks(script: Path) -> None:
    found = nodes(tree(script))
    assert not [node for node in found if node.is_error or node.is_missing]
    assert not [node.type for node in found if node.type in NEWER_THAN_5_1 or "ternary" in node.type]
    assert script.read_bytes().isascii(), "5.1 reads a script without a byte order mark in the machine's own code page"


def test_the_parser_finds_what_5_1_could_not_read(tmp_path: Path) -> None:
    for text in ("$a = (", "if ($true) { 'x'"):
        (tmp_path / "wrong.ps1").write_text(text, encoding="utf-8")
        assert tree(tmp_path / "wrong.ps1").has_error


def test_detection_takes_every_state_for_an_answer_and_nothing_else() -> None:
    codes = sorted(int(state.exit_code) for state in State)
    detect = (EXAMPLES / "windows" / "Detect-DoclingModels.ps1").read_text(encoding="utf-8")
    assert re.findall(r"-notin ([\d, ]+)\)", detect) == [", ".join(map(str, codes))]
    tasks = yaml.safe_load((EXAMPLES / "ansible/roles/docling_models/tasks/main.yml").read_text(encoding="utf-8"))
    asked = next(task for task in tasks if task["name"] == "Ask for the state")
    assert asked["failed_when"].endswith(f"not in {codes}")


@pytest.mark.parametrize("name", ["state", "converge"])
def test_the_options_in_the_examples_are_those_of_the_commands(name: str) -> None:
    texts = (
        path.read_text(encoding="utf-8") for path in EXAMPLES.rglob("*") if path.suffix in (".yml", ".yaml", ".ps1")
    )
    lines = [line for text in texts for line in text.splitlines() if re.search(rf"\b{name}\b", line)]
    used = {option for line in lines for option in re.findall(r"(?<![\w-])--[a-z-]+", line)}
    found = runbook.get_command(click.Context(runbook), name)
    assert used
    assert found is not None
    assert used <= {option for parameter in found.params for option in parameter.opts}


def test_the_daemonset_gives_settings_that_exist_and_asks_for_the_state() -> None:
    daemonset = yaml.safe_load((EXAMPLES / "kubernetes" / "docling-models.yaml").read_text(encoding="utf-8"))
    pod = daemonset["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    given = [one["name"] for one in container["env"] if one["name"].startswith("RUNBOOK_")]
    assert given
    assert {name.removeprefix("RUNBOOK_").lower() for name in given} <= set(Settings.model_fields)
    assert container["readinessProbe"]["exec"]["command"][:2] == ["runbook", "state"]
    assert daemonset["spec"]["selector"]["matchLabels"] == daemonset["spec"]["template"]["metadata"]["labels"]
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}
