"""The client over real HTTP: every way in which the supplier fails has its class, costs its slots, and tells no secret."""

from __future__ import annotations

import gzip
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import pytest
from django.conf import settings
from redis import Redis
from structlog.testing import capture_logs

from diamondhub.pace.limiter import Limiter, Slot, WaitTooLong
from diamondhub.pace.tests.used import used_slots
from diamondhub.tests.patience import HANG_SECONDS
from ingest.errors import (
    PermanentSupplierError,
    SignInRefused,
    SupplierError,
    SupplierTooSlow,
    ThrottledBySupplier,
    TransientSupplierError,
    UndecodableAnswer,
)
from ingest.feeds.nivoda import transport
from ingest.feeds.nivoda.client import NivodaClient
from ingest.feeds.nivoda.query import counts_text
from ingest.feeds.nivoda.tokens import Token
from ingest.sandbox.faults import Failing, FailNext, Hanging, Settings, Throttling
from ingest.sandbox.server import Sandbox
from ingest.sandbox.supplier import Options

ACCOUNT = "test-client"
PASSWORD = "correct-horse-battery"
QUESTION = counts_text(1)
VARIABLES = {"q0": {"labgrown": True}}


class Counts(msgspec.Struct):
    """The shape of the answer to `QUESTION`."""

    account: dict[str, int] = msgspec.field(name="as")


class Raws(msgspec.Struct):
    """Items word for word."""

    account: list[msgspec.Raw] = msgspec.field(name="as")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Options(stones=300, username="buyer", password=PASSWORD)) as running:
        yield running


@pytest.fixture
def limiter(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Limiter]:
    """The account's limiter, fast, and forgetful of what other tests made of it."""
    # A test that stood still between its slot and its request would take another one.
    monkeypatch.setattr(transport, "MAX_LATE_SECONDS", HANG_SECONDS)
    sandbox.supplier.set_faults(Settings())
    sandbox.supplier.accounting.reset()
    yield limiter_of_account()
    redis = Redis.from_url(settings.REDIS_URL)
    # The epoch stays: a flushed limiter would wait out a second.
    redis.hset(f"limiter:{{{ACCOUNT}}}", mapping={"blocked": 0, "tat": 1, "fails": 0, "opened": 0, "interval": 0})


def limiter_of_account() -> Limiter:
    return Limiter(ACCOUNT, per_second=5_000, redis_url=settings.REDIS_URL, max_wait=3.0)


@pytest.fixture
def client(sandbox: Sandbox, limiter: Limiter) -> NivodaClient:
    return NivodaClient(sandbox.url, "buyer", PASSWORD, limiter, timeout=HANG_SECONDS)


@pytest.fixture
def signed_in(client: NivodaClient, sandbox: Sandbox) -> NivodaClient:
    client.sign_in(instead_of="")
    sandbox.supplier.accounting.reset()
    return client


def ask(client: NivodaClient) -> int:
    return client.ask(QUESTION, VARIABLES, Counts).data.account["c0"]


class Odd:
    """A supplier of one test: answers every request as `answer` does."""

    def __init__(self, answer: Callable[[BaseHTTPRequestHandler, dict[str, Any]], None]) -> None:
        odd = self
        self.requests = 0

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                odd.requests += 1
                self.close_connection = True
                try:
                    answer(self, body)
                except OSError:
                    # The client hung up, as it should.
                    pass

            def end_headers(self) -> None:
                # A client that is not told may take the connection for its next request, and find it closed.
                self.send_header("Connection", "close")
                super().end_headers()

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/graphql"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def odd(limiter: Limiter) -> Iterator[Callable[..., tuple[NivodaClient, Odd]]]:
    """Makes a supplier that answers oddly, and a client of it that believes to be signed in."""
    opened: list[Odd] = []

    def make(answer: Any, *, timeout: float = HANG_SECONDS) -> tuple[NivodaClient, Odd]:
        if not callable(answer):
            answer = respond(**answer)
        supplier = Odd(answer)
        opened.append(supplier)
        client = NivodaClient(supplier.url, "buyer", PASSWORD, limiter, timeout=timeout)
        client._token = Token("a-token", time.monotonic() + 60)
        return client, supplier

    yield make
    for supplier in opened:
        supplier.close()


