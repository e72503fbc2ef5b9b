"""Found by every Python process of a stack whose PYTHONPATH names this folder: each message is published five times."""

from __future__ import annotations

import os
import sys
from typing import Any

if os.environ.get("DIAMONDHUB_VAR"):
    from kombu.messaging import Producer

    _publish = Producer._publish

    def _five_times(self: Any, *args: Any, **options: Any) -> Any:
        for _ in range(4):
            _publish(self, *args, **options)
        return _publish(self, *args, **options)

    setattr(Producer, "_publish", _five_times)  # noqa: B010 - a method of somebody else's class
    print("fivefold", file=sys.stderr)
