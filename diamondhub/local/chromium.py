"""The browser of the tests: Debian's Chromium."""

from __future__ import annotations

from diamondhub.local import debian


def chromium() -> str | None:
    """The path of a Chromium; None if there is none."""
    return debian.program("chromium", "chromium", "chromium-browser")
