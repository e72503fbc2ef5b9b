"""Lists by HTTP. Only scheme and host of an address are told to anybody: the rest may hold secrets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from diamondhub import outgoing
from diamondhub.outgoing import Forbidden
from ingest.feeds.pricelist.errors import ListAway, ListRefused
from ingest.feeds.pricelist.transports.arriving import (
    CONNECT_SECONDS,
    PIECE,
    READ_SECONDS,
    Arriving,
    Fetched,
    Limits,
    digest_of,
    not_public,
    shown_of,
)

#: Redirects that are followed.
REDIRECTS = 3


def fetch(source: str, into: Path, limits: Limits, etag: str) -> Fetched | None:
    """Copy a list into a file; None if it still is the one with this `ETag`."""
    shown = shown_of(urlsplit(source))
    headers = {"If-None-Match": etag} if etag else {}
    with _asked(source, shown, limits, headers) as answer, into.open("wb") as copy:
        if answer.status_code == 304:
            return None
        _check_status(shown, answer.status_code)
        arriving = Arriving(shown, limits, copy)
        _receive(answer, arriving)
        copy.flush()
        said = answer.headers.get("Content-Length", "")
        if "Content-Encoding" not in answer.headers and said.isdigit():
            arriving.check_whole(int(said))
        return Fetched(digest_of(into), _modified(answer), answer.headers.get("ETag", ""))


def beginning(source: str, limits: Limits, *, most: int) -> bytes:
    """The first `most` bytes of a list."""
    shown = shown_of(urlsplit(source))
    begun = BytesIO()
    with _asked(source, shown, limits, {}) as answer:
        _check_status(shown, answer.status_code)
        _receive(answer, Arriving(shown, limits, begun, most=most))
    return begun.getvalue()[:most]


@contextmanager
def _asked(source: str, shown: str, limits: Limits, headers: dict[str, str]) -> Iterator[requests.Response]:
    timeouts = (min(CONNECT_SECONDS, limits.seconds), min(READ_SECONDS, limits.seconds))
    with (
        _session(limits.hosts) as session,
        _refused(shown),
        session.get(source, stream=True, timeout=timeouts, headers=headers) as answer,
    ):
        yield answer


def _receive(answer: requests.Response, arriving: Arriving) -> None:
    # Decoded: a list that is packed on its way only is no gzip file. Whatever has come is taken at once, so that a server
    # that sends a byte now and then meets its end.
    while not arriving.is_enough and (piece := answer.raw.read1(PIECE, decode_content=True)):
        arriving.take(piece)


def _check_status(shown: str, status: int) -> None:
    if status >= 500 or status in (408, 429):
        raise ListAway(f"{shown} answers {status}")
    if status != 200:
        raise ListRefused(f"{shown} answers {status} for the price list")


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
        raise not_public(shown) from error
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
