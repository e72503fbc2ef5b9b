"""Addresses of lists that people upload: each names an inbox."""

from __future__ import annotations

import re

#: `upload://rosy`: the newest list that somebody has uploaded for it.
UPLOAD = "upload"
_INBOX = re.compile(r"upload://([a-z0-9][a-z0-9_-]{0,49})/?", re.IGNORECASE | re.ASCII)


def inbox_of(source: str) -> str:
    """The inbox of lists that are uploaded; empty for other sources."""
    inbox = _INBOX.fullmatch(source.strip())
    return inbox[1].lower() if inbox else ""
