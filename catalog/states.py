"""The history of availability: the table's monthly pieces. A trigger on the diamonds fills it (`0006_states_kept`)."""

from __future__ import annotations

from diamondhub.timed_tables import TimedTable

#: The history's table, in monthly pieces.
STATES = TimedTable("catalog_availabilitychange", "changed_on", "month", ahead=2)
