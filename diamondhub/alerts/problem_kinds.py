"""What can be wrong with telling: a channel that fails, and deliveries that nobody makes."""

from __future__ import annotations

from diamondhub.admin.display import address
from diamondhub.operations.problems.kinds import Button, Kind, Severity, declare

CHANNEL_FAILING, DELIVERY_LATE, SWEEP_LATE = "channel-failing", "delivery-late", "sweep-late"


def _state_of_channel(about: str) -> str:
    return address("alerts_channelstate_change", about.partition("channel:")[2])


def _deliveries(_about: str) -> str:
    return address("alerts_event_changelist") + "?delivery=pending"


declare(
    Kind(
        CHANNEL_FAILING,
        "A channel of alerts fails",
        Severity.CRITICAL,
        found="two tries in a row have failed on it (critical after 15 minutes), or it has refused a message for good",
        ends="by itself, when something is delivered on it, a test too, or it is switched off",
        permission="alerts.view_event",
        link=_state_of_channel,
        buttons=(Button("The channel, and a test", _state_of_channel, "alerts.view_channelstate"),),
    ),
    Kind(
        DELIVERY_LATE,
        "Alerts are not sent",
        Severity.CRITICAL,
        found="no delivery round has ended for a minute, or alerts are due for five minutes on a channel that is well",
        ends="by itself, when rounds are made again and nothing is overdue",
        permission="alerts.view_event",
        link=_deliveries,
        buttons=(Button("What waits", _deliveries, "alerts.view_event"),),
    ),
)
