"""How an answer is written: waitress's tasks, but that a connection outlives answers without a body, and streams."""

from __future__ import annotations

import json
import uuid
from typing import Any

from waitress.task import ErrorTask, Task, WSGITask
from waitress.utilities import build_http_date

#: Names of headers that the server itself looks for, by their small letters.
_OURS = {name.lower(): name for name in ("Connection", "Content-Length", "Date")}
_LIVE = json.dumps({"status": "alive"}).encode()


class Answering(Task):  # type: ignore[misc]  # waitress has no types
    """What all answers have in common."""

    channel: Any
    request: Any
    response_headers: list[tuple[str, str]]
    close_on_finish: bool = False

    @property
    def has_body(self) -> bool:
        """Whether bytes follow the head."""
        return bool(super().has_body) and self.request.command != "HEAD"

    def service(self) -> None:
        """Make the answer; what it waits for meanwhile, `channel` must know."""
        self.channel.answers = True
        try:
            super().service()
        finally:
            self.channel.answers = False

    def finish(self) -> None:
        """End the answer and send it from here: the loop need not wake up for it."""
        super().finish()
        self.channel.flush_now()

    def build_response_header(self) -> bytes:
        """The head of the answer.

        waitress closes a connection after every answer without a length, 304s among them, and after every stream. Names
        stay as they were written (`ETag`, `RateLimit`), since not every client knows that their case means nothing.
        """
        headers = [(_OURS.get(name.lower(), name), value) for name, value in self.response_headers]
        names = {name for name, _ in headers}
        may_have_body = super().has_body
        if not may_have_body:
            headers = [(name, value) for name, value in headers if name != "Content-Length"]
        elif "Content-Length" not in names and self.content_length is not None:
            headers.append(("Content-Length", str(self.content_length)))
            names.add("Content-Length")
        tokens = {token.strip().lower() for token in self.request.headers.get("CONNECTION", "").split(",")}
        stays = "close" not in tokens if self.version == "1.1" else "keep-alive" in tokens
        if self.has_body and "Content-Length" not in names:
            if self.version == "1.1":
                headers.append(("Transfer-Encoding", "chunked"))
                self.chunked_response = True
            else:
                stays = False
        if self.close_on_finish or self.channel.server.is_stopping or not stays:
            self.close_on_finish = True
            headers = [*((name, value) for name, value in headers if name != "Connection"), ("Connection", "close")]
        elif self.version == "1.0":
            headers.append(("Connection", "Keep-Alive"))
        if "Date" not in names:
            headers.append(("Date", build_http_date(self.start_time)))
        self.response_headers = headers
        lines = [f"HTTP/{self.version} {self.status}", *(f"{name}: {value}" for name, value in headers)]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class Answer(Answering, WSGITask):  # type: ignore[misc]
    """The application's answer."""


class RefusalAnswer(Answering, ErrorTask):  # type: ignore[misc]
    """The server's own answer to what is no request. It is the last one: what follows cannot be told apart."""

    def execute(self) -> None:
        """Write it, and then read a while what the client still sends: closed at once, it would never see the answer."""
        self.channel.lingers = True
        super().execute()


class Alive(Answering):
    """The answer of `/health/live`, as `diamondhub.telemetry.views.live` gives it, in the loop, whatever the threads do."""

    complete = True

    def execute(self) -> None:
        """Write it."""
        self.response_headers = [
            ("Content-Type", "application/json"),
            ("Cache-Control", "max-age=0, no-cache, no-store, must-revalidate, private"),
            ("X-Request-Id", uuid.uuid4().hex),
        ]
        self.content_length = len(_LIVE)
        self.write(_LIVE)


def without_body_of_head(application: Any) -> Any:
    """The application, whose answers to HEAD are closed before a byte of them is made: a file would be read for nothing."""

    def answer(environ: dict[str, Any], start_response: Any) -> Any:
        body = application(environ, start_response)
        if environ["REQUEST_METHOD"] != "HEAD":
            return body
        if hasattr(body, "close"):
            body.close()
        return []

    return answer
