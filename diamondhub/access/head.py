"""What the gate sees first of a request: the id that its log lines, its errors and its answer carry."""

from __future__ import annotations

import re
import uuid

import structlog
from django.http import HttpResponseBase

from diamondhub.access.gate import Place, Step, Visit

_ACCEPTABLE = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)


class RequestId(Step):
    """Binds `request_id` for the logs and answers with `X-Request-Id`; a caller's own id is kept if it is well-formed."""

    place = Place.REQUEST_ID

    def check(self, visit: Visit) -> None:
        given = visit.request.headers.get("X-Request-Id", "")
        request_id = given if _ACCEPTABLE.fullmatch(given) else uuid.uuid4().hex
        visit.request.request_id = request_id  # type: ignore[attr-defined]
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)

    def finish(self, visit: Visit, response: HttpResponseBase) -> None:
        response["X-Request-Id"] = visit.request.request_id  # type: ignore[attr-defined]
