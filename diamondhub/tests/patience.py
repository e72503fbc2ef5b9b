"""How long tests wait for what should come at once: a deadline only ends what hangs, however slow the machine is."""

from __future__ import annotations

#: For an answer, a thread or a process (seconds).
HANG_SECONDS = 180
#: For one step in a browser, and for the browser itself (milliseconds).
BROWSER_STEP_MS, BROWSER_LAUNCH_MS = 120_000, 180_000
