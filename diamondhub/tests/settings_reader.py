"""Reads the settings in other environments without starting Python for each; `diamondhub.tests.test_environment` asks.

The fork server of `multiprocessing` imports this module first, so that what the settings import of other people's is there;
each child forgets all that is ours, and reads it as a new process does.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
import traceback
from multiprocessing.context import ForkServerProcess

import diamondhub.settings  # noqa: F401 - see above

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__])
#: The mask with which a process begins that nobody has given another.
_MASK = 0o022


def run(code: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """What a process says that runs this code in no other environment than this."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = f"{folder}/out", f"{folder}/err"
        process: ForkServerProcess = _CONTEXT.Process(target=_run_and_exit, args=(code, environment, out, err))
        process.start()
        process.join()
        with open(out) as said, open(err) as complained:
            return subprocess.CompletedProcess(code, process.exitcode or 0, said.read(), complained.read())


def _run_and_exit(code: str, environment: dict[str, str], out: str, err: str) -> None:
    os.umask(_MASK)
    for number, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
    os.environ.clear()
    os.environ.update(environment)
    for name in [name for name in sys.modules if name.partition(".")[0] == "diamondhub"]:
        del sys.modules[name]
    status = 0
    try:
        exec(code, {"__name__": "__main__"})
    except BaseException:  # noqa: BLE001 - what code does not catch, Python prints, and ends with 1
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
