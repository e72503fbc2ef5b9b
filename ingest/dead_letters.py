"""Dead letters: keeping what could not be processed, with its reason, for people and for a replay."""

from __future__ import annotations

import re
from hashlib import blake2b
from uuid import UUID

from django.db.models.functions import Now

from ingest.errors import MappingError
from ingest.models import DeadLetter, Run

#: A payload longer than this is cut; the supplier's longest honest ones have some 15 kB (characters).
PAYLOAD_LIMIT = 200_000


def fingerprint(kind: str, field: str, reason: str) -> str:
    """The mark that letters of one cause share: kind, field and the reason without quoted values and numbers."""
    shape = re.sub(r"'[^']*'|\"[^\"]*\"|\d+", "…", reason)
    return blake2b(f"{kind}\0{field}\0{shape}".encode(), digest_size=16).hexdigest()


def letter(
    run: Run,
    *,
    kind: str,
    payload: bytes,
    error: MappingError,
    diamond_id: UUID | None = None,
    supplier_stone_id: str = "",
) -> DeadLetter:
    """A dead letter that is not saved yet."""
    text = payload.decode("utf-8", errors="backslashreplace").replace("\0", "\\u0000")
    return DeadLetter(
        kind=kind,
        feed_id=run.feed_id,
        run=run,
        diamond_id=diamond_id,
        supplier_stone_id=supplier_stone_id,
        fingerprint=fingerprint(kind, error.field, error.reason),
        field=error.field[:100],
        reason=error.reason[:500].replace("\0", "␀"),
        payload=text[:PAYLOAD_LIMIT],
        mapper_version=run.mapper_version,
        trace_id=run.trace_id,
        created_at=Now(),
    )


def record(run: Run, *, kind: str, payload: bytes, error: MappingError) -> None:
    """Save a dead letter in the current transaction."""
    letter(run, kind=kind, payload=payload, error=error).save()
