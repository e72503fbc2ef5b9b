"""Lists from file servers: FTP with and without TLS, and SFTP, by servers that run beside the test."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import paramiko
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
from pyftpdlib.ioloop import IOLoop
from pyftpdlib.servers import FTPServer

from ingest.feeds.adapter import StoneQuery
from ingest.feeds.pricelist.errors import ListAway, ListRefused, WrongParameters
from ingest.feeds.pricelist.parameters import parameters_of
from ingest.feeds.pricelist.source import fetch, filled, places_of
from ingest.feeds.pricelist.spool import Spool
from ingest.feeds.pricelist.tests.lists import limits, stones, text
from ingest.feeds.pricelist.transports import ftp

LIST = text(stones(3)).encode()
CHANGED = datetime(2026, 6, 2, 8, tzinfo=UTC)
PASSWORD = "p@ss/word"
QUOTED = "p%40ss%2Fword"


@dataclass
class Server:
    """A server with one list, and how its list is asked for."""

    scheme: str
    port: int
    folder: Path
    key: paramiko.PKey | None = None

    def url(self, path: str = "/stock/list.csv", *, password: str = QUOTED, host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://eve:{password}@{host}:{self.port}{path}"


def served(folder: Path) -> Path:
    """A folder with a list that was changed at a known time."""
    (folder / "stock").mkdir(parents=True, exist_ok=True)
    path = folder / "stock" / "list.csv"
    path.write_bytes(LIST)
    os.utime(path, (CHANGED.timestamp(), CHANGED.timestamp()))
    return path


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of localhost and its key in one file, and the certificate alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = made.public_bytes(serialization.Encoding.PEM)
    (folder / "both.pem").write_bytes(secret + public)
    (folder / "trusted.pem").write_bytes(public)
    return folder / "both.pem", folder / "trusted.pem"


def ftp_server(folder: Path, handler: type[FTPHandler], scheme: str) -> Iterator[Server]:
    served(folder)
    authorizer = DummyAuthorizer()
    authorizer.add_user("eve", PASSWORD, str(folder), perm="elr")

    class OfTest(handler):  # type: ignore[misc]  # one of two
        auth_failed_timeout = 0.1

    OfTest.authorizer = authorizer
    loop = IOLoop()
    listening = FTPServer(("127.0.0.1", 0), OfTest, ioloop=loop)
    stopped = threading.Event()

    def serve() -> None:
        while not stopped.is_set():
            loop.loop(timeout=0.05, blocking=False)
        listening.close_all()

    thread = threading.Thread(target=serve)
    thread.start()
    yield Server(scheme, listening.address[1], folder)
    stopped.set()
    thread.join()


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Server]:
    yield from ftp_server(tmp_path / "ftp", FTPHandler, "ftp")


@pytest.fixture
def secure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    both, trusted = certificate(tmp_path)

    class Secure(TLS_FTPHandler):  # type: ignore[misc]  # it has no types
        certfile = str(both)
        tls_control_required = tls_data_required = True

    monkeypatch.setattr(ftp, "tls", lambda: ssl.create_default_context(cafile=str(trusted)))
    yield from ftp_server(tmp_path / "ftp", Secure, "ftps")


class _Account(paramiko.ServerInterface):
    def check_auth_password(self, username: str, password: str) -> int:
        right = (username, password) == ("eve", PASSWORD)
        return paramiko.common.AUTH_SUCCESSFUL if right else paramiko.common.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.common.OPEN_SUCCEEDED


class _Handle(paramiko.SFTPHandle):
    def stat(self) -> paramiko.SFTPAttributes:
        return paramiko.SFTPAttributes.from_stat(os.fstat(self.readfile.fileno()))  # type: ignore[attr-defined]


class _Files(paramiko.SFTPServerInterface):
    root: Path

    def stat(self, path: str) -> Any:
        try:
            return paramiko.SFTPAttributes.from_stat((self.root / path.lstrip("/")).stat())
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)

    lstat = stat

    def open(self, path: str, flags: int, attr: Any) -> Any:
        try:
            file = (self.root / path.lstrip("/")).open("rb")
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)
        handle = _Handle(flags)
        handle.readfile = file  # type: ignore[attr-defined]  # what its `read` takes
        return handle


@pytest.fixture
def sftp(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "sftp"
    served(folder)
    key = paramiko.ECDSAKey.generate()

    class Files(_Files):
        root = folder

    listening = socket.create_server(("127.0.0.1", 0))
    transports: list[paramiko.Transport] = []

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                transport = paramiko.Transport(connection)
                transports.append(transport)
                transport.add_server_key(key)
                transport.set_subsystem_handler("sftp", paramiko.SFTPServer, Files)
                with suppress(paramiko.SSHException, EOFError):
                    transport.start_server(server=_Account())

    thread = threading.Thread(target=serve)
    thread.start()
    yield Server("sftp", listening.getsockname()[1], folder, key)
    # A thread that accepts is woken by this alone.
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join()
    for transport in transports:
        transport.close()


def fingerprint(server: Server) -> str:
    assert server.key is not None
    return server.key.fingerprint


def test_a_list_comes_by_ftp_with_its_date(tmp_path: Path, plain: Server) -> None:
    fetched = fetch(plain.url(), tmp_path / "copy", limits(tmp_path, hosts=["127.0.0.1"]))

    assert (tmp_path / "copy").read_bytes() == LIST
    assert fetched is not None
    assert fetched.modified == CHANGED


def test_a_feed_reads_its_list_by_ftp_with_its_secret(tmp_path: Path, plain: Server) -> None:
    source = plain.url(password="{password}")
    chosen, bounds = parameters_of({"source": source}), limits(tmp_path, hosts=["127.0.0.1"])
    spool = Spool(tmp_path / "spool", chosen, bounds, secrets={"password": PASSWORD})

    snapshot = spool.newest()

    assert places_of(source) == ("password",)
    assert filled(source, {"password": PASSWORD}) == plain.url()
    assert spool.look(10).described == "CSV in utf-8"
    assert (snapshot.modified, snapshot.count([StoneQuery()])) == (CHANGED, [3])


def test_a_list_comes_by_ftp_with_tls_and_its_certificate_is_held_against_the_name(
    tmp_path: Path, secure: Server
) -> None:
    bounds = limits(tmp_path, hosts=["localhost", "127.0.0.1"])

    fetch(secure.url(host="localhost"), tmp_path / "copy", bounds)

    assert (tmp_path / "copy").read_bytes() == LIST
    with pytest.raises(ListRefused, match="no certificate that can be trusted"):
        fetch(secure.url(host="127.0.0.1"), tmp_path / "copy", bounds)


def test_a_server_without_tls_gets_no_password_where_tls_was_asked_for(tmp_path: Path, plain: Server) -> None:
    plain.scheme = "ftps"

    with pytest.raises(ListRefused, match="does not give the price list"):
        fetch(plain.url(), tmp_path / "copy", limits(tmp_path, hosts=["127.0.0.1"]))


def test_a_list_comes_by_sftp_from_a_server_whose_key_is_known(tmp_path: Path, sftp: Server) -> None:
    assert sftp.key is not None
    whole = f"{sftp.key.get_name()} {sftp.key.get_base64()}"

    for host_key in (fingerprint(sftp), whole):
        fetched = fetch(sftp.url(), tmp_path / "copy", limits(tmp_path, hosts=["127.0.0.1"]), host_key=host_key)

        assert (tmp_path / "copy").read_bytes() == LIST
        assert fetched is not None
        assert fetched.modified == CHANGED


@pytest.mark.parametrize(("host_key", "says"), [("", "is not known"), ("SHA256:" + "A" * 43, "another key than")])
def test_an_sftp_server_with_an_unknown_key_is_refused_with_its_fingerprint(
    tmp_path: Path, sftp: Server, host_key: str, says: str
) -> None:
    with pytest.raises(ListRefused, match=says) as refused:
        fetch(sftp.url(), tmp_path / "copy", limits(tmp_path, hosts=["127.0.0.1"]), host_key=host_key)

    assert fingerprint(sftp) in str(refused.value)


@pytest.fixture(params=["plain", "sftp"])
def server(request: pytest.FixtureRequest) -> Server:
    server: Server = request.getfixturevalue(request.param)
    return server


def asked(server: Server, folder: Path, url: str, **bounds: Any) -> None:
    """Fetch a list of a server whose key is known."""
    host_key = fingerprint(server) if server.key else ""
    fetch(url, folder / "copy", limits(folder, hosts=["127.0.0.1"], **bounds), host_key=host_key)


def test_a_wrong_password_is_said_and_not_told(tmp_path: Path, server: Server) -> None:
    with pytest.raises(ListRefused, match="does not let 'eve' in: is the feed's password right") as refused:
        asked(server, tmp_path, server.url(password="wrongsecret"))

    assert "wrongsecret" not in str(refused.value)


@pytest.mark.parametrize("path", ["/stock/other.csv", "/stock", "/../../etc/passwd"])
def test_a_list_that_is_not_there_is_refused(tmp_path: Path, server: Server, path: str) -> None:
    with pytest.raises(ListRefused):
        asked(server, tmp_path, server.url(path))


@pytest.mark.parametrize("path", ["", "/", "/stock/", "/list.csv%0d%0aDELE list.csv"])
def test_an_address_that_names_no_list_is_refused_before_anybody_is_asked(
    tmp_path: Path, server: Server, path: str
) -> None:
    with pytest.raises(ListRefused, match=r"is no address of a list|cannot be printed"):
        asked(server, tmp_path, server.url(path))


def test_a_list_that_is_too_long_is_refused_before_it_comes(tmp_path: Path, server: Server) -> None:
    with pytest.raises(ListRefused, match="more than 100 bytes"):
        asked(server, tmp_path, server.url(), most_bytes=100)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0x7f.1"])
def test_private_addresses_are_not_asked(tmp_path: Path, server: Server, host: str) -> None:
    with pytest.raises(ListRefused, match="PRICELIST_HOSTS"):
        fetch(server.url(host=host), tmp_path / "copy", limits(tmp_path), host_key="SHA256:x")


@dataclass
class Mute:
    """A server that accepts and does as it is told."""

    port: int = 0
    says: bytes = b""
    connections: list[socket.socket] = field(default_factory=list)


@pytest.fixture
def mute() -> Iterator[Mute]:
    told = Mute()
    listening = socket.create_server(("127.0.0.1", 0))
    told.port = listening.getsockname()[1]

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                told.connections.append(connection)
                connection.sendall(told.says)

    thread = threading.Thread(target=serve)
    thread.start()
    yield told
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join()
    for connection in told.connections:
        connection.close()


@pytest.mark.parametrize("scheme", ["ftp", "ftps", "sftp"])
@pytest.mark.parametrize("says", [b"", b"220-" + b"x\r\n220-" * 1000], ids=["nothing", "without end"])
def test_a_server_that_says_nothing_or_no_end_is_not_waited_for(
    tmp_path: Path, mute: Mute, scheme: str, says: bytes
) -> None:
    mute.says = says
    url = f"{scheme}://eve:x@127.0.0.1:{mute.port}/list.csv"

    with pytest.raises(ListAway):
        fetch(url, tmp_path / "copy", limits(tmp_path, hosts=["127.0.0.1"], seconds=0.5), host_key="SHA256:x")


@pytest.mark.parametrize("scheme", ["ftp", "ftps", "sftp"])
def test_a_server_that_is_away_is_tried_again(tmp_path: Path, scheme: str) -> None:
    with pytest.raises(ListAway, match="cannot be reached"):
        fetch(f"{scheme}://eve:x@127.0.0.1:9/list.csv", tmp_path / "copy", limits(tmp_path, hosts=["127.0.0.1"]))


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("ftp://eve:open@lists.example.com/list.csv", "a password does not stand in the address"),
        ("sftp://eve:open@lists.example.com/list.csv", "sftp://eve:{password}@lists.example.com/"),
        ("sftp://eve@lists.example.com/list.csv", "set the feed's secret `password`"),
        ("sftp://lists.example.com/list.csv", "the account needs a password"),
    ],
)
def test_passwords_stand_in_the_feeds_secrets_and_not_in_addresses(source: str, says: str) -> None:
    with pytest.raises(WrongParameters) as refused:
        parameters_of({"source": source})

    assert says in str(refused.value)
    assert "open@" not in str(refused.value)


def test_a_passive_address_of_another_host_is_not_connected_to(tmp_path: Path, plain: Server) -> None:
    seen: list[str] = []
    resolve = socket.create_connection

    def noting(address: tuple[str, int], *rest: Any, **more: Any) -> socket.socket:
        seen.append(address[0])
        return resolve(address, *rest, **more)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(FTPHandler, "masquerade_address", "10.1.2.3")
        patched.setattr(socket, "create_connection", noting)
        asked(plain, tmp_path, plain.url())

    assert (tmp_path / "copy").read_bytes() == LIST
    assert set(seen) == {"127.0.0.1"}
