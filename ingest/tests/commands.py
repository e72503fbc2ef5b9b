"""Runs management commands without starting Python and Django for each: `python -m ingest.tests.commands`.

Reads one command a line, its arguments and the variables that only it is to see (JSON), runs it in a forked child as
`manage.py` would, and answers with a line: its status and what it printed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Sequence

import django
from django.conf import settings
from django.utils.functional import empty

from diamondhub.local import commandline

#: A command that takes longer hangs (seconds).
PATIENCE = 300


def run(arguments: Sequence[str], environment: dict[str, str]) -> dict[str, int | str]:
    """Run a command in a child; its status and what it printed."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        child = os.fork()
        if child == 0:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            _run_and_exit(arguments, environment)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        out.seek(0)
        err.seek(0)
        return {"status": status, "stdout": out.read(), "stderr": err.read()}


def _run_and_exit(arguments: Sequence[str], environment: dict[str, str]) -> None:
    status = 1
    try:
        signal.alarm(PATIENCE)
        if environment:
            os.environ.update(environment)
            # Read again by whoever asks next.
            sys.modules.pop("diamondhub.settings", None)
            settings._wrapped = empty
        commandline.run(["manage.py", *arguments])
        status = 0
    except SystemExit as exit_:
        if isinstance(exit_.code, str):
            print(exit_.code, file=sys.stderr)
        status = exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
    except BaseException:  # noqa: BLE001 - what a command does not catch, Python prints, and ends with 1
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "diamondhub.settings")
    # As `commandline` sets it for commands, before the settings are read.
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    django.setup()
    for line in sys.stdin:
        print(json.dumps(run(*json.loads(line))), flush=True)
