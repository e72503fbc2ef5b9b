"""Memory that a process of the worker keeps instead of giving it back to the system.

A batch of stones takes some megabytes and frees them at its end. By default the C library gives them back at once, and the
next batch takes them from the system again, page by page, which costs as much as decoding its payloads.
"""

from __future__ import annotations

import ctypes

#: Freed memory that a process keeps, and the largest piece that it does not take from the system by itself (bytes).
KEPT_BYTES = 16 * 1024 * 1024
#: Parameters of `mallopt(3)` of the GNU C library.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def keep_freed() -> bool:
    """Let this process keep up to `KEPT_BYTES` that it freed; False where the C library has no such choice."""
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is None:
        return False
    return all(set_option(option, KEPT_BYTES) == 1 for option in (_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD))
