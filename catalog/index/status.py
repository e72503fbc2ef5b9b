"""How the index of this host is, in words: for health, the start page and `manage.py index --status`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from catalog.index import board, builder, readers
from catalog.index.board import Notice
from diamondhub.telemetry.health import Outcome


@dataclass(frozen=True)
class Status:
    """The builder's last notice, whether it lives, and why the index is not used ("" if it is)."""

    notice: Notice | None
    alive: bool
    reason: str

    def as_json(self) -> dict[str, Any]:
        notice, now = self.notice, time.monotonic()
        if notice is None:
            return {"usable": False, "reason": self.reason, "builder": self.alive, "version": None}
        silent = notice.silent(now)
        return {
            "usable": not self.reason,
            "reason": self.reason or None,
            "builder": self.alive,
            "version": notice.version if notice.file else None,
            "database_version": notice.database_version,
            "stones": notice.rows,
            "looked_seconds_ago": None if silent == float("inf") else round(silent, 1),
            "behind_seconds": round(notice.behind(now), 1),
            "made_in_seconds": round(notice.took, 2),
            "patched": notice.patched,
            "failure": notice.failure or None,
        }

    def text(self) -> str:
        """One line, which tells nothing that a stranger must not know."""
        notice, now = self.notice, time.monotonic()
        builder_words = "builder at work" if self.alive else "no builder"
        if notice is None or not notice.file:
            return f"none; {builder_words}; {self.reason}"
        words = [f"version {notice.version}, {notice.rows:,} stones"]
        behind = notice.behind(now)
        words.append(f"{behind:.0f} s behind version {notice.database_version}" if behind else "the newest version")
        silent = notice.silent(now)
        words.append("seen before this host started" if silent == float("inf") else f"seen {silent:.0f} s ago")
        words.append(builder_words)
        if notice.failure:
            words.append(f"failing ({notice.failure})")
        return "; ".join([*words, self.reason] if self.reason else words)


def of(folder: Path) -> Status:
    """The status of a folder's index."""
    notice = board.read(folder)
    return Status(notice, builder.is_alive(folder), readers.unusable(notice, settings.INDEX_MAX_AGE_SECONDS))


def health() -> Outcome:
    """Whether the index of this host is used; without it searches are slower and right."""
    now = of(settings.INDEX_DIR)
    return Outcome(ok=not now.reason and now.alive, detail=now.text())
