"""The entry of every management command: starts the servers that it needs, and reports a user's mistake in one line."""

from __future__ import annotations

import getpass
import os
import sys
import uuid
from contextlib import AbstractContextManager, ExitStack

#: Commands that need no database and no Redis, or bring their own.
WITHOUT_SERVICES = frozenset({"help", "version", "--version", "--help", "-h", "test"})
#: Commands that run the whole stack: one at a time, and always with servers of their own.
STACK = frozenset({"up", "demo"})
#: Commands that empty the database and fill it with invented stones: never the one in which `up` keeps the real ones.
DISPOSABLE = frozenset({"demo", "bench"})


def run(argv: list[str]) -> None:
    """Run a management command as Django does, with the embedded servers up if the environment names none.

    Exits non-zero, with one line on stderr, for a wrong environment and for servers that cannot be started.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "diamondhub.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    from diamondhub.local import stack
    from diamondhub.local.processes import var_dir
    from diamondhub.local.services import ServicesError, opened

    command = argv[1] if len(argv) > 1 else "help"
    if command not in STACK:
        # A command prints its own output; of the log, its user needs only warnings and errors.
        os.environ.setdefault("LOG_LEVEL", "WARNING")
    if command in DISPOSABLE:
        os.environ.setdefault("DIAMONDHUB_VAR", str(var_dir() / command))
        # A benchmark runs code in this process that runs in workers otherwise, which have a pool.
        os.environ.setdefault("DATABASE_POOL_SIZE", "4")
    try:
        if command in WITHOUT_SERVICES or not {"--help", "-h"}.isdisjoint(argv):
            execute_from_command_line(argv)
            return
        _check_settings_alone()
        with ExitStack() as held:
            if command in STACK:
                held.enter_context(stack.claimed())
            if os.environ.get("ENV") != "production":
                held.enter_context(opened(owned=command in STACK))
            with _acting(command):
                execute_from_command_line(argv)
    except (ImproperlyConfigured, ServicesError) as error:
        sys.exit(f"DiamondHub: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def _acting(command: str) -> AbstractContextManager[None]:
    """The audit context that names the user of this machine who runs the command."""
    from diamondhub.audit.acting import acting

    try:
        user = f"{getpass.getuser()} (command line)"
    except (KeyError, OSError):
        user = "command line"
    return acting(user, via=f"command {command}", request_id=uuid.uuid4().hex)


def _check_settings_alone() -> None:
    """Read the settings before any server is started, to find wrong variables; they are read again with the servers."""
    import importlib

    importlib.import_module("diamondhub.settings")
    del sys.modules["diamondhub.settings"]
