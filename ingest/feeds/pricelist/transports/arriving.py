"""What all ways of fetching a list share: its bounds, what came of it, and a file that fills up within them."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from time import monotonic
from typing import BinaryIO
from urllib.parse import SplitResult, unquote

from diamondhub.public_addresses import NotPublic, public_address_of
from ingest.feeds.pricelist.errors import RAISE_MAX_BYTES, ListAway, ListRefused

#: Seconds to connect and between two bytes.
CONNECT_SECONDS, READ_SECONDS = 10.0, 30.0
CHUNK, PIECE = 1 << 20, 1 << 16


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of lists: a folder that they may come from, hosts that may be private, bytes and seconds.

    `way_out` is what to do about a list with more bytes.
    """

    folder: Path
    hosts: Sequence[str]
    most_bytes: int
    seconds: float
    way_out: str = RAISE_MAX_BYTES


@dataclass(frozen=True, slots=True)
class Fetched:
    """A list that was fetched: its hash, when the supplier last changed it, and its `ETag`, if it has one."""

    digest: bytes
    modified: datetime
    etag: str = ""


class Arriving:
    """A list that comes piece by piece from `shown`: no more bytes and no longer than its limits say.

    With `most` its beginning is enough.
    """

    def __init__(self, shown: str, limits: Limits, into: BinaryIO, *, most: int | None = None) -> None:
        self.size = 0
        self._shown, self._limits, self._into, self._most = shown, limits, into, most
        self._end = monotonic() + limits.seconds

    @property
    def is_enough(self) -> bool:
        """Whether no more is needed."""
        return self._most is not None and self.size >= self._most

    def take(self, piece: bytes) -> None:
        """Keep a piece. Raises `ListRefused` for too many bytes, `ListAway` if it takes too long."""
        self.size += len(piece)
        if self._most is None and self.size > self._limits.most_bytes:
            raise too_long(self._limits)
        if monotonic() > self._end:
            raise too_slow(self._shown, self._limits)
        self._into.write(piece)

    def check_size(self, said: int | None) -> None:
        """Raise `ListRefused` if the server says that the list is too long."""
        if said is not None and said > self._limits.most_bytes:
            raise too_long(self._limits)

    def check_whole(self, said: int | None) -> None:
        """Raise `ListAway` if less came than the server said."""
        if said is not None and not self.is_enough and said != self.size:
            raise ListAway(f"{self._shown} cut the price list off after {self.size:,} of {said:,} bytes")


def too_long(limits: Limits) -> ListRefused:
    """A list has too many bytes."""
    return ListRefused(f"the price list has more than {limits.most_bytes:,} bytes: {limits.way_out}")


def too_slow(shown: str, limits: Limits) -> ListAway:
    """A list takes too long."""
    return ListAway(f"{shown} took more than {limits.seconds:g} seconds for the price list")


def not_public(shown: str) -> ListRefused:
    """An address that nobody may be asked at."""
    return ListRefused(
        f"{shown} leads to an address that is not public: name its host in PRICELIST_HOSTS if that is meant"
    )


def shown_of(address: SplitResult) -> str:
    """Scheme and host of an address: the rest may hold secrets."""
    return f"{address.scheme.lower()}://{address.hostname}"


@dataclass(frozen=True, slots=True)
class Account:
    """Where a file server's list is, and as whom it is fetched."""

    shown: str
    host: str
    port: int
    user: str
    password: str
    path: str


def account_of(address: SplitResult, port: int) -> Account:
    """The parts of an address of a file server. Raises `ListRefused` for one that cannot be."""
    shown = shown_of(address)
    try:
        asked = address.port or port
    except ValueError:
        raise ListRefused(f"{shown} is no address: its port is no number below 65,536") from None
    path = unquote(address.path)
    if not address.hostname or path in ("", "/") or path.endswith("/"):
        raise ListRefused(f"{shown} is no address of a list: write {address.scheme}://host/folder/list.csv")
    if not path.isprintable():
        raise ListRefused(f"the path of the list at {shown} has characters that cannot be printed")
    return Account(
        shown, address.hostname, asked, unquote(address.username or ""), unquote(address.password or ""), path
    )


def connect(account: Account, limits: Limits) -> socket.socket:
    """Connect to a server at the address that was judged. Raises `ListRefused` for a private one, `ListAway` for none."""
    address = account.host
    try:
        if account.host.lower() not in {host.lower() for host in limits.hosts}:
            address = public_address_of(account.host, account.port)
        return socket.create_connection((address, account.port), timeout=min(CONNECT_SECONDS, limits.seconds))
    except NotPublic:
        raise not_public(account.shown) from None
    except (OSError, UnicodeError) as error:
        raise ListAway(f"{account.shown} cannot be reached") from error


def digest_of(path: Path) -> bytes:
    """The hash of a file."""
    digest = blake2b(digest_size=16)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.digest()
