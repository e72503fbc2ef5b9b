"""Bounds streams: each holds a thread as long as its reader takes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator

from django.http import FileResponse, HttpRequest, HttpResponseBase, StreamingHttpResponse

from diamondhub.api.problems import Unavailable, respond
from diamondhub.serving.bounds import MAX_STREAMS


class Streams:
    """Middleware that lets `MAX_STREAMS` streams of this process run at once; 503 for the next.

    Files do not count: the server sends them without a thread.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self._places = threading.BoundedSemaphore(MAX_STREAMS)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not isinstance(response, StreamingHttpResponse) or isinstance(response, FileResponse):
            return response
        if request.method == "HEAD":
            return response
        if not self._places.acquire(blocking=False):
            response.close()
            detail = "As many exports as this server makes at once are being read; ask again in a while."
            return respond(request, Unavailable("too-many-streams", detail))
        place = _Place(self._places)
        response.streaming_content = place.held(response.streaming_content)  # type: ignore[arg-type]
        # The last reader's end, or its going away, closes the response either way.
        response._resource_closers.append(place.give_back)  # type: ignore[attr-defined]  # noqa: SLF001 - as Django's own
        return response


class _Place:
    def __init__(self, places: threading.BoundedSemaphore) -> None:
        self._places = places
        self._is_held = True
        self._lock = threading.Lock()

    def held(self, parts: Iterable[bytes]) -> Iterator[bytes]:
        try:
            yield from parts
        finally:
            self.give_back()

    def give_back(self) -> None:
        with self._lock:
            was_held, self._is_held = self._is_held, False
        if was_held:
            self._places.release()
