"""Headers by which an answer leads elsewhere: to the next page, to what follows something that is going away."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from django.http import HttpResponseBase
from django.utils.http import http_date

from diamondhub.api.serializers import texts_of

if TYPE_CHECKING:
    from diamondhub.api.endpoint import Endpoint, Operation


def add(view: Endpoint, response: HttpResponseBase) -> None:
    """`Link: …; rel="next"` beside the `next` of a page; `Deprecation`, `Sunset` and the successor of what is going away."""
    declared = view.operation
    if declared is None:
        return
    links = []
    answer = getattr(response, "data", None)
    if isinstance(answer, dict) and isinstance(answer.get("next"), str) and "cursor" in declared.query.shared().fields:
        links.append(f'<{_with_cursor(view, answer["next"])}>; rel="next"')
    links += _of_deprecation(declared, response)
    if links:
        response["Link"] = ", ".join([*([response["Link"]] if "Link" in response else []), *links])


def moment(day: date) -> datetime:
    """The first moment of a day (UTC)."""
    return datetime.combine(day, time(), UTC)


def _of_deprecation(declared: Operation, response: HttpResponseBase) -> list[str]:
    if declared.deprecated is not None:
        response["Deprecation"] = f"@{int(moment(declared.deprecated).timestamp())}"
    if declared.sunset is not None:
        response["Sunset"] = http_date(moment(declared.sunset).timestamp())
    return [f'<{declared.successor}>; rel="successor-version"'] if declared.successor is not None else []


def _with_cursor(view: Endpoint, cursor: str) -> str:
    # Without a host, as RFC 8288 allows: it leads to where the page came from, whatever a proxy made of its address.
    texts = {name: texts for name, texts in texts_of(view.request).items() if name != "cursor"}
    query = urlencode({**texts, "cursor": [cursor]}, doseq=True, safe=",:")
    return f"{quote(view.request.path)}?{query}"
