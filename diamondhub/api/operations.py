"""Which answers of the API are forgotten, and when."""

from __future__ import annotations

from django.db.models import QuerySet

from diamondhub.api import idempotency
from diamondhub.api.models import IdempotentRequest
from diamondhub.operations import retention


def old_requests() -> QuerySet[IdempotentRequest]:
    """Requests whose keys may be used anew."""
    return IdempotentRequest.objects.filter(idempotency.forgotten())


retention.register_rows("idempotency_keys", old_requests)
retention.keep("api.IdempotentRequest", how_long="a day: as long as its key may be repeated", by=("idempotency_keys",))
