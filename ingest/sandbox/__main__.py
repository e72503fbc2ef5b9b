"""`python -m ingest.sandbox`: the sandbox supplier as a process of its own, without Django.

When it is ready it prints one line of JSON with its addresses; SIGTERM or SIGINT stops it.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from collections.abc import Sequence

from ingest.sandbox.faults import Faults, Settings, WrongFaults
from ingest.sandbox.server import Sandbox
from ingest.sandbox.supplier import Options

_REFUSING = '{"refuse_aliases": {"status": 400, "words": "Query is too complex", "most": 1}}'


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal comes; returns the exit status."""
    chosen = _parser().parse_args(arguments)
    # Rendering one page must not delay the moment at which the next request is counted.
    sys.setswitchinterval(0.0005)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    options = Options(
        stones=chosen.stones,
        seed=chosen.seed,
        username=chosen.username,
        password=chosen.password,
        token_seconds=chosen.token_seconds,
        rate_limit=chosen.rate_limit,
        exact_prices=chosen.exact_prices,
        aliases=chosen.aliases,
        short_pages=chosen.short_pages,
    )
    try:
        faults = Faults.read(chosen.faults.encode())
    except WrongFaults as error:
        print(f"--faults: {error}", file=sys.stderr)
        return 2
    try:
        sandbox = Sandbox(options, host=chosen.host, port=chosen.port)
    except (OSError, ValueError) as error:
        print(f"the sandbox supplier cannot start: {error}", file=sys.stderr)
        return 1
    sandbox.supplier.set_faults(faults)
    with sandbox:
        ready = {"url": sandbox.url, "control": sandbox.control, "stones": options.stones}
        print(json.dumps({**ready, **sandbox.supplier.inventory.available}), flush=True)
        stop.wait()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ingest.sandbox", description="A local supplier that misbehaves.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--stones", type=int, default=Options().stones, help="available stones")
    parser.add_argument("--seed", type=int, default=Options().seed)
    parser.add_argument("--username", default=Options().username)
    parser.add_argument("--password", default=Options().password)
    parser.add_argument("--token-seconds", type=float, default=Options().token_seconds, help="how long a token lives")
    parser.add_argument("--rate-limit", type=int, default=0, help="requests per second before 429; 0: only counted")
    parser.add_argument("--exact-prices", action="store_true", help="compare exact dollars and carats, not whole ones")
    parser.add_argument("--no-aliases", dest="aliases", action="store_false", help="refuse aliased operations")
    parser.add_argument(
        "--faults",
        default="{}",
        metavar="JSON",
        help=f"what goes wrong from the start, e.g. '{_REFUSING}'; known: {', '.join(Settings.__struct_fields__)}",
    )
    parser.add_argument(
        "--short-pages", type=float, default=Options().short_pages, help="share of pages that come short"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
