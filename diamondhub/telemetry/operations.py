"""What the start page shows of the machinery: when the sweep last went round."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from diamondhub.admin.display import ago
from diamondhub.operations import home
from diamondhub.telemetry.models import Heartbeat


def last_sweep() -> Iterator[home.Figure]:
    """How long ago beat's sweep went round: long means that no beat or no worker is alive."""
    beat = Heartbeat.objects.filter(name="sweep").first()
    late = beat is None or timezone.now() - beat.seen_at > timedelta(seconds=max(30.0, settings.SWEEP_SECONDS * 6))
    yield home.Figure(
        title="last sweep",
        value=ago(beat.seen_at) if beat else "never",
        url=reverse("admin:telemetry_heartbeat_changelist"),
        tone="bad" if late else "good",
        note="no beat or no worker is running" if late else "",
    )


home.register(last_sweep, permission="telemetry.view_heartbeat")
