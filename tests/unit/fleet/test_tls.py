"""Every mistake with certificates is named before Dask would time out on it; the servers are real, and speak first."""

import os
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from runbook_lib.errors import FleetError, SchedulerUnavailable, UsageError
from runbook_lib.fleet.certificates import CA, CLIENT, ROLES, SCHEDULER, WORKER, certificate_path, issue, key_path, load
from runbook_lib.fleet.tls import Address, TlsFiles, address_of, require_scheduler
from tests.unit.loopback_server import listening

pytest.importorskip("cryptography")


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return folders of certificates: `own`, `foreign`, `other-name`, `ended`."""
    folder = tmp_path_factory.mktemp("certs")
    issue(folder / "own", ["127.0.0.1", "localhost"], days=5)
    issue(folder / "foreign", ["127.0.0.1"], days=5)
    issue(folder / "other-name", ["scheduler.example.org"], days=5)
    issue(folder / "ended", ["127.0.0.1"], days=0)
    return lambda name: folder / name


def secured(folder: Path) -> Callable[[socket.socket], None]:
    """Speak as a scheduler of Dask does: mutual TLS, and the first word."""
    files = TlsFiles.of_role(folder, SCHEDULER)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(files.authority))
    context.load_cert_chain(str(files.certificate), str(files.key))
    context.verify_mode = ssl.CERT_REQUIRED

    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as speaking:
            speaking.sendall(b"hello")
            speaking.recv(1)

    return serve


def plain(connection: socket.socket) -> None:
    connection.sendall(b"\x10\0\0\0\0\0\0\0hello, in plain")
    connection.recv(1)


def client(folder: Path) -> TlsFiles:
    return TlsFiles.of_role(folder, CLIENT)


def test_a_scheduler_of_the_same_set_is_accepted_and_accepts(sets: Callable[[str], Path]) -> None:
    with listening(secured(sets("own"))) as port:
        require_scheduler(address_of(f"tls://127.0.0.1:{port}", client(sets("own"))))
        require_scheduler(address_of(f"tls://localhost:{port}", TlsFiles.of_role(sets("own"), WORKER)))


def mixed(sets: Callable[[str], Path]) -> TlsFiles:
    """Return a client that trusts the scheduler, which does not trust the client."""
    foreign = client(sets("foreign"))
    return TlsFiles(certificate_path(sets("own"), CA), foreign.certificate, foreign.key)


@pytest.mark.parametrize(
    ("server", "files", "words"),
    [
        ("foreign", lambda sets: client(sets("own")), "was not issued by the authority in"),
        ("own", mixed, "issued by another authority than the scheduler trusts"),
        ("other-name", lambda sets: client(sets("other-name")), "is not for 127.0.0.1"),
        ("ended", lambda sets: client(sets("ended")), "is not valid now"),
    ],
    ids=["wrong CA there", "wrong CA here", "host name", "ended there"],
)
def test_each_mistake_is_named(
    sets: Callable[[str], Path], server: str, files: Callable[[Callable[[str], Path]], TlsFiles], words: str
) -> None:
    with listening(secured(sets(server))) as port, pytest.raises(FleetError) as raised:
        require_scheduler(Address(f"tls://127.0.0.1:{port}", files(sets)), limit_s=5)
    assert words in str(raised.value)
    assert raised.value.remedy
    assert not isinstance(raised.value, SchedulerUnavailable)


def test_a_name_that_is_meant_is_accepted(sets: Callable[[str], Path]) -> None:
    with listening(secured(sets("other-name"))) as port:
        require_scheduler(address_of(f"tls://127.0.0.1:{port}", client(sets("other-name")), "scheduler.example.org"))


def test_plain_against_tls_is_named_in_both_directions(sets: Callable[[str], Path]) -> None:
    with listening(plain) as port, pytest.raises(FleetError, match="does not speak TLS"):
        require_scheduler(Address(f"tls://127.0.0.1:{port}", client(sets("own"))), limit_s=5)
    with listening(secured(sets("own"))) as port, pytest.raises(FleetError, match="waits for the other side"):
        require_scheduler(address_of(f"tcp://127.0.0.1:{port}", None), limit_s=0.5)


def test_nobody_there_may_go_through_later(sets: Callable[[str], Path]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(SchedulerUnavailable, match="There is no answer"):
        require_scheduler(Address(f"tls://127.0.0.1:{port}", client(sets("own"))), limit_s=5)


@pytest.mark.parametrize("url", ["tcp://10.0.0.1:8786", "tcp://scheduler.example.org:8786"])
def test_an_open_line_that_leaves_this_machine_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="unencrypted connection to another machine"):
        address_of(url, None)


@pytest.mark.parametrize(
    "url", ["", "scheduler:8786", "http://h:1", "tls://:1", "tls://h:0", "tls://h:x", "tls://u@h:1"]
)
def test_what_is_no_address_is_wrong_usage(url: str) -> None:
    with pytest.raises(UsageError, match="is not the address of a scheduler"):
        address_of(url, None)


def test_files_that_cannot_work_are_refused_before_anybody_is_asked(
    sets: Callable[[str], Path], tmp_path: Path
) -> None:
    own, foreign = client(sets("own")), client(sets("foreign"))
    garbage = tmp_path / "garbage.pem"
    garbage.write_bytes(b"garbage")
    garbage.chmod(0o600)
    for files, words in (
        (TlsFiles(own.authority, own.certificate, tmp_path / "none.pem"), "There is no key"),
        (TlsFiles(own.authority, own.certificate, garbage), "holds no usable key"),
        (TlsFiles(own.authority, tmp_path / "none.pem", own.key), "There is no certificate"),
        (TlsFiles(own.authority, garbage, own.key), "holds no certificate"),
        (TlsFiles(own.authority, own.certificate, foreign.key), "is not the key of"),
        (TlsFiles(foreign.authority, own.certificate, own.key), "was not issued by the authority"),
        (client(sets("ended")), "is not valid now"),
        (None, "none are named"),
    ):
        with pytest.raises(UsageError, match=words):
            address_of("tls://127.0.0.1:1", files)


@pytest.mark.skipif(os.name == "nt", reason="files have no mode there")
def test_a_key_that_others_may_read_is_refused(sets: Callable[[str], Path], tmp_path: Path) -> None:
    own = client(sets("own"))
    key = tmp_path / "key.pem"
    key.write_bytes(own.key.read_bytes())
    key.chmod(0o640)
    with pytest.raises(UsageError, match="Others may read"):
        address_of("tls://127.0.0.1:1", TlsFiles(own.authority, own.certificate, key))


def test_a_set_is_written_for_its_owner_alone_kept_and_renewed_by_its_authority(tmp_path: Path) -> None:
    folder = tmp_path / "certs"
    issued = issue(folder, ["127.0.0.1", "scheduler.example.org"], days=3)
    assert issued.written == (CA, *ROLES)
    if os.name != "nt":
        assert {key_path(folder, name).stat().st_mode & 0o777 for name in (CA, *ROLES)} == {0o600}
        assert folder.stat().st_mode & 0o777 == 0o700
    before = {name: certificate_path(folder, name).read_bytes() for name in (CA, *ROLES)}
    assert issue(folder, ["127.0.0.1"], days=3).written == ()
    assert issue(folder, ["127.0.0.1"], days=3, renew=True).written == ROLES
    after = {name: certificate_path(folder, name).read_bytes() for name in (CA, *ROLES)}
    assert [name for name in after if after[name] == before[name]] == [CA]
    authority = load(certificate_path(folder, CA))
    for role in ROLES:
        load(certificate_path(folder, role)).verify_directly_issued_by(authority)


def test_an_authority_without_its_key_issues_nothing(tmp_path: Path) -> None:
    issue(tmp_path, ["127.0.0.1"], days=3)
    key_path(tmp_path, CA).unlink()
    with pytest.raises(UsageError, match="authority's key cannot be read"):
        issue(tmp_path, ["127.0.0.1"], days=3, renew=True)
