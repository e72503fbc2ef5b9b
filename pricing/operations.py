"""What pricing forgets: months of the history of prices, and old repricings."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, QuerySet

from diamondhub.operations import retention
from pricing.history import CHANGES
from pricing.models import Repricing


def old_repricings() -> QuerySet[Repricing]:
    """Repricings of long ago, but the last one that was not cancelled: it says up to which day rules were heeded."""
    later = Repricing.objects.filter(pk__gt=OuterRef("pk")).exclude(state=Repricing.State.CANCELLED)
    return Repricing.objects.filter(Exists(later), finished_at__lt=retention.history_kept_from())


retention.register_months("price_months", CHANGES)
retention.register_rows("repricings", old_repricings)
