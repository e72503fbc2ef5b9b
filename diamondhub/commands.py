"""What management commands share: the actor's name, errors in one line, and one JSON object as output."""

from __future__ import annotations

import getpass
import json
import re
import sys
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, ProgrammingError
from psycopg.errors import UndefinedTable

#: Of an argument that is refused so much is shown (characters).
MAX_SHOWN = 40
#: Longest file or input that secrets are read from (bytes).
MAX_SECRETS = 100_000


def actor() -> str:
    """Who runs the command, for the audit."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (KeyError, OSError):
        return "command line"


def text(argument: str) -> str:
    """The type of arguments that name no other: what a shell gave in another encoding than UTF-8 is no text."""
    if re.search("[\0\ud800-\udfff]", argument):
        raise ArgumentTypeError(f"must be text in UTF-8, not {argument[:MAX_SHOWN]!a}")
    return argument


def secret_text(file: str) -> str:
    """What a file holds, or standard input for `-`, typed unseen at a terminal: arguments are read by the whole host.

    Raises `CommandError`.
    """
    try:
        if file != "-":
            with Path(file).open("rb") as opened:
                content = opened.read(MAX_SECRETS + 1)
        elif sys.stdin.isatty():
            return getpass.getpass("Secret (not shown): ")
        else:
            content = sys.stdin.buffer.read(MAX_SECRETS + 1)
        if len(content) > MAX_SECRETS:
            raise CommandError(f"the secret is longer than {MAX_SECRETS:,} bytes")
        return content.decode().rstrip("\r\n")
    except (OSError, EOFError) as error:
        words = getattr(error, "strerror", None) or "it has ended"
        raise CommandError(f"the secret cannot be read: {words.lower()}") from None
    except ValueError:
        raise CommandError("the secret is no text in UTF-8") from None


class TextArguments(BaseCommand):
    """A command whose arguments are text, numbers or choices; a file's name, which may be any bytes, has the type `str`.

    No checks run before it: they load every page, which takes half as long as all else that a command loads. `check`, `up`
    and the doctor run them.
    """

    requires_system_checks = ()

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.register("type", None, text)
        return parser


class ReportingCommand(TextArguments):
    """A command whose expected errors are one line on stderr, and whose report can be one JSON object."""

    #: Errors that speak to the operator; anything else is a fault of ours.
    expected: tuple[type[Exception], ...] = ()

    def add_json(self, parser: ArgumentParser) -> None:
        """Add the `--json` option."""
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, with what goes wrong in one line."""
        try:
            self.run(**options)
        except self.expected as error:
            raise CommandError(str(error)) from error
        except ProgrammingError as error:
            if isinstance(error.__cause__, UndefinedTable):
                raise CommandError("the database is empty; run `manage.py migrate` or `manage.py up` first") from error
            raise
        except OperationalError as error:
            raise CommandError(f"the database cannot do it now: {str(error).strip().splitlines()[0]}") from error

    def run(self, *args: Any, **options: Any) -> None:
        """What the command does."""
        raise NotImplementedError

    def say(self, value: dict[str, Any], text: str, *, as_json: bool) -> None:
        """Print the outcome: as one JSON object, or as text."""
        self.stdout.write(json.dumps(value, default=str) if as_json else text)
