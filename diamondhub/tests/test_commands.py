"""What commands take: text in UTF-8, and a clear word where it is none."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.management import CommandError, get_commands, load_command_class

from diamondhub.commands import TextArguments

#: What Python makes of a byte of an argument that is no UTF-8.
BROKEN = "ros\udce9"
APPS = ("diamondhub", "catalog", "pricing", "ingest")
#: They take no text at all, but for what the tests' runner passes on.
WITHOUT_TEXT = {"bench", "demo", "test"}


def test_every_command_of_ours_takes_text_only_where_it_takes_text() -> None:
    ours = {name: str(app) for name, app in get_commands().items() if str(app).split(".")[0] in APPS}

    other = {name for name, app in ours.items() if not isinstance(load_command_class(app, name), TextArguments)}

    assert other == WITHOUT_TEXT


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("create_feed", [BROKEN, "--adapter", "pricelist"]),
        ("create_feed", ["rosy", "--adapter", "pricelist", "--parameters", BROKEN]),
        ("create_feed", ["rosy", "--adapter", "pricelist", "--name", BROKEN]),
        ("replay_dead_letters", ["--fingerprint", BROKEN]),
        ("replay_dead_letters", ["--run", "1", "--discard", "--reason", BROKEN]),
        ("remap", [BROKEN]),
        ("remap", ["nivoda-natural", "--stone", BROKEN]),
        ("start_run", [BROKEN]),
        ("cancel_run", ["1", "--reason", BROKEN]),
        ("approve_run", ["1", "--reason", BROKEN]),
        ("reprice", ["--cause", BROKEN]),
        ("create_api_client", [BROKEN]),
        ("create_api_client", ["shop", "--scope", BROKEN]),
        ("create_api_client", ["shop", "--expires-days", BROKEN]),
    ],
)
def test_broken_utf_8_is_refused_as_an_argument(command: str, arguments: list[str]) -> None:
    app = str(get_commands()[command])
    parser = load_command_class(app, command).create_parser("manage.py", command)
    parser.called_from_command_line = False

    with pytest.raises(CommandError, match="must be text in UTF-8, not 'ros\\\\udce9'"):
        parser.parse_args(arguments)


@pytest.mark.parametrize(
    "arguments", [["remap", "nivoda-natural", "--stone", b"\xe9"], ["replay_dead_letters", "--fingerprint", b"\xff"]]
)
def test_bytes_that_a_shell_passes_on_end_in_one_clear_line(arguments: list[str | bytes]) -> None:
    told = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR,
        env=os.environ,
        capture_output=True,
        check=False,
    )

    assert told.returncode == 2
    assert b"must be text in UTF-8" in told.stderr.splitlines()[-1]
    assert b"Traceback" not in told.stderr


def test_the_name_of_a_file_may_be_any_bytes() -> None:
    parser = load_command_class("pricing", "import_rules").create_parser("manage.py", "import_rules")

    assert parser.parse_args([BROKEN]).file == BROKEN
