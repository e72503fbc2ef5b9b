"""A process of its own that asks the supplier until it is told to stop; tests run several of them beside each other.

`python -m ingest.feeds.nivoda.tests.asker <endpoint> <password>` prints a line at its first answer and goes on until its
input ends; then it prints how many answers it got, as JSON.
"""

from __future__ import annotations

import json
import sys
import threading
from typing import Any

import django
import msgspec


class Counts(msgspec.Struct):
    account: dict[str, int] = msgspec.field(name="as")


def main(endpoint: str, password: str) -> None:
    from django.conf import settings

    from diamondhub.pace.limiter import Limiter
    from ingest.errors import TransientSupplierError
    from ingest.feeds.nivoda.client import NivodaClient
    from ingest.feeds.nivoda.query import counts_text
    from ingest.feeds.nivoda.tokens import SharedTokens

    tokens = SharedTokens(endpoint, "buyer", password, redis_url=settings.REDIS_URL, secret=settings.SECRET_KEY)
    limiter = Limiter("test-askers", per_second=200, redis_url=settings.REDIS_URL)
    client = NivodaClient(endpoint, "buyer", password, limiter, timeout=60.0, tokens=tokens)
    variables: dict[str, Any] = {"q0": {"labgrown": True}}
    answers = 0
    stop = threading.Event()

    def listen() -> None:
        sys.stdin.read()
        stop.set()

    threading.Thread(target=listen, daemon=True).start()
    while not stop.is_set():
        try:
            answers += client.ask(counts_text(1), variables, Counts).data.account["c0"] > 0
        except TransientSupplierError as error:
            # It stood still from one expiry of all tokens to the next.
            if "just given" not in str(error):
                raise
        if answers == 1:
            print("asking", flush=True)
    print(json.dumps({"answers": answers}))


if __name__ == "__main__":
    django.setup()
    main(sys.argv[1], sys.argv[2])
