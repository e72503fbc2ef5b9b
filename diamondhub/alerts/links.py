"""Addresses in messages, by `PUBLIC_URL`: of pages that show and never act, since programs follow links in mails."""

from __future__ import annotations

from django.conf import settings

from diamondhub.admin.display import address


def problem(number: int) -> str:
    """The address of a problem's page; empty if nobody has said where DiamondHub is."""
    return _outside(address("operations_problem_change", number))


def run_book(kind: str) -> str:
    """The address of a kind's run book; where nobody has said where DiamondHub is, its file."""
    return _outside(address("operations_run_book", kind)) or f"docs/runbooks/{kind}.md"


def home() -> str:
    """The address of the start page; empty if nobody has said where DiamondHub is."""
    return _outside(address("index"))


def _outside(path: str) -> str:
    return settings.PUBLIC_URL.rstrip("/") + path if settings.PUBLIC_URL and path else ""
