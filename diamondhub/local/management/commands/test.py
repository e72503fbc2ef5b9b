"""`manage.py test`: lint, types, the import rule, then every test. With arguments, only pytest with these."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

#: Checks that must pass before the tests run, the cheapest first.
CHECKS = (
    ("lint", ["ruff", "check", "."]),
    ("format", ["ruff", "format", "--check", "."]),
    ("import rule", ["lint-imports"]),
    ("types", ["mypy", "."]),
)


class Command(BaseCommand):
    """Check the project."""

    help = "Lint, types, import rule and all tests; with arguments: pytest with these arguments only."

    def run_from_argv(self, argv: list[str]) -> None:
        """Pass everything after `test` to pytest untouched; exits with the first failing check's status."""
        arguments = argv[2:]
        folder = Path(sys.executable).parent
        failed = []
        if not arguments:
            for name, (program, *options) in CHECKS:
                print(f"--- {name}: {program} {' '.join(options)}", flush=True)
                if subprocess.run([folder / program, *options], cwd=settings.BASE_DIR, check=False).returncode:
                    failed.append(name)
        if failed:
            sys.exit(f"failed: {', '.join(failed)}")
        os.chdir(settings.BASE_DIR)
        pytest = [sys.executable, "-m", "pytest"]
        if arguments or {"DATABASE_URL", "REDIS_URL"} & set(os.environ):
            print("--- tests", flush=True)
            # Replaced, not called: a signal to this command reaches pytest, which stops its servers.
            os.execv(sys.executable, [*pytest, *arguments])
        sys.exit(_side_by_side(pytest))


def _side_by_side(pytest: list[str]) -> int:
    """Run the tests of whole processes, which mostly wait, beside all others; some of these follow when the others are done.

    Each part has embedded servers of its own, and both lanes take about as long. Returns 0 if all passed. The output of the
    first lane is printed when both are over.
    """
    var = Path(os.environ.get("DIAMONDHUB_VAR") or settings.BASE_DIR / "var" / "test")
    running: set[subprocess.Popen[bytes]] = set()
    stopped = threading.Event()

    def run(part: str, folder: str, **output: Any) -> int:
        if stopped.is_set():
            return 1
        environment = {**os.environ, "DIAMONDHUB_VAR": str(var.with_name(f"{var.name}{folder}"))}
        process = subprocess.Popen([*pytest, "-m", part], env=environment, **output)
        running.add(process)
        return abs(process.wait())

    def stop(number: int, _frame: object) -> None:
        stopped.set()
        for process in running:
            process.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    with tempfile.TemporaryFile() as output, ThreadPoolExecutor(2) as lanes:
        print("--- tests of whole processes, beside all others", flush=True)
        waiting = lanes.submit(
            run, "processes and not relay", "-processes", stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        others = lanes.submit(lambda: max(run("not processes", ""), run("relay", "-relay")))
        codes = [others.result(), waiting.result()]
        print("--- tests of whole processes", flush=True)
        output.seek(0)
        sys.stdout.buffer.write(output.read())
        sys.stdout.flush()
    return max(codes)
