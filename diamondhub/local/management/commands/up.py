"""`manage.py up`: the whole stack of one machine in the foreground."""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connections

from diamondhub.commands import TextArguments
from diamondhub.local import services, stack
from diamondhub.local.processes import var_dir
from diamondhub.local.supervisor import Supervisor


class Command(TextArguments):
    """Run everything until Ctrl-C."""

    help = (
        "Run DiamondHub on this machine in the foreground: database migrations, web server, workers and beat, and an "
        "embedded PostgreSQL and Valkey unless DATABASE_URL and REDIS_URL name servers. What dies is started again. "
        "Ctrl-C (or SIGTERM) stops everything in order; a second Ctrl-C ends it at once. "
        "PORT names the web server's port; unless it is set, a taken port 8000 is stepped over."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--host",
            default="0.0.0.0" if settings.PRODUCTION else "127.0.0.1",  # noqa: S104
            help="address that the web server listens on (default: %(default)s)",
        )
        parser.add_argument(
            "--log-files",
            action="store_true",
            help="write each process's lines to var/log/<name>.log instead of this terminal",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        host: str = options["host"]
        try:
            port = stack.choose_port(host, settings.PORT, by_name=bool(os.environ.get("PORT")))
        except stack.PortTaken as error:
            raise CommandError(str(error)) from None
        url = f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{port}"  # noqa: S104
        logs = var_dir() / "log" if options["log_files"] else None
        self.stdout.write("Bringing the database up to date …")
        self.stdout.flush()
        # With the checks of the database, among them whether a pepper is missing that API keys need.
        call_command("migrate", verbosity=0, interactive=False, skip_checks=False)
        connections.close_all()
        opened = services.current()
        supervisor = Supervisor(
            stack.stack_programs(port=port, host=host, logs=logs),
            opened.embedded if opened else (),
            out=sys.stdout,
            on_change=lambda processes: stack.announce(url, processes),
        )
        try:
            supervisor.start()
            if supervisor.run(until=lambda: answers(url)):
                for line in banner(url, logs):
                    supervisor.say(line)
                supervisor.run()
        finally:
            supervisor.stop()


def answers(url: str) -> bool:
    """Whether the web server answers, with whatever status."""
    try:
        with urllib.request.urlopen(f"{url}/health/live", timeout=0.5):  # noqa: S310 - our own address
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def banner(url: str, logs: Path | None) -> list[str]:
    """The lines printed once the stack answers: its addresses, its data and its logs."""
    return [
        "",
        "DiamondHub runs.",
        f"  admin      {url}/admin/",
        f"  API        {url}/api/docs/",
        f"  health     {url}/health/status",
        f"  data       {var_dir()}",
        f"  logs       {logs or 'here'}",
        "  Ctrl-C stops everything in order; twice ends it at once.",
        "",
    ]
