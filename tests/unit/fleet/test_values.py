"""The inventory, and the records on their way in pieces."""

import json
from pathlib import Path

import pytest

from runbook_lib.errors import FleetError, SettingsError, UsageError
from runbook_lib.fleet.campaign import Standing
from runbook_lib.fleet.inventory import Host, read_inventory
from runbook_lib.fleet.kept import Kept, open_kept
from runbook_lib.fleet.messages import MAX_PACK_BYTES, PIECE_BYTES, Ended, packed, unpacked

WHOLE = """
[defaults]
home = "/srv/runbook"
parameters = { hub = "https://hub.example.org", offline = true }
[hosts.alpha]
[hosts."beta.example.org"]
home = "/opt"
parameters = { offline = false }
"""


def inventory(folder: Path, text: str) -> Path:
    path = folder / "hosts.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_host_is_told_the_defaults_and_what_is_its_own(tmp_path: Path) -> None:
    alpha, beta = read_inventory(inventory(tmp_path, WHOLE))
    assert (alpha.name, alpha.home, alpha.parameters) == (
        "alpha",
        "/srv/runbook",
        {"hub": "https://hub.example.org", "offline": True},
    )
    assert (beta.name, beta.home, beta.parameters["offline"]) == ("beta.example.org", "/opt", False)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hosts = 1",
        "[hosts]",
        "[hosts.a]\nhom = 'x'",
        "[hosts.'../a']",
        "[hosts.a",
        "[hosts.a]\nparameters={run_dir='x'}",
    ],
)
def test_an_inventory_that_is_none_is_wrong_usage(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError):
        read_inventory(inventory(tmp_path, text))


def test_a_parameter_that_no_host_could_use_is_refused_before_any_is_asked(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="hubb"):
        read_inventory(inventory(tmp_path, "[hosts.a]\nparameters={hubb='x'}"))


def ended(pieces: list[str], sha256: str) -> Ended:
    return Ended(status="ok", why="run", reason="said", pieces=len(pieces), sha256=sha256)


def test_records_come_back_in_pieces_whatever_their_order(tmp_path: Path) -> None:
    documents = {"run.json": "".join(map(str, range(50_000)))}
    pieces, sha256 = packed(documents)
    assert len(pieces) > 1
    assert max(map(len, pieces)) <= 2 * PIECE_BYTES
    there = dict(reversed(list(enumerate(pieces))))
    assert unpacked(there, ended(pieces, sha256)) == documents
    with pytest.raises(FleetError, match="Piece 2 of"):
        unpacked({number: piece for number, piece in there.items() if number != 1}, ended(pieces, sha256))
    with pytest.raises(FleetError, match="not those that were sent"):
        unpacked({**there, 0: pieces[1], 1: pieces[0]}, ended(pieces, sha256))


def test_what_unpacks_to_more_than_any_record_is_refused() -> None:
    pieces, sha256 = packed({"run.json": "0" * (MAX_PACK_BYTES + 1)})
    with pytest.raises(FleetError, match="larger than any run's"):
        unpacked(dict(enumerate(pieces)), ended(pieces, sha256))


@pytest.mark.parametrize("name", ["../../evil.json", "report.html", "run.json"])
def test_what_is_no_record_is_not_written(tmp_path: Path, name: str) -> None:
    kept = open_kept(tmp_path / "records", again=False)
    pieces, sha256 = packed({name: "{}"})
    standing = Standing(Host(name="a", home="", parameters={}), pieces=dict(enumerate(pieces)))
    assert "It sent a" in kept.write(standing, ended(pieces, sha256))
    assert [path.name for path in tmp_path.rglob("*")] == ["records", "campaign.json"]


def test_a_rerun_in_the_same_folder_is_the_same_campaign_unless_it_is_wanted_anew(tmp_path: Path) -> None:
    kept = open_kept(tmp_path, again=False)
    standing = Standing(Host(name="a", home="", parameters={}))
    assert kept.write(standing, Ended(status="warn", why="run", reason="said")) == ""
    assert open_kept(tmp_path, again=False) == kept
    assert kept.well("a")
    kept.settle(standing, Ended(status="fail", why="disk", reason="full"))
    assert kept.well("a") is None
    assert json.loads((tmp_path / "a" / "host.json").read_text(encoding="utf-8"))["why"] == "disk"
    again = open_kept(tmp_path, again=True)
    assert isinstance(again, Kept)
    assert again.id != kept.id
