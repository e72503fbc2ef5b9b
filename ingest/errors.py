"""Errors of ingestion, sorted by what a walker should do about them.

The docstring of a class is its default message; `SupplierError` subclasses say whether waiting helps.
"""

from __future__ import annotations


class IngestError(Exception):
    """Ingestion could not do what was asked."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip().splitlines()[0])


class Paused(IngestError):
    """Somebody has paused it."""

    def __init__(self, message: str | None = None, *, seconds: float = 0.0) -> None:
        super().__init__(message)
        #: Seconds until the pause ends by itself.
        self.seconds = seconds


class SupplierError(IngestError):
    """The supplier did not answer as it should."""

    #: Stable word for rows, logs and metrics.
    kind = "permanent"


class TransientSupplierError(SupplierError):
    """The supplier failed in a way that usually passes: 5xx, a cut connection, a timeout, an undecodable answer."""

    kind = "transient"


class UndecodableAnswer(TransientSupplierError):
    """The supplier answered with something that cannot be decoded."""

    def __init__(self, message: str | None = None, *, body: bytes = b"") -> None:
        super().__init__(message)
        #: The answer as it came; it is kept when asking again did not help.
        self.body = body


class SupplierTooSlow(TransientSupplierError):
    """The supplier did not answer in time."""


class AnswerTooLong(TransientSupplierError):
    """The supplier's answer is longer than what is read."""


class ThrottledBySupplier(SupplierError):
    """The supplier said that it is asked too often."""

    kind = "throttled"

    def __init__(self, message: str | None = None, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        #: Seconds that the supplier asked us to stay away, if it said so.
        self.retry_after = retry_after


class SignInRefused(SupplierError):
    """The supplier refused the user name or the password: check NIVODA_USERNAME and NIVODA_PASSWORD."""

    kind = "signed_out"


class PermanentSupplierError(SupplierError):
    """The supplier refused the request itself; repeating it will not help."""

    kind = "permanent"


class QueryRefused(IngestError):
    """The supplier is not asked this; the message says what is accepted."""


class OrderingRefused(QueryRefused):
    """The query would hold or order stones, and who asks may only read."""


class MappingError(IngestError):
    """A payload cannot become a diamond."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        #: Path of the offending value in the payload, e.g. "diamond.certificate.carats".
        self.field = field
        #: What is wrong with it, in words for an operator.
        self.reason = reason
