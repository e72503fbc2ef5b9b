"""Fetching a price list, by path or by address, into a file of our own.

Paths must lie below PRICELIST_DIR, so that nobody who may edit a feed can read the host's other files. Addresses must be
public ones, redirects included, unless PRICELIST_HOSTS names the host; what is fetched is bounded in size and time.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import blake2b
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import requests
from urllib3.exceptions import HTTPError

from diamondhub import outgoing
from diamondhub.outgoing import Forbidden
from ingest.feeds.pricelist.errors import ListAway, ListRefused

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK, _PIECE = 1 << 20, 1 << 16
#: The secrets that an address may have places for: `https://user:{password}@lists.example.com/list.csv?token={token}`.
SECRETS = ("password", "token")
#: Redirects that are followed.
REDIRECTS = 3
#: Seconds to connect and between two bytes, and for the whole list.
CONNECT_SECONDS, READ_SECONDS = 10.0, 30.0


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of lists: a folder that they may come from, hosts that may be private, bytes and seconds."""

    folder: Path
    hosts: Sequence[str]
    most_bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Fetched:
    """A list that was fetched: its hash, when the supplier last changed it, and its `ETag`, if it has one."""

    digest: bytes
    modified: datetime
    etag: str = ""


def places_of(source: str) -> tuple[str, ...]:
    """The secrets that an address has places for; a path has none."""
    if urlsplit(source).scheme.lower() not in ("http", "https"):
        return ()
    return tuple(name for name in SECRETS if f"{{{name}}}" in source)


def filled(source: str, secrets: Mapping[str, str]) -> str:
    """The address with its secrets in their places. Raises `ListRefused` if one is not there."""
    for name in places_of(source):
        if name not in secrets:
            raise ListRefused(f"the address of the list needs the {name}: set it with set_feed_secret or in the admin")
        source = source.replace(f"{{{name}}}", quote(secrets[name], safe=""))
    return source


def fetch(source: str, into: Path, limits: Limits, *, etag: str = "") -> Fetched | None:
    """Copy a list into a file; None if it still is the one with this `ETag`.

    Raises `ListRefused` for what is not there or not allowed, `ListAway` for what may pass.
    """
    scheme = urlsplit(source).scheme.lower()
    if scheme in ("http", "https"):
        return _download(source, into, limits, etag)
    if "://" in source:
        raise ListRefused(f"{source.split('://')[0]}:// is no way to fetch a price list: use a path, http or https")
    return _copy(source, into, limits)


def _copy(source: str, into: Path, limits: Limits) -> Fetched:
    folder = limits.folder.resolve()
    try:
        path = (folder / source).resolve()
        if not path.is_relative_to(folder):
            raise ListRefused(f"{source} is not below {folder}: put the list there, or set PRICELIST_DIR")
        # Not blocking: what is no file may have nobody at its other end.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            before = os.fstat(file.fileno())
            if not stat.S_ISREG(before.st_mode):
                raise ListRefused(f"{source} is no file")
            if before.st_size > limits.most_bytes:
                raise ListRefused(
                    f"the price list has more than {limits.most_bytes:,} bytes: raise PRICELIST_MAX_BYTES"
                )
            with into.open("wb") as copy:
                shutil.copyfileobj(file, copy, _CHUNK)
            after = os.fstat(file.fileno())
    except FileNotFoundError:
        raise ListRefused(f"there is no price list {source} below {folder}") from None
    except (OSError, ValueError) as error:
        raise ListRefused(f"the price list {source} cannot be read: {_words(error)}") from error
    if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size):
        raise ListAway(f"the price list {source} was written to while it was read")
    return Fetched(_digest(into), datetime.fromtimestamp(after.st_mtime, UTC))


def _download(source: str, into: Path, limits: Limits, etag: str) -> Fetched | None:
    end = monotonic() + limits.seconds
    shown = f"{urlsplit(source).scheme}://{urlsplit(source).hostname}"
    with _session(limits.hosts) as session, _refused(shown):
        headers = {"If-None-Match": etag} if etag else {}
        timeouts = (min(CONNECT_SECONDS, limits.seconds), min(READ_SECONDS, limits.seconds))
        with session.get(source, stream=True, timeout=timeouts, headers=headers) as answer:
            if answer.status_code == 304:
                return None
            if answer.status_code >= 500 or answer.status_code in (408, 429):
                raise ListAway(f"{shown} answers {answer.status_code}")
            if answer.status_code != 200:
                raise ListRefused(f"{shown} answers {answer.status_code} for the price list")
            size = 0
            with into.open("wb") as copy:
                # Decoded: a list that is packed on its way only is no gzip file. Whatever has come is taken at once, so
                # that a server that sends a byte now and then meets its end.
                while chunk := answer.raw.read1(_PIECE, decode_content=True):
                    size += len(chunk)
                    if size > limits.most_bytes:
                        raise ListRefused(
                            f"the price list has more than {limits.most_bytes:,} bytes: raise PRICELIST_MAX_BYTES"
                        )
                    if monotonic() > end:
                        raise ListAway(f"{shown} took more than {limits.seconds:g} seconds for the price list")
                    copy.write(chunk)
            said = answer.headers.get("Content-Length", "")
            if "Content-Encoding" not in answer.headers and said.isdigit() and int(said) != size:
                raise ListAway(f"{shown} cut the price list off after {size:,} of {int(said):,} bytes")
            return Fetched(_digest(into), _modified(answer), answer.headers.get("ETag", ""))


@contextmanager
def _refused(shown: str) -> Iterator[None]:
    """Errors of the library in ours; addresses may hold secrets, so only scheme and host are named."""
    try:
        yield
    except requests.TooManyRedirects as error:
        raise ListRefused(f"{shown} redirects more than {REDIRECTS} times") from error
    except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, UnicodeError) as error:
        raise ListRefused(f"{shown} is no address that can be asked, or redirects to one that cannot") from error
    except requests.exceptions.SSLError as error:
        raise ListRefused(f"{shown} has no certificate that can be trusted") from error
    except Forbidden as error:
        raise ListRefused(
            f"{shown} leads to an address that is not public: name its host in PRICELIST_HOSTS if that is meant"
        ) from error
    except requests.ConnectionError as error:
        raise ListAway(f"{shown} cannot be reached") from error
    except (requests.RequestException, HTTPError, OSError) as error:
        raise ListAway(f"{shown} did not send the price list: {type(error).__name__}") from error


def _session(hosts: Sequence[str]) -> requests.Session:
    session = outgoing.session(hosts)
    session.max_redirects = REDIRECTS
    session.headers["Accept-Encoding"] = "gzip, identity"
    return session


def _modified(answer: requests.Response) -> datetime:
    """When the list was last changed by its server's clock; the answer's date if it does not say."""
    for name in ("Last-Modified", "Date"):
        try:
            said = parsedate_to_datetime(answer.headers.get(name, ""))
        except ValueError:
            continue
        return said.replace(tzinfo=UTC) if said.tzinfo is None else said.astimezone(UTC)
    raise ListRefused("the price list's server sends neither Last-Modified nor Date, so its age is unknown")


def _digest(path: Path) -> bytes:
    digest = blake2b(digest_size=16)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.digest()


def _words(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).lower()
