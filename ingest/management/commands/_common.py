"""The base class of ingestion's commands."""

from __future__ import annotations

from diamondhub.commands import ReportingCommand, actor
from ingest.errors import IngestError

__all__ = ["IngestCommand", "actor"]


class IngestCommand(ReportingCommand):
    """A command whose errors of ingestion are one line on stderr."""

    expected = (IngestError,)
