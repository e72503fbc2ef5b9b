"""The catalogue's index: every stone of one version in a mapped file, searched without the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from catalog.index.snapshot import Snapshot


def current() -> Snapshot | None:
    """The newest snapshot of this host (`readers.current`)."""
    # Numpy takes memory and time to start, which programs that never search need not spend.
    from catalog.index import readers

    return readers.current()
