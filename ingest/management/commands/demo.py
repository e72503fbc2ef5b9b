"""`manage.py demo`: the whole of DiamondHub on this machine, with a supplier to pull from."""

from __future__ import annotations

import json
import os
import secrets
import sys
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from catalog.models import DatasetVersion
from diamondhub.access.clients import create_client
from diamondhub.access.scopes import Scope
from diamondhub.local import services, stack
from diamondhub.local.management.commands.up import answers
from diamondhub.local.processes import free_port, var_dir
from diamondhub.local.supervisor import Supervisor
from ingest import demo
from ingest.demo_search import Search
from ingest.errors import IngestError

#: Beyond this the sandbox's columns no longer fit beside everything else on a small machine.
MAX_STONES = 2_000_000


def _number_of_stones(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= number <= MAX_STONES:
        raise ArgumentTypeError(f"must be a whole number from 1 to {MAX_STONES:,}")
    return number


class Command(BaseCommand):
    """Show everything."""

    help = (
        "Run DiamondHub with a sandbox supplier on this machine: an empty catalogue, a full run of every feed with its "
        "progress, then the addresses to open. Its data live in var/demo (or where DATABASE_URL and REDIS_URL say), apart "
        "from those of `manage.py up`; every demo begins with an empty catalogue."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--stones",
            type=_number_of_stones,
            default=53_940,
            help="stones that the sandbox offers (default: %(default)s)",
        )
        parser.add_argument("--exit", action="store_true", help="end after the runs; exit 0 only if all went well")
        parser.add_argument(
            "--json",
            action="store_true",
            dest="as_json",
            help="with --exit: print one JSON object instead of the story",
        )

    def handle(self, *args: Any, stones: int, as_json: bool, **options: Any) -> None:
        self._as_json = as_json
        if as_json and not options["exit"]:
            raise CommandError("--json goes with --exit")
        if settings.PRODUCTION:
            raise CommandError("the demo empties its database and is not for ENV=production")
        try:
            port = stack.choose_port("127.0.0.1", settings.PORT, by_name=bool(os.environ.get("PORT")))
        except stack.PortTaken as error:
            raise CommandError(str(error)) from None
        self._say(f"Preparing the database in {var_dir()} …")
        call_command("migrate", verbosity=0, interactive=False)
        try:
            demo.empty_catalogue()
        except IngestError as error:
            raise CommandError(str(error)) from None
        password, key = _admin_password(), _api_key()
        connections.close_all()
        sandbox = free_port()
        supplier = demo.supplier_settings(sandbox)
        for name, value in supplier.items():
            # This process starts the runs, and the settings were read before the sandbox had a port.
            setattr(settings, name, value)
        demo.write_environment(supplier)
        self._run(port, sandbox, stones, supplier, password, key, leave=options["exit"])

    def _run(
        self, port: int, sandbox: int, stones: int, supplier: dict[str, str], password: str, key: str, *, leave: bool
    ) -> None:
        url, logs = f"http://127.0.0.1:{port}", var_dir() / "log"
        programs = stack.stack_programs(port=port, environment=supplier, logs=logs)
        environment = programs[0].environment
        opened = services.current()
        supervisor = Supervisor(
            [demo.sandbox_program(sandbox, stones, environment, logs / "sandbox.log"), *programs],
            opened.embedded if opened else (),
            out=sys.stderr if self._as_json else sys.stdout,
            on_change=lambda processes: stack.announce(url, processes),
        )
        show = demo.Show(f"http://127.0.0.1:{sandbox}/control", sys.stderr if self._as_json else sys.stdout)
        try:
            self._say(f"Starting web, workers, beat and a sandbox supplier with {stones:,} stones (logs in {logs}) …")
            supervisor.start()
            if not supervisor.run(until=lambda: show.ready() and answers(url)):
                raise KeyboardInterrupt
            self._say("Pulling the supplier's whole inventory:")
            if not supervisor.run(until=show.turn):
                raise KeyboardInterrupt
            ended = demo.outcome(stones, show.supplier())
            self._say("\n".join(["", *ended.lines]))
            search = Search(url, key, DatasetVersion.current())
            if not supervisor.run(until=search.turn):
                raise KeyboardInterrupt
            if search.found is not None:
                self._say("\n".join(search.found.lines(url)))
            if self._as_json:
                found = search.found.report() if search.found else None
                self.stdout.write(json.dumps({**ended.report, "search": found}, default=str))
            if ended.problems:
                raise CommandError("; ".join(ended.problems))
            if not leave:
                self._say(_addresses(url, password, key))
                connections.close_all()
                supervisor.run()
        except IngestError as error:
            raise CommandError(str(error)) from None
        finally:
            supervisor.stop()

    def _say(self, text: str) -> None:
        said_to = self.stderr if self._as_json else self.stdout
        said_to.write(text, style_func=str)
        said_to.flush()


def _admin_password() -> str:
    """Make or find the demo's admin and give it a new password."""
    password = secrets.token_urlsafe(12)
    users = get_user_model().objects
    user = users.filter(username="admin").first() or users.create_superuser("admin")
    user.set_password(password)
    user.save()
    return password


def _api_key() -> str:
    """The key of a new API client that may read the catalogue."""
    return create_client(f"demo {secrets.token_hex(4)}", scopes=[Scope.CATALOG_READ]).text


def _addresses(url: str, password: str, key: str) -> str:
    return f"""
DiamondHub runs. Open:
  admin    {url}/admin/   (user admin, password {password})
  explorer {url}/admin/catalog/diamond/
  API      {url}/api/docs/
  health   {url}/health/status
Try:
  curl -H 'X-API-Key: {key}' '{url}/api/v1/diamonds?shape=OVAL&carats_min=1&sort=price&limit=3'
  in another terminal: . {demo.environment_file()} && python3 manage.py start_run nivoda-natural --incremental --wait
Ctrl-C stops everything in order; twice ends it at once."""
