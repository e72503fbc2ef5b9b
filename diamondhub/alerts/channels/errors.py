"""What a channel raises."""

from __future__ import annotations


class ChannelError(Exception):
    """A message did not go out; the text says why, to operators.

    With `permanent` it is refused for good and not tried again. `wait` is for how long the channel asks to be left alone
    (seconds).
    """

    def __init__(self, message: str, *, permanent: bool = False, wait: float = 0.0) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.wait = wait
