"""Clients that are slow on purpose, against a web process as it is run: nobody else notices, and each is closed."""

from __future__ import annotations

import os
import re
import select
import shutil
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress

import pytest

from diamondhub.local.testing import servers
from diamondhub.local.tests.test_services import ROOT, until
from diamondhub.serving import bounds
from diamondhub.serving.tests.processes import Web, rest_of

pytestmark = pytest.mark.processes

#: A page that a thread makes, and that needs no row of the database.
PAGE = "/api/docs/"
#: An answer of which a dozen fit into no buffer of the kernel's.
LARGE = "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js"
HALF_A_HEAD = b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: "
SIGN_IN = b"POST /admin/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    folder = ROOT / "var" / "test" / "web" / f"{os.getpid()}-slow"
    running = Web(folder, DATABASE_URL=servers.database_url(), REDIS_URL=servers.redis_url())
    yield running
    running.end()
    shutil.rmtree(folder, ignore_errors=True)


def begun(web: Web, sent: bytes) -> socket.socket:
    """A client that has sent so much: who has sent nothing for two seconds is told nothing."""
    client = web.connect()
    client.sendall(sent)
    return client


def closed(clients: list[socket.socket]) -> list[bytes]:
    """What each was told before the server closed it."""
    told = [rest_of(client) for client in clients]
    for client in clients:
        client.close()
    return told


def test_sixteen_half_sent_heads_hold_nobody_up_and_are_told_that_they_are_late(web: Web) -> None:
    slow = [begun(web, HALF_A_HEAD) for _ in range(16)]

    statuses = [web.ask(path) for path in ("/health/live", PAGE)]

    assert statuses == [200, 200]
    assert all(b" 408 " in told for told in closed(slow))


def test_sixteen_bodies_of_a_byte_at_a_time_hold_nobody_up_and_are_told_that_they_are_late(web: Web) -> None:
    slow = [begun(web, SIGN_IN + b"Content-Length: 900000\r\n\r\na") for _ in range(16)]

    statuses = [web.ask(path) for path in ("/health/live", PAGE)]
    # Bytes that go on coming keep nothing open.
    until(lambda: _all_were_told(slow))

    assert statuses == [200, 200]
    assert all(b" 408 " in told for told in closed(slow))


def _all_were_told(clients: list[socket.socket]) -> bool:
    silent = [client for client in clients if not select.select([client], [], [], 0)[0]]
    for client in silent:
        client.sendall(b"a")
    return not silent


def test_thirty_two_clients_that_read_nothing_hold_nobody_up_and_are_closed(web: Web) -> None:
    slow = [web.connect(receive_buffer=4096) for _ in range(32)]
    for client in slow:
        client.sendall(b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % LARGE.encode() * 12)

    statuses = [web.ask(path) for path in ("/health/live", PAGE)]
    # Whoever is not closed yet when this test begins to read would be given the rest.
    until(lambda: sum(map(int, re.findall(r"reading=(\d+)", web.said()))) >= len(slow))

    assert statuses == [200, 200]
    answer = len(web.answer("GET", LARGE)[2])
    assert all(len(told) < 12 * answer for told in closed(slow)), "none of them was given all that it asked for"


def test_two_hundred_silent_connections_hold_nobody_up_and_are_closed(web: Web) -> None:
    silent = [web.connect() for _ in range(200)]

    statuses = [web.ask(path) for path in ("/health/live", PAGE)]

    assert statuses == [200, 200]
    assert set(closed(silent)) == {b""}


def test_blank_lines_do_not_make_a_connection_younger(web: Web) -> None:
    with web.connect() as client:

        def ended() -> bool:
            with suppress(ConnectionError):
                client.sendall(b"\r\n")
            return bool(select.select([client], [], [], 0.1)[0])

        until(ended)


@pytest.mark.parametrize(
    ("path", "content_type"),
    [("/admin/login/", b"multipart/form-data; boundary=x"), ("/api/v1/x", b"application/json")],
)
def test_bodies_refused_unread_reach_all_who_sent_them_and_hold_no_thread(
    web: Web, path: str, content_type: bytes
) -> None:
    head = b"POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: %s\r\n" % (path.encode(), content_type)
    senders = [web.connect() for _ in range(32)]
    for client in senders:
        client.sendall(head + b"Content-Length: 300000000\r\n\r\n" + b"x" * 9000)

    status = web.ask(PAGE)

    assert status == 200
    assert all(b" 413 " in told and b"1,000,000 bytes" in told for told in closed(senders))


def test_a_client_that_waits_for_leave_is_not_asked_to_send_what_is_too_long(web: Web) -> None:
    told = web.say(SIGN_IN + b"Expect: 100-continue\r\nContent-Length: 300000000\r\n\r\n")

    assert told.startswith(b"HTTP/1.1 413 ")


