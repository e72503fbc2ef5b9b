"""What ingestion counts by the minute (`diamondhub.operations.measuring`)."""

from __future__ import annotations

#: Stones that runs brought, by feed: new, changed, and those that were there already as they are.
STONES = "stones"