def respond(
    *, body: Any = b"", status: int = 200, headers: dict[str, str] | None = None
) -> Callable[[BaseHTTPRequestHandler, dict[str, Any]], None]:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()

    def answer(handler: BaseHTTPRequestHandler, _request: dict[str, Any]) -> None:
        handler.send_response(status)
        for name, value in (headers or {}).items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        handler.wfile.write(text)

    return answer


def errors(message: str, code: str = "", *, data: Any = None) -> dict[str, Any]:
    return {"data": data, "errors": [{"message": message, "extensions": {"code": code}}]}


def test_it_signs_in_by_itself_and_keeps_its_token(client: NivodaClient, sandbox: Sandbox, limiter: Limiter) -> None:
    before = used_slots(limiter)

    answers = [ask(client) for _ in range(3)]

    books = sandbox.supplier.accounting.stats()
    assert len(set(answers)) == 1
    assert (books["sign_ins"], books["counts"]) == (1, 3)
    assert used_slots(limiter) - before == 4


def test_an_answer_says_when_the_supplier_gave_it_and_how_long_it_took(
    signed_in: NivodaClient, sandbox: Sandbox
) -> None:
    sandbox.supplier.set_faults(Settings(latency_ms=80))

    before = int(time.time())

    answer = signed_in.ask(QUESTION, VARIABLES, Counts)

    assert answer.supplier_time is not None
    assert before <= answer.supplier_time.timestamp() <= time.time()
    assert 0.08 <= answer.elapsed <= time.time() - before


@pytest.mark.parametrize(
    ("faults", "error", "words"),
    [
        (Settings(http_429=Throttling(rate=1, retry_after=1)), ThrottledBySupplier, "the supplier answers 429"),
        (Settings(http_429=1), ThrottledBySupplier, "the supplier answers 429"),
        (
            Settings(fail_next=FailNext(requests=1, status=503, retry_after=1)),
            ThrottledBySupplier,
            "the supplier answers 503",
        ),
        (Settings(http_5xx=Failing(rate=1, status=500)), TransientSupplierError, "the supplier answers 500"),
        (Settings(http_5xx=Failing(rate=1, status=504)), TransientSupplierError, "the supplier answers 504"),
        (Settings(html_200=1), TransientSupplierError, r"cannot be decoded \(text/html\)"),
        (Settings(graphql_error=1), TransientSupplierError, "the supplier says: Internal server error"),
        (Settings(cut_connection=1), TransientSupplierError, "no answer from the supplier"),
    ],
)
def test_every_failure_has_its_class_costs_one_slot_and_is_not_repeated(
    signed_in: NivodaClient,
    sandbox: Sandbox,
    limiter: Limiter,
    faults: Settings,
    error: type[SupplierError],
    words: str,
) -> None:
    before = used_slots(limiter)
    sandbox.supplier.set_faults(faults)

    with pytest.raises(error, match=words):
        ask(signed_in)

    assert sandbox.supplier.accounting.stats()["requests"] == 1
    assert used_slots(limiter) - before == 1


def test_an_answer_that_does_not_come_in_time_is_given_up_on(signed_in: NivodaClient, sandbox: Sandbox) -> None:
    sandbox.supplier.set_faults(Settings(timeout=Hanging(rate=1, seconds=5)))

    with pytest.raises(TransientSupplierError, match="time ran out"):
        signed_in.ask(QUESTION, VARIABLES, Counts, timeout=0.3)


