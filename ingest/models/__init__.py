"""The rows of ingestion, one file per noun."""

from __future__ import annotations

from ingest.models.batch import ConsolidationBatch
from ingest.models.dead_letter import DeadLetter
from ingest.models.feed import Feed
from ingest.models.page import Page
from ingest.models.partition import Partition
from ingest.models.raw import RawDiamond
from ingest.models.run import Run, RunEvent

__all__ = ["ConsolidationBatch", "DeadLetter", "Feed", "Page", "Partition", "RawDiamond", "Run", "RunEvent"]
