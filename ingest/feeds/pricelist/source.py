"""Fetching a price list, by path or by address, into a file of our own.

Paths must lie below PRICELIST_DIR, so that nobody who may edit a feed can read the host's other files. Addresses must be
public ones, redirects included, unless PRICELIST_HOSTS names the host; what is fetched is bounded in size and time.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote, urlsplit

from ingest.feeds.pricelist.errors import ListRefused
from ingest.feeds.pricelist.inboxes import UPLOAD, inbox_of
from ingest.feeds.pricelist.transports import files, ftp, sftp, uploaded, web
from ingest.feeds.pricelist.transports.arriving import Fetched, Limits, digest_of

__all__ = [
    "SECRETS",
    "Fetched",
    "Limits",
    "beginning",
    "fetch",
    "filled",
    "places_of",
    "refuse_open_password",
]

#: The secrets that an address may have places for: `https://user:{password}@lists.example.com/list.csv?token={token}`.
SECRETS = ("password", "token")
_WEB, _FTP, _SFTP = ("http", "https"), ("ftp", "ftps"), ("sftp",)
_FILE_SERVERS = _FTP + _SFTP


def places_of(source: str) -> tuple[str, ...]:
    """The secrets that an address has places for; a path has none."""
    if scheme_of(source) not in (*_WEB, *_FILE_SERVERS):
        return ()
    return tuple(name for name in SECRETS if f"{{{name}}}" in source)


def filled(source: str, secrets: Mapping[str, str]) -> str:
    """The address with its secrets in their places. Raises `ListRefused` if one is not there."""
    for name in places_of(source):
        if name not in secrets:
            raise ListRefused(f"the address of the list needs the {name}: set it with set_feed_secret or in the admin")
        source = source.replace(f"{{{name}}}", quote(secrets[name], safe=""))
    return source


def refuse_open_password(source: str) -> str:
    """Why an address of a file server is not taken: its password stands in it, or is nowhere. Empty if it is taken."""
    address, scheme = urlsplit(source), scheme_of(source)
    if scheme == UPLOAD and not inbox_of(source):
        return "write upload:// and a short name of letters, numbers and hyphens, e.g. upload://rosy"
    if scheme not in _FILE_SERVERS:
        return ""
    wanted = f"{scheme}://{address.username or 'user'}:{{password}}@{address.hostname or 'host'}/…"
    if address.password not in (None, "{password}"):
        return f"a password does not stand in the address: write {wanted} and set the feed's secret `password`"
    if address.password is None and (address.username or scheme in _SFTP):
        return f"the account needs a password: write {wanted} and set the feed's secret `password`"
    return ""


def scheme_of(source: str) -> str:
    """The scheme of an address; empty for a path."""
    return source.partition("://")[0].lower() if "://" in source else ""


def fetch(source: str, into: Path, limits: Limits, *, etag: str = "", host_key: str = "") -> Fetched | None:
    """Copy a list into a file; None if it still is the one with this `ETag`. `host_key` is that of an SFTP server.

    Raises `ListRefused` for what is not there or not allowed, `ListAway` for what may pass.
    """
    scheme = scheme_of(source)
    if scheme in _WEB:
        return web.fetch(source, into, limits, etag)
    if scheme in _FILE_SERVERS:
        with into.open("wb") as copy:
            if scheme in _FTP:
                modified = ftp.fetch(urlsplit(source), copy, limits)
            else:
                modified = sftp.fetch(urlsplit(source), copy, limits, host_key=host_key)
        return Fetched(digest_of(into), modified)
    if inbox := inbox_of(source):
        return uploaded.fetch(inbox, into, limits, etag)
    _refuse_other(scheme)
    return files.fetch(source, into, limits)


def beginning(source: str, limits: Limits, *, most: int, host_key: str = "") -> bytes:
    """The first `most` bytes of a list, as they lie there. Raises what `fetch` raises."""
    scheme = scheme_of(source)
    if scheme in _WEB:
        return web.beginning(source, limits, most=most)
    if scheme in _FILE_SERVERS:
        begun = BytesIO()
        if scheme in _FTP:
            ftp.fetch(urlsplit(source), begun, limits, most=most)
        else:
            sftp.fetch(urlsplit(source), begun, limits, host_key=host_key, most=most)
        return begun.getvalue()[:most]
    if inbox := inbox_of(source):
        with TemporaryDirectory(prefix="looking-") as folder:
            uploaded.fetch(inbox, copy := Path(folder) / "list", limits, "")
            with copy.open("rb") as file:
                return file.read(most)
    _refuse_other(scheme)
    return files.beginning(source, limits, most=most)


def _refuse_other(scheme: str) -> None:
    if scheme:
        ways = ", ".join((*_WEB, *_FILE_SERVERS, UPLOAD))
        raise ListRefused(f"{scheme}:// is no way to fetch a price list: use a path or one of {ways}")