def test_being_throttled_keeps_everybody_waiting_for_as_long_as_the_supplier_asked(
    signed_in: NivodaClient, sandbox: Sandbox
) -> None:
    sandbox.supplier.set_faults(Settings(fail_next=FailNext(requests=1, status=429, retry_after=30)))
    began = time.monotonic()

    with pytest.raises(ThrottledBySupplier) as throttled:
        ask(signed_in)
    with pytest.raises(WaitTooLong) as refused:
        limiter_of_account().acquire()

    assert throttled.value.retry_after == 30
    assert 30 - (time.monotonic() - began) - 0.1 <= refused.value.wait <= 30
    assert sandbox.supplier.accounting.stats()["requests"] == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("2", 2.0),
        ("999999999", 600.0),
        ("-5", None),
        ("soon", None),
        ("١٢", None),
        ("Tue, 24 Nov 2026 10:00:30 GMT", 30.0),
        ("Tue, 24 Nov 2026 09:00:00 GMT", 0.0),
    ],
)
def test_retry_after_is_read_in_both_forms_by_the_supplier_s_clock(
    odd: Any, header: str, seconds: float | None
) -> None:
    def answer(handler: BaseHTTPRequestHandler, _request: dict[str, Any]) -> None:
        head = f"HTTP/1.1 429 Slow\r\nDate: Tue, 24 Nov 2026 10:00:00 GMT\r\nRetry-After: {header}\r\n"
        handler.wfile.write(f"{head}Content-Length: 0\r\n\r\n".encode())

    client, _ = odd(answer)

    with pytest.raises(ThrottledBySupplier) as throttled:
        ask(client)

    assert throttled.value.retry_after == seconds


def test_an_expired_token_costs_one_sign_in_and_one_repetition(
    signed_in: NivodaClient, sandbox: Sandbox, limiter: Limiter
) -> None:
    before = used_slots(limiter)
    sandbox.supplier.set_faults(Settings(expire_tokens=True))

    ask(signed_in)

    books = sandbox.supplier.accounting.stats()
    assert (books["requests"], books["sign_ins"], books["counts"]) == (3, 1, 2)
    assert used_slots(limiter) - before == 3


def test_a_token_that_expires_under_many_threads_is_renewed_once(signed_in: NivodaClient, sandbox: Sandbox) -> None:
    sandbox.supplier.set_faults(Settings(expire_tokens=True))
    gate = threading.Barrier(8)
    answers: list[int] = []

    def work() -> None:
        gate.wait(timeout=HANG_SECONDS)
        answers.append(ask(signed_in))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=HANG_SECONDS)

    assert len(answers) == 8
    assert sandbox.supplier.accounting.stats()["sign_ins"] == 1


def test_a_token_that_is_refused_when_it_is_new_is_not_renewed_for_ever(odd: Any) -> None:
    def answer(handler: BaseHTTPRequestHandler, request: dict[str, Any]) -> None:
        token = {"data": {"authenticate": {"username_and_password": {"token": "new"}}}}
        body = token if "username" in request["variables"] else errors("jwt expired")
        respond(body=body)(handler, request)

    client, supplier = odd(answer)

    with pytest.raises(TransientSupplierError, match="a token that it has just given: jwt expired"):
        ask(client)

    assert supplier.requests == 3


def test_a_request_whose_slot_is_long_over_waits_for_another(
    signed_in: NivodaClient, sandbox: Sandbox, limiter: Limiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[Slot] = []
    acquire = signed_in._limiter.acquire

    def stopped_after_the_first(**options: Any) -> Slot:
        slot = acquire(**options)
        taken.append(replace(slot, heard_at=slot.heard_at - 2 * HANG_SECONDS) if not taken else slot)
        return taken[-1]

    monkeypatch.setattr(signed_in._limiter, "acquire", stopped_after_the_first)

    ask(signed_in)

    assert len(taken) == 2
    assert sandbox.supplier.accounting.stats()["requests"] == 1


def test_a_wrong_password_is_refused_with_what_to_check(sandbox: Sandbox, limiter: Limiter) -> None:
    stranger = NivodaClient(sandbox.url, "buyer", "wrong", limiter, timeout=HANG_SECONDS)

    with pytest.raises(SignInRefused, match="check NIVODA_USERNAME and NIVODA_PASSWORD"):
        ask(stranger)

    assert sandbox.supplier.accounting.stats()["requests"] == 1


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 401},
        {"status": 403},
        {"body": errors("Unauthorized: invalid token")},
        {"body": {"data": {"authenticate": {"username_and_password": None}}}},
        {"body": {"data": {"authenticate": {"username_and_password": {"token": ""}}}}},
        {"body": errors("User not found")},
    ],
)
def test_a_sign_in_without_a_token_is_refused(odd: Any, answer: dict[str, Any]) -> None:
    client, _ = odd(answer)

    with pytest.raises(SignInRefused):
        client.sign_in(instead_of="a-token")


