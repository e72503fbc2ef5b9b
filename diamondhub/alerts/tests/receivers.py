"""Receivers of messages on this host: a mail server, and one of HTTP that remembers what it was asked."""

from __future__ import annotations

import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


class Receiver(HTTPServer):
    """Takes what is posted and asked, and answers `status`."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, dict[str, str], bytes]] = []
        self.status = 200
        self.answer_headers: dict[str, str] = {}
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                receiver.taken.append((self.path, dict(self.headers), body))
                self.send_response(receiver.status)
                for name, value in receiver.answer_headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def do_GET(self) -> None:
                self.do_POST()

            def log_message(self, *_: Any) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://localhost:{self.server_port}/hook"

    def stop(self) -> None:
        """Answer nobody any more."""
        self.shutdown()
        self.server_close()


class MailServer:
    """A mail server that takes everything, or answers to recipients with `refuse`."""

    def __init__(self, refuse: str = "") -> None:
        self.mails: list[str] = []
        self.refuse = refuse
        self.socket = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as talk:
                self._talk(talk)

    def _talk(self, talk: Any) -> None:
        def say(line: str) -> None:
            talk.write(f"{line}\r\n".encode())
            talk.flush()

        say("220 hello")
        while line := talk.readline().decode().strip().upper():
            if line.startswith("DATA"):
                say("354 go on")
                lines = []
                while (text := talk.readline().decode()) != ".\r\n":
                    lines.append(text)
                self.mails.append("".join(lines))
                say("250 taken")
            elif line.startswith("QUIT"):
                say("221 bye")
                return
            else:
                say(self.refuse if self.refuse and line.startswith("RCPT") else "250 ok")
