"""The gate's check of a body before a byte of it is read: a form that the operation takes, a length, and not too long."""

from __future__ import annotations

from diamondhub.access.gate import Place, Step, Visit
from diamondhub.api.parsers import check_announced


class Bodies(Step):
    """Refuses bodies of the API that announce themselves as too long, compressed, or as no JSON (411, 413, 415)."""

    place = Place.BODY

    def check(self, visit: Visit) -> None:
        declared = visit.operation
        if declared is None or declared.body is None:
            return
        meta = visit.request.META
        # In chunks a body comes without a length: that it cannot be read must be told.
        is_sent = "HTTP_TRANSFER_ENCODING" in meta or meta.get("CONTENT_LENGTH") not in {None, "", "0"}
        if is_sent or not declared.body_is_optional:
            check_announced(meta, declared.body_limit)
