"""Valid rows of ingestion for tests of its edges: a test states only what matters to it."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import md5
from typing import Any
from uuid import uuid4

from catalog.models import Diamond, diamond_id
from ingest.models import DeadLetter, Feed, Partition, Run
from ingest.models.plan import RunPlan

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)


def feed(slug: str = "nivoda-natural") -> Feed:
    """One of the feeds that the migrations make."""
    return Feed.objects.get(slug=slug)


def run(**fields: Any) -> Run:
    """A run with its first event, ingesting unless told otherwise."""
    made = Run.objects.create(
        **{
            "feed": feed() if "feed" not in fields else fields["feed"],
            "kind": "full",
            "state": "ingesting",
            "trace_id": uuid4().hex,
            "started_by": "eve",
            "rule_set": 1,
            "window_to": AT,
            "plan": RunPlan(
                total=1000,
                partitions=2,
                requests=9,
                density=[(0, 0), (100, 0), (500, 400), (1000, 800), (5000, 1000)],
            ),
            **fields,
        }
    )
    made.events.create(to_state=made.state, actor=made.started_by, at=AT)
    return made


def partition(of: Run, **fields: Any) -> Partition:
    """A partition of a run, ready and due unless told otherwise."""
    ordinal = fields.pop("ordinal", of.partitions.count())
    return Partition.objects.create(
        run=of,
        ordinal=ordinal,
        **{"price_from": ordinal * 100, "price_to": ordinal * 100 + 99, "expected": 50, "due_at": AT, **fields},
    )


def dead_letter(of: Run, **fields: Any) -> DeadLetter:
    """A dead letter of a run, open unless told otherwise."""
    closed = fields.get("state", "open") not in ("open", "parked")
    return DeadLetter.objects.create(
        **{
            "kind": "stone",
            "feed": of.feed,
            "run": of,
            "supplier_stone_id": "S-1",
            "fingerprint": "0" * 32,
            "field": "diamond.certificate.carats",
            "reason": "'n/a' is no number",
            "payload": '{"id": "S-1"}',
            "created_at": AT,
            "closed_at": AT if closed else None,
            "closed_by": "eve" if closed else "",
            "closed_reason": "done" if closed else "",
            **fields,
        }
    )


def diamond(supplier_stone_id: str = "S-1", **fields: Any) -> Diamond:
    """A diamond as consolidation writes it."""
    of = fields.get("feed", "nivoda-natural")
    return Diamond.objects.create(
        **{
            "id": diamond_id(of, supplier_stone_id),
            "feed": of,
            "supplier_stone_id": supplier_stone_id,
            "offer_id": f"DIAMOND/{supplier_stone_id}",
            "shape": "ROUND",
            "carats": "1.010",
            "color": 2,
            "clarity": 5,
            "cut": 2,
            "lab_grown": False,
            "lab": "GIA",
            "certificate_number": f"C{supplier_stone_id}",
            "cost_cents": 100_000,
            "cost_per_carat_cents": 99_010,
            "price_cents": 140_000,
            "price_per_carat_cents": 138_614,
            "availability": "available",
            "rule_set": 1,
            "priced_on": AT.date(),
            "payload_hash": md5(supplier_stone_id.encode(), usedforsecurity=False).digest(),
            "raw_id": 1,
            "source_updated_at": AT,
            "first_seen_at": AT,
            "changed_at": AT,
            **fields,
        }
    )
