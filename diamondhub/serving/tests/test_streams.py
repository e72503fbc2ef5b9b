"""How many streams there may be at once."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.test import Client, RequestFactory, override_settings
from django.urls import path

from diamondhub.serving.bounds import MAX_STREAMS, THREADS
from diamondhub.serving.streams import Streams
from diamondhub.urls import urlpatterns

# An answer that is closed has Django look after the connection that an earlier test may have left.
pytestmark = pytest.mark.django_db

REQUEST = RequestFactory().get("/api/v1/exports")


def endless(_request: HttpRequest) -> HttpResponseBase:
    def parts() -> Iterator[bytes]:
        while True:
            yield b"part"

    return StreamingHttpResponse(parts())


def test_a_quarter_of_the_threads_may_stream_and_the_next_is_told_to_come_again() -> None:
    streams = Streams(endless)

    begun = [streams(REQUEST) for _ in range(MAX_STREAMS)]
    refused = streams(REQUEST)

    assert MAX_STREAMS == THREADS // 4
    assert [response.status_code for response in begun] == [200] * MAX_STREAMS
    assert refused.status_code == 503
    assert refused["Retry-After"]


def test_a_stream_that_ends_or_is_broken_off_or_never_begins_gives_its_place_to_the_next() -> None:
    streams = Streams(endless)

    for response in [streams(REQUEST) for _ in range(MAX_STREAMS)]:
        assert isinstance(response, StreamingHttpResponse)
        next(iter(response))
        response.close()
    for response in [streams(REQUEST) for _ in range(MAX_STREAMS)]:
        response.close()

    assert streams(REQUEST).status_code == 200


def test_whole_answers_files_and_heads_are_no_streams() -> None:
    whole = Streams(lambda _request: HttpResponse(b"whole"))
    files = Streams(lambda _request: FileResponse(io.BytesIO(b"file")))
    heads = Streams(endless)
    head = RequestFactory().head("/api/v1/exports")

    for _ in range(MAX_STREAMS + 1):
        assert whole(REQUEST).status_code == 200
        assert files(REQUEST).status_code == 200
        assert heads(head).status_code == 200


def test_the_bound_stands_around_every_view_of_the_product() -> None:
    with override_settings(ROOT_URLCONF=(path("endless", endless), *urlpatterns)):
        # One client has one chain of middleware, as a process has.
        client = Client()
        begun = [client.get("/endless") for _ in range(MAX_STREAMS)]
        refused = client.get("/endless")
        begun[0].close()
        again = client.get("/endless")

    assert [answer.status_code for answer in (*begun, refused, again)] == [200] * MAX_STREAMS + [503, 200]
    for answer in (*begun[1:], again):
        answer.close()
