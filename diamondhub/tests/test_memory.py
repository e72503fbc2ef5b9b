"""Memory of a worker's processes: what they free and use again, and what they share."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import pytest

from diamondhub import memory
from diamondhub.local.stack import ROOT

#: Takes and frees 6 MB in small pieces ten times; prints the pages that the system had to give after the first time.
_BATCHES = """
import resource, sys
from diamondhub import memory
if sys.argv[1] == "kept":
    assert memory.keep_freed()
faults = []
for _ in range(10):
    payloads = [bytes(3_000) for _ in range(2_000)]
    del payloads
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
print(faults[-1] - faults[0])
"""
#: Prints the pages that a forked process has to copy in order to look for garbage among what its parent had loaded.
_FORKED = """
import gc, os, resource, sys
from diamondhub import memory
loaded = [[number] for number in range(500_000)]
if sys.argv[1] == "shared":
    memory.share_loaded()
if child := os.fork():
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
gc.collect()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before, flush=True)
os._exit(0)
"""


def _faults(program: str, how: str) -> int:
    """Page faults that a program counts, by the C library's own allocator as it is without advice."""
    advice = ("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD")
    done = subprocess.run(
        [sys.executable, "-c", program, how],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith(advice)},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="this C library has no such choice")
def test_a_batch_uses_the_memory_that_the_one_before_it_freed() -> None:
    assert _faults(_BATCHES, "kept") * 2 < _faults(_BATCHES, "given back")


def test_a_forked_process_copies_nothing_of_what_is_loaded_to_look_for_garbage() -> None:
    assert _faults(_FORKED, "shared") * 10 < _faults(_FORKED, "not shared")


def test_a_c_library_without_the_choice_keeps_its_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())

    assert memory.keep_freed() is False
