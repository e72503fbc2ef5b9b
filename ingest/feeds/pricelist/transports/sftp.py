"""Lists by SFTP. The server's key is one that the feed knows: a person has compared its fingerprint once."""

from __future__ import annotations

import hashlib
import socket
import stat
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hmac import compare_digest
from typing import TYPE_CHECKING, BinaryIO
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

if TYPE_CHECKING:
    import paramiko

_PORT = 22
#: Requests that are under way at once: some megabytes.
_AHEAD = 64
_FINGERPRINT = "SHA256:"


def fetch(
    address: SplitResult, into: BinaryIO, limits: Limits, *, host_key: str = "", most: int | None = None
) -> datetime:
    """Write a list, or its beginning, to a file; returns when it was last changed.

    `host_key` is the server's key or its fingerprint. Raises `ListRefused` for another key, and for what is not there or not
    allowed; `ListAway` for what may pass.
    """
    account = account_of(address, _PORT)
    arriving = Arriving(account.shown, limits, into, most=most)
    with Deadline(limits.seconds) as deadline, _in_our_terms(account.shown, limits, deadline):
        plain = connect(account, limits)
        deadline.watch(plain)
        with _signed_in(plain, account, host_key, min(READ_SECONDS, limits.seconds)) as client:
            # As curl has it: the path is from the root, and from the account's folder behind /~/.
            path = account.path.removeprefix("/~/")
            about = client.stat(path)
            if about.st_mode is None or not stat.S_ISREG(about.st_mode):
                raise ListRefused(f"{path} at {account.shown} is no file")
            if most is None:
                arriving.check_size(about.st_size)
            with client.open(path, "rb") as file:
                if most is None and about.st_size:
                    file.prefetch(about.st_size, max_concurrent_requests=_AHEAD)
                while not arriving.is_enough and (piece := file.read(PIECE)):
                    arriving.take(piece)
            arriving.check_whole(about.st_size)
            return datetime.now(UTC) if about.st_mtime is None else datetime.fromtimestamp(about.st_mtime, UTC)


@contextmanager
def _signed_in(plain: socket.socket, account: Account, host_key: str, seconds: float) -> Iterator[paramiko.SFTPClient]:
    # Nobody else needs to wait for it: it is large.
    import paramiko

    transport = paramiko.Transport(plain)
    try:
        transport.banner_timeout = transport.auth_timeout = seconds
        kind, _, rest = host_key.strip().partition(" ")
        if rest and kind in transport.get_security_options().key_types:
            transport.get_security_options().key_types = (kind,)
        transport.start_client(timeout=seconds)
        _refuse_other_key(account.shown, transport.get_remote_server_key(), host_key)
        try:
            transport.auth_password(account.user, account.password)
        except paramiko.AuthenticationException as error:
            raise ListRefused(
                f"{account.shown} does not let {account.user!r} in: is the feed's password right?"
            ) from error
        client = paramiko.SFTPClient.from_transport(transport)
        assert client is not None
        channel = client.get_channel()
        assert channel is not None
        channel.settimeout(seconds)
        yield client
    except (paramiko.SSHException, EOFError) as error:
        raise ListAway(f"{account.shown} did not send the price list: {_said(error)}") from error
    finally:
        transport.close()


def _refuse_other_key(shown: str, key: paramiko.PKey, host_key: str) -> None:
    """Refuse a server whose key is not the feed's, before anything of the account is sent to it."""
    fingerprint = _FINGERPRINT + b64encode(hashlib.sha256(key.asbytes()).digest()).decode().rstrip("=")
    wanted = host_key.strip()
    known = f"{key.get_name()} {key.get_base64()}"
    if wanted and any(
        compare_digest(wanted.rstrip("=").encode(), is_.encode()) for is_ in (fingerprint, known.rstrip("="))
    ):
        return
    its = f"its key is {key.get_name()} {fingerprint}"
    if not wanted:
        raise ListRefused(f"{shown} is not known: {its}. If the supplier says the same, set it as the feed's host_key")
    raise ListRefused(
        f"{shown} has another key than the feed's host_key: {its}. Ask the supplier before that is set as host_key"
    )


@contextmanager
def _in_our_terms(shown: str, limits: Limits, deadline: Deadline) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise ListRefused(f"{shown} has no such price list") from error
    except PermissionError as error:
        raise ListRefused(f"{shown} does not give the price list: no permission") from error
    except (OSError, EOFError, UnicodeError, ValueError) as error:
        if deadline.over:
            raise too_slow(shown, limits) from error
        raise ListAway(f"{shown} did not send the price list: {_said(error)}") from error
    except ListAway as error:
        if deadline.over:
            raise too_slow(shown, limits) from error
        raise


def _said(error: Exception) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:120]
