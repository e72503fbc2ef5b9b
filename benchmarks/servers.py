"""Web servers beside each other: what they serve in a second, what they need, and what slow clients do to them.

`python -m benchmarks.servers` with a running stack's environment (DATABASE_URL, REDIS_URL) and `--key`: every server in turn
serves the same application on a port of its own, two processes of eight threads each, and is asked for the same. Ratios are
of gunicorn's own threads, in one run; rounds alternate, and the best of each counts.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.result import Figure
from diamondhub.local.processes import die_with_parent, free_port

ROOT = Path(__file__).resolve().parent.parent
SEARCH = "/api/v1/diamonds?shape=ROUND&limit=20"
#: What the client has already: the cheapest answer of the application, so that the server's own cost shows.
UNCHANGED = "/static/diamondhub/favicon.svg"
CLIENTS = 16
#: A probe that has no answer after this long will have none as long as the slow ones hold on (seconds).
PROBE_SECONDS = 4.0

_GTHREAD = ["gunicorn", "--workers", "2", "--threads", "8", "--worker-class", "gthread", "--log-level", "error"]
#: How each server is started, but for its port; `{port}` stands for it.
SERVERS: dict[str, list[str]] = {
    "gunicorn threads": [*_GTHREAD, "--bind", "127.0.0.1:{port}", "diamondhub.wsgi"],
    "ours": [
        "gunicorn",
        "--config",
        "python:diamondhub.gunicorn_conf",
        "--bind",
        "127.0.0.1:{port}",
        "diamondhub.wsgi",
    ],
    "waitress": ["waitress", "--listen=127.0.0.1:{port}", "--threads=8", "diamondhub.wsgi:application"],
    "granian": [
        *("granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", "{port}", "--workers", "2"),
        *("--blocking-threads", "8", "--log-level", "error", "diamondhub.wsgi:application"),
    ],
    "gunicorn threads behind nginx": [*_GTHREAD, "--bind", "127.0.0.1:{port}", "diamondhub.wsgi"],
}
_NGINX = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 2048; }}
http {{
  access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  client_header_timeout 10s; client_body_timeout 10s; send_timeout 15s; client_max_body_size 1m;
  upstream web {{ server 127.0.0.1:{upstream}; keepalive 16; }}
  server {{ listen 127.0.0.1:{port}; location / {{
    proxy_pass http://web; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host; }} }}
}}
"""


@dataclass
class Measured:
    """The figures of one server: the best rounds, MB, and the slow clients that stopped it."""

    searches: float = 0.0
    unchanged: float = 0.0
    megabytes: float = 0.0
    stopped_by: list[str] = field(default_factory=list)


@contextmanager
def running(name: str) -> Iterator[tuple[int, list[subprocess.Popen[bytes]]]]:
    """A server of `SERVERS`; its port and processes."""
    port = free_port()
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "diamondhub.settings", "DATABASE_POOL_SIZE": "8"}
    argv = [sys.executable, "-m", *(word.format(port=port) for word in SERVERS[name])]

    def start(words: Sequence[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            words,
            cwd=ROOT,
            env={**environment, "LOG_LEVEL": "ERROR"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGKILL),
        )

    processes = [start(argv)]
    folder = tempfile.mkdtemp()
    try:
        if name.endswith("behind nginx"):
            front = free_port()
            Path(folder, "nginx.conf").write_text(_NGINX.format(folder=folder, port=front, upstream=port))
            processes.append(start(["nginx", "-c", f"{folder}/nginx.conf"]))
            port = front
        for _ in range(300):
            if probe(port) is not None:
                break
            time.sleep(0.1)
        yield port, processes
    finally:
        for process in processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def probe(port: int, path: str = "/health/live") -> float | None:
    """Seconds until an answer; None without one."""
    begun = time.monotonic()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PROBE_SECONDS) as answer:
            answer.read()
    except OSError:
        return None
    return time.monotonic() - begun


