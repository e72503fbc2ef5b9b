"""Lists by FTP, plain or with TLS (`ftps://`: asked for after connecting, or from the start at port 990).

Data comes from the host that was connected to, whatever address it names for that. Certificates are held against the name.
"""

from __future__ import annotations

import ftplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import BinaryIO
from urllib.parse import SplitResult

from diamondhub.outgoing import Deadline
from ingest.feeds.pricelist.errors import ListAway, ListRefused
from ingest.feeds.pricelist.transports.arriving import (
    PIECE,
    READ_SECONDS,
    Account,
    Arriving,
    Limits,
    account_of,
    connect,
    too_slow,
)

_PORT, _IMPLICIT_PORT = 21, 990
_ANONYMOUS = "anonymous"


class _Client(ftplib.FTP_TLS):
    """An FTP client, with or without TLS, over a connection that was made and judged before."""

    def __init__(self, account: Account, limits: Limits, deadline: Deadline) -> None:
        super().__init__(timeout=min(READ_SECONDS, limits.seconds), context=tls())
        self._deadline = deadline
        self.host, self.port = account.host, account.port
        plain = connect(account, limits)
        deadline.watch(plain)
        plain.settimeout(self.timeout)
        self.sock: socket.socket = plain
        self.af = plain.family

    def begin(self, *, implicit: bool) -> None:
        """Take the server's greeting."""
        if implicit:
            self.sock = self.context.wrap_socket(self.sock, server_hostname=self.host)
        self.file = self.sock.makefile("r", encoding=self.encoding)
        self.welcome = self.getresp()

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[socket.socket, int | None]:
        """A connection for data. Servers ask that it is of the same TLS session."""
        plain, size = ftplib.FTP.ntransfercmd(self, cmd, rest)  # noqa: S321 - what suppliers have
        self._deadline.watch(plain)
        if not isinstance(self.sock, ssl.SSLSocket):
            return plain, size
        return self.context.wrap_socket(plain, server_hostname=self.host, session=self.sock.session), size


def tls() -> ssl.SSLContext:
    """Which certificates are trusted."""
    return ssl.create_default_context()


def fetch(address: SplitResult, into: BinaryIO, limits: Limits, *, most: int | None = None) -> datetime:
    """Write a list, or its beginning, to a file; returns when it was last changed, by the server's clock.

    Raises `ListRefused` for what is not there or not allowed, `ListAway` for what may pass.
    """
    secure = address.scheme.lower() == "ftps"
    account = account_of(address, _PORT)
    arriving = Arriving(account.shown, limits, into, most=most)
    with Deadline(limits.seconds) as deadline, _in_our_terms(account.shown, limits, deadline):
        client = _Client(account, limits, deadline)
        try:
            client.begin(implicit=secure and account.port == _IMPLICIT_PORT)
            _sign_in(client, account, secure=secure)
            client.voidcmd("TYPE I")
            path = account.path.removeprefix("/")
            size, modified = _size(client, path), _modified(client, path)
            if most is None:
                arriving.check_size(size)
            _receive(client, path, arriving)
            arriving.check_whole(size)
            return modified
        finally:
            client.close()


def _sign_in(client: _Client, account: Account, *, secure: bool) -> None:
    if secure and not isinstance(client.sock, ssl.SSLSocket):
        client.auth()
    user, password = account.user or _ANONYMOUS, account.password or ("" if account.user else "guest")
    try:
        # Not `FTP_TLS.login`, which would ask for TLS where it is not meant.
        ftplib.FTP.login(client, user, password)  # noqa: S321 - what suppliers have
    except ftplib.error_perm as error:
        raise ListRefused(f"{account.shown} does not let {user!r} in: is the feed's password right?") from error
    if secure:
        client.prot_p()


def _receive(client: _Client, path: str, arriving: Arriving) -> None:
    with client.transfercmd(f"RETR {path}") as connection:
        while not arriving.is_enough and (piece := connection.recv(PIECE)):
            arriving.take(piece)
        if not arriving.is_enough and isinstance(connection, ssl.SSLSocket):
            with suppress(OSError):
                connection.unwrap()
    if not arriving.is_enough:
        client.voidresp()


def _size(client: _Client, path: str) -> int | None:
    """The size that the server says, if it does."""
    try:
        return client.size(path)
    except (ftplib.error_perm, ValueError):
        return None


def _modified(client: _Client, path: str) -> datetime:
    """When the list was last changed; now if the server cannot say."""
    try:
        said = client.voidcmd(f"MDTM {path}")[4:].strip()
        return datetime.strptime(said[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except (ftplib.error_perm, ValueError):
        return datetime.now(UTC)


@contextmanager
def _in_our_terms(shown: str, limits: Limits, deadline: Deadline) -> Iterator[None]:
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise ListRefused(f"{shown} has no certificate that can be trusted") from error
    except ftplib.error_perm as error:
        raise ListRefused(f"{shown} does not give the price list: {_said(error)}") from error
    except (ftplib.Error, OSError, EOFError, UnicodeError, ValueError) as error:
        if deadline.over:
            raise too_slow(shown, limits) from error
        raise ListAway(f"{shown} did not send the price list: {_said(error)}") from error


def _said(error: Exception) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:120]