def test_a_body_of_900_kb_that_the_api_refuses_holds_no_thread(web: Web) -> None:
    head = b"POST /api/v1/rule-sets HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    senders = [begun(web, head + b"Content-Length: 900000\r\n\r\n" + b"x" * 9000) for _ in range(16)]

    statuses = [web.ask(path) for path in ("/health/live", PAGE)]

    assert statuses == [200, 200]
    assert all(b" 408 " in told for told in closed(senders))


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /api/" + b"a" * bounds.MAX_REQUEST_LINE + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET /api/" + b"a" * bounds.MAX_REQUEST_LINE, 414),
        (b"GET /api/ HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431),
        (b"GET /api/ HTTP/1.1\r\nA: " + b"b" * bounds.MAX_HEAD + b"\r\n\r\n", 431),
        (b"\0\r\n\r\n", 400),
        (b"GET /api/\r\nA\r\n\r\n", 400),
        (b"GET /api/ HTTP/1.1\r\nA : b\r\n\r\n", 400),
        (b"POST /api/ HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na", 400),
        (b"POST /api/ HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /api/ HTTP/1.1\r\nContent-Length: " + b"1" * 23 + b"\r\n\r\n", 413),
        (b"POST /api/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        (b"POST /api/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        (b"POST /api/ HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 411),
        (b"POST /api/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 411),
    ],
)
def test_what_is_no_request_is_a_problem_of_the_api_with_an_id(web: Web, request_: bytes, status: int) -> None:
    head, _, body = web.say(request_).partition(b"\r\n\r\n")

    assert head.split()[1] == str(status).encode()
    assert b"\r\nContent-Type: application/problem+json\r\n" in head
    assert b"\r\nX-Request-Id: " in head
    assert f'"status": {status}'.encode() in body


def test_one_connection_serves_answers_without_a_body_heads_and_pipelines(web: Web) -> None:
    host = b" HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    asked = [
        b"HEAD /api/docs/" + host,
        b"OPTIONS /health/live" + host,
        b"GET /health/live" + host,
        b"GET /admin/" + host,
    ]

    told = web.say(b"\r\n".join([*asked, b"GET /health/live" + host + b"Connection: close\r\n\r\n"]))

    assert re.findall(rb"HTTP/1\.1 (\d+) ", told) == [b"200", b"405", b"200", b"302", b"200"]
    assert told.count(b"Connection: close") == 1
    assert told.count(b'{"status": "alive"}') == 2


def test_each_answer_of_a_pipeline_is_to_its_own_request_whoever_makes_it(web: Web) -> None:
    host = b" HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    # The loop answers every other one, and a thread is at the next one before the loop is done.
    pair = b"GET /health/live" + host + b"\r\nOPTIONS /health/live" + host + b"\r\n"

    told = b"".join(web.say(pair * 20 + b"GET /health/live" + host + b"Connection: close\r\n\r\n") for _ in range(20))

    statuses = re.findall(rb"HTTP/1\.1 (\d+) ", told)
    assert statuses == ([b"200", b"405"] * 20 + [b"200"]) * 20


def test_names_of_headers_are_sent_as_they_were_written(web: Web) -> None:
    told = web.say(b"GET /api/v1/diamonds HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")

    assert b"\r\nWWW-Authenticate: " in told


def test_http_1_0_is_answered_and_closed(web: Web) -> None:
    told = web.say(b"GET /api/docs/ HTTP/1.0\r\n\r\n")

    assert told.startswith(b"HTTP/1.0 200 ")
    assert b"\r\nConnection: close\r\n" in told


def test_a_client_that_breaks_off_is_forgotten(web: Web) -> None:
    for _ in range(50):
        client = web.connect()
        client.sendall(b"GET /api/schema/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 3)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()

    assert web.ask(PAGE) == 200
    assert "Traceback" not in web.said()


def test_told_to_stop_it_answers_what_is_in_hand_and_closes_the_rest() -> None:
    folder = ROOT / "var" / "test" / "web" / f"{os.getpid()}-stopped"
    # Nothing is late here, however slow the machine is.
    web = Web(folder, DATABASE_URL=servers.database_url(), REDIS_URL=servers.redis_url(), TEST_DEADLINE_SECONDS="60")
    silent, half = web.connect(), web.connect()
    half.sendall(b"GET /api/docs/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ")
    # What is answered after these has been seen.
    assert web.ask("/health/live") == 200

    web.process.terminate()
    until(lambda: silent.recv(1) == b"")
    half.sendall(b"b\r\n\r\n")
    told = rest_of(half)

    assert told.startswith(b"HTTP/1.1 200 ")
    assert b"\r\nConnection: close\r\n" in told
    assert web.end() == 0
    silent.close()
    half.close()
    shutil.rmtree(folder, ignore_errors=True)