def test_a_supplier_that_fails_while_signing_in_has_not_refused_the_password(odd: Any) -> None:
    client, _ = odd({"status": 502, "body": b"<html>"})

    with pytest.raises(TransientSupplierError, match="502"):
        client.sign_in(instead_of="a-token")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"body": errors('Cannot query field "bowtie" on type "Diamond".')}, PermanentSupplierError),
        ({"body": errors("nope", "GRAPHQL_VALIDATION_FAILED")}, PermanentSupplierError),
        ({"status": 400, "body": errors("Variable $q0 is wrong")}, PermanentSupplierError),
        ({"status": 404, "body": b"not here"}, PermanentSupplierError),
        ({"status": 302, "headers": {"Location": "https://elsewhere.example/"}}, PermanentSupplierError),
        ({"status": 408}, TransientSupplierError),
        ({"body": errors("Too many requests, slow down")}, ThrottledBySupplier),
        ({"body": errors("Rate limit exceeded")}, ThrottledBySupplier),
        ({"body": {"data": None}}, TransientSupplierError),
        ({"body": {"data": {"as": {"c0": "many"}}}}, UndecodableAnswer),
        ({"body": b"[]"}, UndecodableAnswer),
        ({"body": b""}, UndecodableAnswer),
        ({"body": b'{"data": {"as": '}, UndecodableAnswer),
        ({"body": b"[" * 100_000}, UndecodableAnswer),
        ({"body": b"\xff\xfe"}, UndecodableAnswer),
        ({"body": b'{"data": {"as": {"c0": ' + b"[" * 50_000 + b"]" * 50_000 + b"}}}"}, UndecodableAnswer),
        ({"body": b'{"data": {"other": ' + b"[" * 50_000 + b"]" * 50_000 + b"}}"}, UndecodableAnswer),
        ({"body": errors("partly broken", data={"as": None})}, UndecodableAnswer),
    ],
)
def test_odd_answers_have_their_class(odd: Any, answer: dict[str, Any], error: type[SupplierError]) -> None:
    client, supplier = odd(answer)

    with pytest.raises(SupplierError) as failed:
        ask(client)

    assert type(failed.value) is error
    assert supplier.requests == 1


def test_an_answer_with_errors_beside_all_its_data_is_taken_and_logged(odd: Any) -> None:
    client, _ = odd({"body": errors("one image is missing", data={"as": {"c0": 5}})})

    with capture_logs() as logs:
        assert ask(client) == 5

    assert [entry["event"] for entry in logs] == ["supplier_answers_with_errors"]


def test_a_redirect_is_not_followed(odd: Any) -> None:
    _, elsewhere = odd({"body": {"data": {"as": {"c0": 5}}}})
    client, _ = odd({"status": 307, "headers": {"Location": elsewhere.url}})

    with pytest.raises(PermanentSupplierError, match="answers 307: check NIVODA_ENDPOINT"):
        ask(client)

    assert elsewhere.requests == 0


def test_an_answer_without_end_is_cut_off_by_its_size(odd: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "ANSWER_LIMIT", 1_000_000)

    def pour(handler: BaseHTTPRequestHandler, _request: dict[str, Any]) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        while True:
            handler.wfile.write(b"[" * 65_536)

    client, _ = odd(pour)

    with pytest.raises(TransientSupplierError, match="longer than 1,000,000 bytes"):
        ask(client)


def test_an_answer_that_trickles_is_cut_off_by_its_time(odd: Any) -> None:
    stop = threading.Event()

    def trickle(handler: BaseHTTPRequestHandler, _request: dict[str, Any]) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not stop.wait(0.1):
            handler.wfile.write(b"1\r\n[\r\n")

    client, _ = odd(trickle, timeout=0.5)

    # It trickles until somebody has given up.
    with pytest.raises(SupplierTooSlow):
        ask(client)

    stop.set()


def test_an_answer_that_trickles_into_its_length_is_cut_off_by_its_time(odd: Any) -> None:
    stop = threading.Event()

    def trickle(handler: BaseHTTPRequestHandler, _request: dict[str, Any]) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
        while not stop.wait(0.1):
            handler.wfile.write(b" ")

    client, _ = odd(trickle, timeout=0.5)

    # It trickles until somebody has given up.
    with pytest.raises(SupplierTooSlow):
        ask(client)

    stop.set()