def throughput(port: int, path: str, headers: dict[str, str], *, seconds: float, expected: int) -> float:
    """Answers in a second to `CLIENTS` clients that keep their connections."""
    counts = [0] * CLIENTS
    others: set[int] = set()
    end = time.monotonic() + seconds

    def ask(place: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while time.monotonic() < end:
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            response.read()
            if response.status != expected:
                others.add(response.status)
                return
            counts[place] += 1

    threads = [threading.Thread(target=ask, args=(place,)) for place in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if others:
        raise SystemExit(f"{path} was answered by {others} instead of {expected}")
    return sum(counts) / seconds


def warm(port: int, path: str, headers: dict[str, str]) -> None:
    """Have every process load what its first answers need."""
    for _ in range(20):
        with suppress(OSError):
            urllib.request.urlopen(
                urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers), timeout=20
            )


def megabytes(processes: Sequence[subprocess.Popen[bytes]]) -> float:
    """Memory of the processes and their children that nobody else has (MB)."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            parents.setdefault(parent, []).append(int(folder.name))
    family = [process.pid for process in processes]
    for pid in family:
        family += parents.get(pid, [])
    total = 0
    for pid in family:
        with suppress(OSError):
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def _heads(port: int) -> list[socket.socket]:
    return _clients(port, 16, b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ")


def _bodies(port: int) -> list[socket.socket]:
    head = b"POST /admin/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    cookie = b"Cookie: csrftoken=" + b"a" * 32 + b"\r\n"
    return _clients(port, 16, head + cookie + b"Content-Length: 900000\r\n\r\na")


def _readers(port: int) -> list[socket.socket]:
    return _clients(port, 32, b"GET /api/schema/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 20, receive_buffer=4096)


def _silent(port: int) -> list[socket.socket]:
    return _clients(port, 200, b"")


def _clients(port: int, number: int, text: bytes, receive_buffer: int | None = None) -> list[socket.socket]:
    clients = []
    for _ in range(number):
        client = socket.socket()
        if receive_buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        client.connect(("127.0.0.1", port))
        client.sendall(text)
        clients.append(client)
    return clients


ATTACKS: dict[str, Callable[[int], list[socket.socket]]] = {
    "half heads": _heads,
    "slow bodies": _bodies,
    "slow readers": _readers,
    "silent connections": _silent,
}


def measure(key: str, *, rounds: int, seconds: float) -> list[Figure]:
    """Every server in every round; what slow clients do is tried once."""
    measured = {name: Measured() for name in SERVERS if not name.endswith("nginx") or shutil.which("nginx")}
    for number in range(rounds):
        for name, result in measured.items():
            with running(name) as (port, processes):
                headers = {"X-API-Key": key}
                warm(port, SEARCH, headers)
                searches = throughput(port, SEARCH, headers, seconds=seconds, expected=200)
                known = {"If-Modified-Since": "Fri, 31 Dec 2100 00:00:00 GMT"}
                unchanged = throughput(port, UNCHANGED, known, seconds=seconds, expected=304)
                result.searches, result.unchanged = max(result.searches, searches), max(result.unchanged, unchanged)
                result.megabytes = megabytes(processes)
                if number == 0:
                    result.stopped_by = [attack for attack, begin in ATTACKS.items() if _stops(port, begin)]
    usual = measured["gunicorn threads"]
    figures = []
    for name, result in measured.items():
        stops = (
            "stopped by " + ", ".join(result.stopped_by) if result.stopped_by else "stopped by none of the slow clients"
        )
        figures += [
            Figure(
                f"searches, {name}", result.searches / usual.searches, "gunicorn's threads", f"{result.searches:.0f}/s"
            ),
            Figure(
                f"304s of a small file, {name}",
                result.unchanged / usual.unchanged,
                "gunicorn's threads",
                f"{result.unchanged:.0f}/s",
            ),
            Figure(
                f"memory, {name}",
                result.megabytes / usual.megabytes,
                "gunicorn's threads",
                f"{result.megabytes:.0f} MB",
            ),
            Figure(f"slow clients, {name}", len(result.stopped_by) / len(ATTACKS), "the attacks stop it", stops),
        ]
    return figures


def _stops(port: int, attack: Callable[[int], list[socket.socket]]) -> bool:
    """Whether four probes in a row all find an answer while the slow ones hold on; the last counts."""
    clients = attack(port)
    try:
        time.sleep(1)
        return any(probe(port) is None for _ in range(4))
    finally:
        for client in clients:
            client.close()
        time.sleep(1)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--key", required=True, help="an API key with catalog:read")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--json", action="store_true", dest="as_json")
    options = parser.parse_args()
    figures = measure(options.key, rounds=options.rounds, seconds=options.seconds)
    if options.as_json:
        print(json.dumps([{"name": figure.name, "ratio": figure.ratio, "detail": figure.detail} for figure in figures]))
    else:
        print("\n".join(figure.line() for figure in figures))


if __name__ == "__main__":
    main()
