"""What the commands of API clients and keys share: their options, and how a new key is handed over."""

from __future__ import annotations

import argparse
import re
from typing import Any

from diamondhub.access import reports
from diamondhub.access.clients import AccessError, IssuedKey
from diamondhub.access.models import Kind
from diamondhub.access.scopes import Scope
from diamondhub.commands import ReportingCommand


class KeyCommand(ReportingCommand):
    """A command that may hand over a new key."""

    def hand_over(
        self, issued: IssuedKey, *, as_json: bool, old: dict[str, Any] | None = None, words: str = ""
    ) -> None:
        """Print a new key, alone on its line, so that it can be piped; what is said about it goes to stderr.

        A signing secret is the second line.
        """
        told = reports.issued(issued)
        lines = "\n".join(filter(None, (issued.text, issued.signing_secret)))
        self.say(told if old is None else {**told, "replaces": old}, lines, as_json=as_json)
        if not as_json:
            self.stderr.write(" ".join(filter(None, (reports.issued_in_words(issued), words))))


def add_terms(parser: argparse.ArgumentParser, *, scope_default: str) -> None:
    """Add the options by which a client is described."""
    parser.add_argument(
        "--scope",
        action="append",
        dest="scopes",
        metavar="SCOPE",
        help=f"what it may do; may be given several times ({scope_default}; one of: {', '.join(Scope)})",
    )
    parser.add_argument(
        "--kind",
        choices=Kind.values,
        help="secret: keys that a server keeps. publishable: keys for pages in browsers, which read only",
    )
    parser.add_argument(
        "--origin",
        action="append",
        dest="origins",
        metavar="ORIGIN",
        help="of a publishable client: a page that may use its keys, e.g. https://www.example.com; several times if several",
    )
    parser.add_argument(
        "--network",
        action="append",
        dest="networks",
        metavar="CIDR",
        help="an address or network that it calls from, and from nowhere else; several times if several",
    )
    parser.add_argument(
        "--must-sign",
        action="append",
        dest="needs_signature",
        metavar="SCOPE",
        help="a scope that it must sign its requests for; several times if several",
    )


def add_signing(parser: argparse.ArgumentParser) -> None:
    """Add the option by which a new key gets a signing secret."""
    parser.add_argument(
        "--signing",
        action="store_true",
        help="print a secret to sign requests with as well, in the second line (see docs/api/signing.md)",
    )


def days(text: str | None) -> int | None:
    """The value of `--expires-days`. Raises `AccessError`."""
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,6}", str(text), re.ASCII):
        raise AccessError(f"--expires-days must be a whole number of days, not {str(text)[:40]!r}")
    return int(text)