def test_a_compressed_answer_is_read(odd: Any) -> None:
    packed = gzip.compress(json.dumps({"data": {"as": {"c0": 5}}}).encode())
    client, _ = odd({"body": packed, "headers": {"Content-Encoding": "gzip"}})

    assert ask(client) == 5


def test_nobody_at_the_endpoint_is_no_answer(limiter: Limiter) -> None:
    client = NivodaClient("http://127.0.0.1:1/graphql", "buyer", PASSWORD, limiter, timeout=1.0)

    with pytest.raises(TransientSupplierError, match="the connection failed"):
        client.sign_in(instead_of="")


def test_a_supplier_that_does_not_answer_at_all_opens_the_breaker(limiter: Limiter) -> None:
    client = NivodaClient("http://127.0.0.1:1/graphql", "buyer", PASSWORD, limiter, timeout=1.0)

    for _ in range(5):
        with pytest.raises(TransientSupplierError):
            client.sign_in(instead_of="")

    with pytest.raises(WaitTooLong, match="does not answer"):
        client.sign_in(instead_of="")


def test_the_supplier_s_words_come_on_one_line_without_what_rows_cannot_keep(odd: Any) -> None:
    client, _ = odd({"body": errors("it\nfailed\0badly\r\nBcc: mallory")})

    with pytest.raises(TransientSupplierError) as failed:
        ask(client)

    assert str(failed.value) == "the supplier says: it failed badly Bcc: mallory"


def test_half_a_surrogate_pair_costs_neither_the_page_nor_the_other_stones_a_letter(odd: Any) -> None:
    sound = rb'{"id": "\\ud800", "smile": "\ud83d\ude00", "quote": "\"\u00e9"}'
    broken = rb'{"id": "\ud800", "more": "\udc00\ud83dx"}'
    client, _ = odd({"body": b'{"data": {"as": [' + sound + b", " + broken + b"]}}"})

    items = client.ask(QUESTION, VARIABLES, Raws).data.account

    assert bytes(items[0]) == sound
    assert bytes(items[1]) == rb'{"id": "\ufffd", "more": "\ufffd\ufffdx"}'


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 401},
        {"status": 500},
        {"body": b"not json"},
        {"body": errors("invalid credentials")},
        {"body": {"data": 7}},
        {"status": 302},
    ],
)
def test_neither_password_nor_token_shows_in_errors_or_logs(
    odd: Any, caplog: pytest.LogCaptureFixture, answer: dict[str, Any]
) -> None:
    client, _ = odd(answer)
    caplog.set_level(logging.DEBUG)

    with pytest.raises(SupplierError) as signing_in:
        client.sign_in(instead_of="a-token")
    with pytest.raises(SupplierError) as asking:
        ask(client)

    told = f"{signing_in.value} {asking.value!r} {caplog.text} {client!r} {vars(signing_in.value)}"
    assert PASSWORD not in told
    assert "a-token" not in told


def test_what_cannot_be_decoded_is_kept_for_its_dead_letter_but_never_a_token(odd: Any) -> None:
    client, _ = odd({"body": b"<html>busy</html>"})

    with pytest.raises(UndecodableAnswer) as asked:
        ask(client)
    fresh, _ = odd({"body": b'{"data": {"authenticate": "token-in-the-wrong-place"}}'})
    with pytest.raises(UndecodableAnswer) as signing_in:
        fresh.sign_in(instead_of="a-token")

    assert asked.value.body == b"<html>busy</html>"
    assert signing_in.value.body == b""


def test_a_supplier_that_repeats_our_token_does_not_spread_it(odd: Any) -> None:
    def repeat(handler: BaseHTTPRequestHandler, request: dict[str, Any]) -> None:
        respond(body=errors(f"cannot do that for {request['variables']['token']}"))(handler, request)

    client, _ = odd(repeat)

    with pytest.raises(TransientSupplierError, match=r"cannot do that for \.\.\.") as failed:
        ask(client)

    assert "a-token" not in str(failed.value)
