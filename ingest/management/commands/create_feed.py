"""Create a feed, after its adapter has looked at the supplier."""

from __future__ import annotations

import argparse
from typing import Any

from diamondhub import json_text
from diamondhub.commands import secret_text
from ingest import creating
from ingest.creating import NotAFeed
from ingest.feeds.registry import ADAPTERS
from ingest.management.commands._common import IngestCommand
from ingest.models import Feed


class Command(IngestCommand):
    """`create_feed <slug> --adapter <name> --parameters <JSON> [--secrets F] [--name <words>] [--json]`."""

    help = (
        "Create a feed, once its supplier has been looked at, e.g. one of a price list: "
        'create_feed rosy --adapter pricelist --parameters \'{"source": "rosy.csv"}\''
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("slug", help="short name, e.g. rosy; it is part of its diamonds' ids and never changes")
        parser.add_argument("--adapter", required=True, choices=sorted(ADAPTERS))
        parser.add_argument("--parameters", default="{}", help="the adapter's parameters, a JSON object")
        parser.add_argument(
            "--secrets",
            type=str,
            metavar="F",
            help='a file (- for standard input) with the feed\'s secrets, a JSON object, e.g. {"password": "…"}',
        )
        parser.add_argument("--name", default="", help="name for people; the slug if left out")
        self.add_json(parser)

    def run(
        self, *, slug: str, adapter: str, parameters: str, secrets: str | None, name: str, as_json: bool, **_: Any
    ) -> None:
        try:
            chosen = json_text.read(parameters)
        except ValueError as error:
            raise NotAFeed(f"--parameters {error}") from error
        if not isinstance(chosen, dict):
            raise NotAFeed('--parameters is a JSON object, e.g. {"source": "list.csv"}')
        own = {} if secrets is None else _secrets(secrets)
        feed = Feed(slug=slug, name=name or slug, adapter=adapter, parameters=chosen)
        creating.create_feed(feed, own, look=creating.look_at_the_whole)
        self.say(
            {"feed": slug, "adapter": adapter, "parameters": chosen},
            f"feed {slug} is created; pull it with `manage.py start_run {slug} --full`",
            as_json=as_json,
        )


def _secrets(path: str) -> dict[str, str]:
    try:
        read = json_text.read(secret_text(path))
    except ValueError:
        # JSON's own words show where it stumbled, which is the secret.
        raise NotAFeed('--secrets is not JSON, e.g. {"password": "…"}') from None
    if not isinstance(read, dict) or not all(isinstance(value, str) for value in read.values()):
        raise NotAFeed('--secrets is a JSON object of texts, e.g. {"password": "…"}')
    return read
