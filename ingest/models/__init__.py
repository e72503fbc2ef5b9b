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
from ingest.models.resting import Pause
from ingest.models.review_stone import ReviewStone
from ingest.models.run import Run, RunEvent
from ingest.models.secret import FeedSecret
from ingest.models.seen_list import SeenList
from ingest.models.slot import ScheduleSlot
from ingest.models.supplier_requests import SupplierRequests
from ingest.models.uploaded_list import UploadedList, UploadedPiece

__all__ = [
    "ConsolidationBatch",
    "DeadLetter",
    "DeadLetterAttempt",
    "Feed",
    "FeedSecret",
    "Page",
    "Partition",
    "Pause",
    "RawDiamond",
    "Remap",
    "ReviewStone",
    "Run",
    "RunEvent",
    "ScheduleSlot",
    "SeenList",
    "SupplierPause",
    "SupplierRequests",
    "UploadedList",
    "UploadedPiece",
]
