"""Signed requests: the one form of RFC 9421 that the API takes, who signed, when, and that the body is what was signed.

A client that signs never sends its secret. Its requests cannot be changed on their way, nor sent again by others, which
`nonces` sees to. docs/api/signing.md says the same to those who write clients.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import structlog
from django.db.models.functions import Now
from django.http import HttpRequest

from diamondhub.access import digests, rfc9421, signing_secrets
from diamondhub.access.authentication import CHALLENGE, KeyState, refused
from diamondhub.access.clients import USABLE
from diamondhub.access.gate import Place, Step, Visit
from diamondhub.access.head import raw_target
from diamondhub.access.keys import ID_LENGTH
from diamondhub.access.models import ApiKey
from diamondhub.access.scopes import Scope
from diamondhub.api.parsers import is_sent
from diamondhub.api.problems import Problem, Unavailable

log = structlog.get_logger(__name__)

#: What a signature covers, in this order; the last two if there is a body.
COMPONENTS = ("@method", "@authority", "@target-uri")
COMPONENTS_OF_BODY = ("content-type", "content-digest")
#: What a signature must say of itself, and what it may.
NUMBERS, TEXTS = ("created",), ("nonce", "keyid", "alg")
OPTIONAL_NUMBERS = ("expires",)
#: Characters of a nonce.
MIN_NONCE, MAX_NONCE = 8, 64
#: How far the clock of a client may be off, and a request be under way (seconds).
TOLERANCE = 300
_KEY_ID = re.compile(rf"dh_([0-9A-Za-z]{{{ID_LENGTH}}})", re.ASCII)
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_NOTE = "signature"


@dataclass(frozen=True)
class Signed:
    """What a request says of its signature: of the right form, and not proven by that."""

    key_id: str
    created: int
    expires: int | None
    nonce: str
    #: What the body must have, by algorithm; empty if there is no body.
    digests: Mapping[str, bytes]
    base: bytes
    mac: bytes


class Signatures(Step):
    """Finds the key by which a request is signed and proves that its client signed it (400, 401).

    Refuses requests that are not signed where their client must sign (401).
    """

    place = Place.SIGNATURE

    def check(self, visit: Visit) -> None:
        if visit.endpoint is None or (visit.scope or visit.endpoint.scope) is None:
            # What anybody may have hangs on no signature.
            return
        if not rfc9421.is_signed(visit.request.META):
            if visit.scope is not None:
                refuse_unsigned(visit, visit.scope)
            return
        try:
            signed = read(visit.request)
        except (rfc9421.MalformedSignature, digests.UnacceptableDigest) as error:
            raise Problem(HTTPStatus.BAD_REQUEST, "malformed-signature", str(error)) from None
        _prove(visit, signed)
        visit.notes[_NOTE] = signed


class SignatureTimes(Step):
    """Refuses signatures of long ago, of the future, and those that have expired (401)."""

    place = Place.TIME

    def check(self, visit: Visit) -> None:
        signed = proven(visit)
        if signed is None:
            return
        now = int(visit.arrived_at)
        skew = signed.created - now
        server_time = datetime.fromtimestamp(now, UTC).isoformat().replace("+00:00", "Z")
        if abs(skew) > TOLERANCE:
            log.info("signature_out_of_time", key_id=signed.key_id, skew_seconds=skew)
            raise unauthorized(
                "signature-out-of-time",
                f"The signature says that it was created {abs(skew)} seconds {'after' if skew > 0 else 'before'} it came"
                f" here, at {server_time} by our clock; {TOLERANCE} are accepted. Set your clock and sign anew.",
                skew_seconds=skew,
                server_time=server_time,
            )
        if signed.expires is not None and signed.expires <= now:
            raise unauthorized(
                "signature-expired",
                f"The signature expired {now - signed.expires} seconds before it came here, at {server_time} by our clock.",
                server_time=server_time,
            )


class SignedBodies(Step):
    """Refuses signed requests whose body is not the one that was signed (400).

    It comes last: no byte of a body is read for whom something else refuses. A view finds the body as it was read here.
    """

    place = Place.DIGEST

    def check(self, visit: Visit) -> None:
        signed = proven(visit)
        if signed is None:
            return
        for algorithm in digests.wrong(signed.digests, visit.request.body if signed.digests else b""):
            raise Problem(
                HTTPStatus.BAD_REQUEST,
                "digest-mismatch",
                f"The body is not what was signed: its {algorithm} is not the one that Content-Digest names.",
            )


def proven(visit: Visit) -> Signed | None:
    """The signature of a request whose client has proven to know the secret; None if it is not signed."""
    signed: Signed | None = visit.notes.get(_NOTE)
    return signed


def refuse_unsigned(visit: Visit, scope: Scope) -> None:
    """Raises problem 401 if the client must sign where this scope is needed, and did not."""
    if (problem := lacking(visit, scope)) is not None:
        raise problem


def lacking(visit: Visit, scope: Scope) -> Problem | None:
    """Problem 401 if the client must sign where this scope is needed, and did not; else None."""
    client, key = visit.client, visit.key
    if client is None or key is None or scope not in client.needs_signature or proven(visit) is not None:
        return None
    problem = unauthorized("signature-needed", f"Your client must sign requests that need the scope {scope}.")
    covered = rfc9421.covered(_components(has_body=is_sent(visit.request.META)))
    problem.headers["Accept-Signature"] = f'sig={covered};created;keyid="dh_{key.key_id}";alg="{rfc9421.ALGORITHM}"'
    return problem


def unauthorized(kind: str, detail: str, **members: object) -> Problem:
    """Problem 401, for whoever has proven to know the secret."""
    return Problem(HTTPStatus.UNAUTHORIZED, kind, detail, headers={"WWW-Authenticate": CHALLENGE}, members=members)


def read(request: HttpRequest) -> Signed:
    """What a request says of its signature. Reads no byte of its body.

    Raises `MalformedSignature` and `UnacceptableDigest`, which tell what is accepted, and problem 503.
    """
    meta = request.META
    signature = rfc9421.parse(meta.get(rfc9421.INPUT_FIELD), meta.get(rfc9421.SIGNATURE_FIELD))
    expected = _components(has_body=is_sent(request.META))
    if signature.components != expected:
        with_body = "with" if is_sent(request.META) else "without"
        raise rfc9421.MalformedSignature(
            f"The signature of a request {with_body} a body covers exactly {rfc9421.covered(expected)}, in this order."
        )
    parameters = signature.parameters
    _check_parameters(parameters)
    key_id = _KEY_ID.fullmatch(str(parameters["keyid"]))
    if key_id is None:
        raise rfc9421.MalformedSignature(
            f"The parameter keyid is the part of your key that is no secret: dh_ and {ID_LENGTH} letters or digits."
        )
    claimed = digests.parse(meta.get(digests.FIELD, "")) if is_sent(request.META) else {}
    return Signed(
        key_id=key_id[1],
        created=int(parameters["created"]),
        expires=int(parameters["expires"]) if "expires" in parameters else None,
        nonce=str(parameters["nonce"]),
        digests=claimed,
        base=signature.base(_values(request)),
        mac=signature.mac,
    )


def _raw_target(request: HttpRequest) -> str:
    target = raw_target(request)
    if target is None:
        log.error("raw_target_unknown", server=request.META.get("SERVER_SOFTWARE"))
        raise Unavailable("signatures-unavailable", "Signatures cannot be verified by the server that was asked.")
    if not target.startswith("/"):
        raise rfc9421.MalformedSignature("The first line of a signed request must name a path, not a whole address.")
    return target


def _components(*, has_body: bool) -> tuple[str, ...]:
    return COMPONENTS + (COMPONENTS_OF_BODY if has_body else ())


def _check_parameters(parameters: Mapping[str, str | int]) -> None:
    if missing := [name for name in (*NUMBERS, *TEXTS) if name not in parameters]:
        raise rfc9421.MalformedSignature(f"Signature-Input lacks the parameter {missing[0]}.")
    if unknown := [name for name in parameters if name not in (*NUMBERS, *TEXTS, *OPTIONAL_NUMBERS)]:
        raise rfc9421.MalformedSignature(f"Signature-Input has the parameter {unknown[0][:40]}, which is not accepted.")
    for name, value in parameters.items():
        if isinstance(value, str) != (name in TEXTS):
            form = "a text in quotation marks" if name in TEXTS else "a whole number, without quotation marks"
            raise rfc9421.MalformedSignature(f"The parameter {name} must be {form}.")
    if parameters["alg"] != rfc9421.ALGORITHM:
        raise rfc9421.MalformedSignature(f'The parameter alg must be "{rfc9421.ALGORITHM}".')
    if not MIN_NONCE <= len(str(parameters["nonce"])) <= MAX_NONCE:
        raise rfc9421.MalformedSignature(f"The parameter nonce must have {MIN_NONCE} to {MAX_NONCE} characters.")


def _values(request: HttpRequest) -> dict[str, str]:
    scheme = request.scheme or ""
    authority = request.get_host().lower().removesuffix(_DEFAULT_PORTS.get(scheme, " "))
    fields = {"content-type": "CONTENT_TYPE", "content-digest": digests.FIELD}
    return {
        # Django's own `method` is in capitals whatever was sent.
        "@method": request.META["REQUEST_METHOD"],
        "@authority": authority,
        "@target-uri": f"{scheme}://{authority}{_raw_target(request)}",
        **{name: request.META[field] for name, field in fields.items() if request.META.get(field)},
    }


def _prove(visit: Visit, signed: Signed) -> None:
    """Set the visit's key to the one that signed. Raises the same as for a wrong key for every reason to refuse."""
    # The same work whatever the reason: one query for the columns needed, one secret opened, one MAC.
    columns = ("pk", "signing_secret", "usable", "client__active")
    with_state = ApiKey.objects.annotate(now=Now(), usable=USABLE)
    row: Any = with_state.filter(key_id=signed.key_id).values_list(*columns).first()
    key_pk: Any
    key_pk, sealed, usable, active = row or (None, None, False, False)
    right = hmac.compare_digest(rfc9421.mac(signing_secrets.opened(key_pk, sealed), signed.base), signed.mac)
    if not (right and usable and active):
        visit.key = None
        raise refused(visit, key_id=signed.key_id)
    if visit.key is not None:
        if visit.key.pk != key_pk:
            raise unauthorized("two-keys", "The request is signed with another key than the X-API-Key that it sends.")
        return
    visit.key = with_state.select_related("client").filter(pk=key_pk).first()
    if visit.key is None:
        raise refused(visit, key_id=signed.key_id)
    KeyState().check(visit)
