"""The credential that a request sends: a key in its header, or a token where those are taken."""

from __future__ import annotations

from diamondhub.access import keys, rfc9421, tokens
from diamondhub.access.authentication import HEADER, not_signed_in, refused
from diamondhub.access.finding import find
from diamondhub.access.gate import Place, Step, Visit
from diamondhub.api.parsers import is_sent


class PresentedKeys(Step):
    """Finds the key behind the `X-API-Key` header and proves its secret (401, 429 for an address that failed too often)."""

    place = Place.KEY

    def check(self, visit: Visit) -> None:
        text = visit.request.headers.get(HEADER)
        if text is None:
            if visit.scope is not None and not rfc9421.is_signed(visit.request.META):
                _take_token(visit)
            return
        if not visit.is_api or (visit.endpoint is not None and (visit.scope or visit.endpoint.scope) is None):
            # What anybody may have, probes above all, hangs on no database.
            return
        presented = keys.parse(text)
        key = find(presented) if presented else None
        if key is None:
            raise refused(visit, key_id=presented.key_id if presented else None)
        visit.key = key


def _take_token(visit: Visit) -> None:
    """Sign in by a token where those are taken; a credential in a body is left to the endpoint, which reads it."""
    if visit.endpoint is None or not visit.endpoint.takes_tokens:
        raise not_signed_in()
    bearer = tokens.bearer_of(visit)
    if bearer is not None:
        tokens.prove_token(visit, bearer)
    elif not is_sent(visit.request.META):
        raise not_signed_in()
