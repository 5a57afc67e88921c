"""Who gives and who gets a piece is decided without a cluster: what each host has in, a reader out."""

from collections.abc import Mapping

from runbook_lib.fleet.cluster import Sent
from runbook_lib.fleet.inventory import Host
from runbook_lib.fleet.jobs import Job
from runbook_lib.fleet.pieces import PIECE_BYTES, Blob
from runbook_lib.fleet.swarm import AT_ONCE, Peer, Swarm
from tests.unit.fleet.test_share import Future

BLOB = Blob(sha256="a" * 64, size_bytes=3 * PIECE_BYTES, name="org/name: model", where="org/name/x")
SMALL = Blob(sha256="b" * 64, size_bytes=0, name="org/name: empty", where="org/name/y")
ALL = BLOB.all_pieces


def swarm_of(bits: Mapping[str, int | None]) -> Swarm:
    """Return hosts that told which pieces they have; None: nothing yet."""
    made = Swarm([Host(name=name, home="", parameters={}) for name in bits], (BLOB, SMALL))
    for peer in made:
        has = bits[peer.host.name]
        if has is not None:
            peer.looked, peer.bits = True, {BLOB.sha256: has, SMALL.sha256: 0}
    return made


def the(made: Swarm, name: str) -> Peer:
    peer = made.get(name)
    assert peer is not None
    return peer


def read_by(made: Swarm, number: int = 0, *, may_ask_hub: bool = True) -> str:
    reader = made.reader(BLOB, number, may_ask_hub=may_ask_hub)
    return reader.host.name if reader else ""


def test_a_piece_is_read_where_it_stands_and_comes_from_the_hub_only_when_nobody_has_it() -> None:
    made = swarm_of({"a": 0b001, "b": 0b000})
    assert read_by(made, 0, may_ask_hub=False) == "a"
    assert read_by(made, 1, may_ask_hub=False) == ""
    assert read_by(made, 1) in ("a", "b")
    assert [peer.host.name for peer in made.wanting(BLOB, 0)] == ["b"]


def test_a_host_whose_models_are_in_place_goes_on_giving() -> None:
    made = swarm_of({"a": ALL, "b": 0})
    the(made, "a").end("ok", "run", "All models are in place.")
    assert [peer.host.name for peer in made.taking_part] == ["b"]
    assert {read_by(made, number, may_ask_hub=False) for number in range(3)} == {"a"}
    assert not made.have_ended


def test_a_host_that_left_or_told_of_a_problem_gives_nothing_however_it_ended() -> None:
    made = swarm_of({"left": ALL, "broken": ALL, "b": 0})
    for name in ("left", "broken"):
        the(made, name).end("ok", "run", "All models are in place.")
    the(made, "left").is_gone = True
    the(made, "broken").is_broken = True
    assert read_by(made, 0, may_ask_hub=False) == ""
    assert read_by(made, 0) == "b"
    assert the(made, "left").status == "ok"


def test_a_host_that_has_not_told_gives_and_wants_nothing() -> None:
    made = swarm_of({"a": None, "b": 0})
    the(made, "a").note(BLOB.sha256, 0)
    assert made.having(BLOB, 0) == []
    assert [peer.host.name for peer in made.wanting(BLOB, 0)] == ["b"]
    assert not made.is_whole(the(made, "a"))


def test_the_host_that_reads_least_is_asked_and_none_reads_more_than_a_few_at_a_time() -> None:
    made = swarm_of({"a": ALL, "b": ALL, "c": 0})
    the(made, "a").reading = 1
    assert read_by(made) == "b"
    the(made, "b").reading = AT_ONCE
    assert read_by(made) == "a"
    the(made, "a").reading = AT_ONCE
    assert read_by(made) == ""  # c does not ask the Hub for what others have


def test_a_host_that_cannot_ask_the_hub_is_not_asked_to() -> None:
    made = swarm_of({"a": 0, "b": 0})
    the(made, "a").hub_fails = "HTTP 403"
    assert read_by(made) == "b"
    made.end_without_source()
    assert not the(made, "a").why


def test_when_nobody_can_ask_the_hub_those_end_whose_pieces_nobody_has() -> None:
    made = swarm_of({"placed": 0b011, "a": 0b001, "b": 0b100})
    the(made, "placed").end("ok", "run", "All models are in place.")
    for name in ("a", "b"):
        the(made, name).hub_fails = f"HTTP 403 at {name}"
    made.end_without_source()
    assert not made.have_ended, "each has what the other lacks"
    the(made, "b").is_gone = True
    made.end_without_source()
    assert (the(made, "a").why, the(made, "a").reason) == ("hub", "HTTP 403 at a")
    assert the(made, "b").takes_part


def test_a_host_is_whole_with_all_pieces_and_empty_contents_have_none() -> None:
    made = swarm_of({"a": ALL & ~1})
    assert not made.is_whole(the(made, "a"))
    the(made, "a").note(BLOB.sha256, 0)
    assert made.is_whole(the(made, "a"))


def test_a_row_says_how_much_is_there_and_the_first_end_is_the_one_that_counts() -> None:
    made = swarm_of({"a": 0b001, "b": None})
    the(made, "a").end("fail", "died", "It left.")
    the(made, "a").end("ok", "run", "All models are in place.")
    told, silent = made.rows(took_s=2.0)
    assert (told.status, told.stage, told.why, told.reason) == ("fail", "33 %", "died", "It left.")
    assert (silent.status, silent.stage, silent.is_over) == ("waiting", "", False)


def test_a_piece_from_the_hub_counts_when_its_reader_told_of_it_whatever_else_the_hub_refused() -> None:
    made = swarm_of({"a": 0, "b": 0})
    owner, other = the(made, "a"), the(made, "b")
    owner.hub_fails = "HTTP 403 for another file"
    done = Sent(Future(b""))
    job = Job(BLOB, 1, owner, from_hub=True, read=done, writes=((other, done),))
    job.note()
    assert not other.has(BLOB, 1), "what was written may be nothing"
    owner.note(BLOB.sha256, 1)
    job.note()
    assert other.has(BLOB, 1)
