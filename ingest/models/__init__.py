"""The rows of ingestion, one file per noun."""

from __future__ import annotations

from ingest.models.batch import ConsolidationBatch
from ingest.models.dead_letter import DeadLetter, DeadLetterAttempt
from ingest.models.feed import Feed
from ingest.models.page import Page
from ingest.models.partition import Partition
from ingest.models.pause import SupplierPause
from ingest.models.raw import RawDiamond
from ingest.models.remap import Remap
from ingest.models.run import Run, RunEvent
from ingest.models.secret import FeedSecret
from ingest.models.slot import ScheduleSlot

__all__ = [
    "ConsolidationBatch",
    "DeadLetter",
    "DeadLetterAttempt",
    "Feed",
    "FeedSecret",
    "Page",
    "Partition",
    "RawDiamond",
    "Remap",
    "Run",
    "RunEvent",
    "ScheduleSlot",
    "SupplierPause",
]
