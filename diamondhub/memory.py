"""Memory of a worker's processes: what they keep instead of giving it back to the system, and what they share.

A batch of stones takes some megabytes in small pieces and frees them at its end. Unless a larger piece was freed before, the
GNU C library gives them back at once, and the next batch takes them from the system again, page by page, which costs as much
as decoding its payloads.
"""

from __future__ import annotations

import ctypes
import gc

#: Freed memory that a process keeps (bytes).
KEPT_BYTES = 16 * 1024 * 1024
#: From here on a piece is the system's own, taken and given back by itself: the most that the library allows (bytes).
LARGE_BYTES = 32 * 1024 * 1024
#: Parameters of `mallopt(3)` of the GNU C library.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def keep_freed() -> bool:
    """Let this process keep up to `KEPT_BYTES` that it freed; False where the C library has no such choice."""
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is None:
        return False
    # Either choice ends the library's own guesses at both.
    choices = ((_M_TRIM_THRESHOLD, KEPT_BYTES), (_M_MMAP_THRESHOLD, LARGE_BYTES))
    return all(set_option(option, size) == 1 for option, size in choices)


def share_loaded() -> None:
    """Let the processes that this one is about to fork share what is loaded, which the garbage collector looks at no more.

    To look at an object is to write to it, so that each child would come to a copy of all modules of its own.
    """
    gc.collect()
    gc.freeze()
