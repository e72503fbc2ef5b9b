"""Make a draft of a YAML file."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from diamondhub.commands import actor
from pricing.errors import PricingError
from pricing.management.commands._common import PricingCommand
from pricing.rule_files import MAX_BYTES, from_yaml


class Command(PricingCommand):
    """`import_rules FILE [--json]`."""

    help = "Make a draft of a YAML file as export_rules writes it. Nothing is saved if anything in it is wrong."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", type=str, help="the file, - for standard input")
        self.add_json(parser)

    def run(self, *, file: str, as_json: bool, **_: Any) -> None:
        draft = from_yaml(_content(file), actor=actor())
        count = draft.rules.count()
        words = f"draft {draft.version} is made, with {count:,} rules; publish it when it is right"
        self.say({"rule_set": draft.version, "state": draft.state, "rules": count}, words, as_json=as_json)


def _content(file: str) -> bytes:
    """What the file holds, one byte more than is taken at most."""
    try:
        if file == "-":
            return sys.stdin.buffer.read(MAX_BYTES + 1)
        with open(file, "rb") as opened:
            return opened.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise PricingError(f"cannot read {file!a}: {getattr(error, 'strerror', None) or error}") from error
