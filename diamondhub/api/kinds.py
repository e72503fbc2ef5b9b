"""Every kind of problem that the API answers with: what its type means, and what the client's programmer does about it.

A kind is declared once, here or by the app that raises it, and its page at `/api/problems/<kind>` is made from that. Names
are for ever: clients compare them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus

#: Where the kinds are documented; their types are addresses below it. Without a host, as RFC 9457 allows: a type is the
#: same text at every deployment, and no `Host` header has a part in it.
ADDRESS = "/api/problems/"


@dataclass(frozen=True)
class Kind:
    """One kind of problem."""

    name: str
    status: HTTPStatus
    #: The same at every occurrence.
    title: str
    #: What happened, in general; an answer's `detail` has the particulars.
    happened: str
    #: What to do about it.
    remedy: str

    @property
    def type(self) -> str:
        """The `type` of its problems, which is the address of its page."""
        return f"{ADDRESS}{self.name}"


_declared: dict[str, Kind] = {}


def declare(*kinds: Kind) -> None:
    """Add kinds. Raises `ValueError` for a name that is taken."""
    for kind in kinds:
        if _declared.setdefault(kind.name, kind) != kind:
            raise ValueError(f"the kind {kind.name} is declared twice")


def all_kinds() -> list[Kind]:
    """All kinds by status and name."""
    return sorted(_declared.values(), key=lambda kind: (kind.status, kind.name))


def named(name: str) -> Kind | None:
    """The kind of this name."""
    return _declared.get(name)


def of_statuses(statuses: Iterable[HTTPStatus]) -> list[Kind]:
    """The kinds with one of these statuses that the ground itself answers with, whatever the operation."""
    wanted = set(statuses)
    return [kind for kind in _OF_THE_GROUND if kind.status in wanted]


# What any operation may answer with.
declare(
    Kind(
        "bad-request",
        HTTPStatus.BAD_REQUEST,
        "The request is malformed",
        "The request cannot be read at all: its head, its host, or a body that ended before it was whole.",
        "Look at what your HTTP library sends; the same request will fail again.",
    ),
    Kind(
        "invalid-parameters",
        HTTPStatus.BAD_REQUEST,
        "Parameters are not as they must be",
        "A parameter of the query is unknown, repeated, malformed, out of range, or contradicts another.",
        "Each entry of `errors` names a parameter and says what is accepted. Mend them all and ask again.",
    ),
    Kind(
        "invalid-body",
        HTTPStatus.BAD_REQUEST,
        "The body is not as it must be",
        "The body is no JSON object, or a field of it is unknown, missing, malformed or out of range. Nothing was changed.",
        "Each entry of `errors` points at a field (`pointer`) and says what is accepted. Mend them all and send it again.",
    ),
    Kind(
        "wrong-cursor",
        HTTPStatus.BAD_REQUEST,
        "The cursor is not one of this query",
        "A cursor was changed, is of long ago, or belongs to a query with other parameters.",
        "Send `next` of the page before unchanged, all parameters but `limit` as they were; or begin without `cursor`.",
    ),
    Kind(
        "unauthorized",
        HTTPStatus.UNAUTHORIZED,
        "The request is not signed in",
        "There is no `X-API-Key` header, or its key is mistyped, unknown, expired or revoked; which of these is not told.",
        "Send the whole key, `dh_…`, in the header `X-API-Key`. If it is the right one, ask its owner for a new one.",
    ),
    Kind(
        "forbidden",
        HTTPStatus.FORBIDDEN,
        "The client may not do this",
        "The key is good, but its client lacks what the operation needs, such as a scope; `detail` names it.",
        "Ask the operator for the scope, or leave the operation to a client that has it.",
    ),
    Kind(
        "not-found",
        HTTPStatus.NOT_FOUND,
        "There is nothing here",
        "The address names nothing: no such operation, or no such diamond, rule set or run, for example.",
        "Compare the address with the documentation, and the id with what the API gave you.",
    ),
    Kind(
        "method-not-allowed",
        HTTPStatus.METHOD_NOT_ALLOWED,
        "The address does not take this method",
        "There is something at this address, but not for this method.",
        "Use one of the methods in the answer's `Allow` header.",
    ),
    Kind(
        "not-acceptable",
        HTTPStatus.NOT_ACCEPTABLE,
        "There is no answer in this form",
        "The `Accept` header allows for no form that the address has.",
        "Send `Accept: application/json`, or leave it away.",
    ),
    Kind(
        "unsupported-media-type",
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "The body is in no form that is read here",
        "The body is not declared as `application/json` in UTF-8, or it is compressed.",
        "Send JSON in UTF-8, uncompressed, with `Content-Type: application/json`.",
    ),
    Kind(
        "length-required",
        HTTPStatus.LENGTH_REQUIRED,
        "The body comes without its length",
        "The request has a body but no usable `Content-Length`: a chunked body, for example.",
        "Send the body in one piece with its `Content-Length`, as HTTP libraries do for texts.",
    ),
    Kind(
        "body-too-large",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "The body is too long",
        "The body is longer than the operation takes; `detail` says how long it may be. It was not read.",
        "Send less at once.",
    ),
    Kind(
        "too-many-requests",
        HTTPStatus.TOO_MANY_REQUESTS,
        "A limit is used up",
        "Too many requests, or too many failed sign-ins from this address.",
        "Wait for as many seconds as `Retry-After` says, then go on more slowly.",
    ),
    Kind(
        "internal-error",
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "This is our fault",
        "Something failed that must not. It has been logged.",
        "Ask again once. If it goes on, tell us the `request_id`.",
    ),
    Kind(
        "database-away",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The database cannot be reached",
        "The service is up, its database is not, or does not answer in time. Nothing was changed.",
        "Wait for as many seconds as `Retry-After` says and ask again.",
    ),
    Kind(
        "too-slow",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The answer took too long to find",
        "The database was asked for more than it finds in the time that a request may take. Nothing was changed.",
        "Ask for less, or wait for as many seconds as `Retry-After` says and ask again.",
    ),
)
# Of idempotency keys and pages of other origins.
declare(
    Kind(
        "invalid-idempotency-key",
        HTTPStatus.BAD_REQUEST,
        "The Idempotency-Key is not as it must be",
        "The header `Idempotency-Key` is empty, too long, there twice, or has characters beyond visible ASCII.",
        "Send 1 to 255 visible ASCII characters, such as a UUID, and for every new action a new one.",
    ),
    Kind(
        "idempotency-key-in-use",
        HTTPStatus.CONFLICT,
        "A request with this Idempotency-Key is under way",
        "Another request of yours with the same `Idempotency-Key` has not been answered yet.",
        "Wait for as many seconds as `Retry-After` says and send the same request again: you will get its answer.",
    ),
    Kind(
        "idempotency-key-reused",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "The Idempotency-Key belongs to another request",
        "This `Idempotency-Key` came before with another method, address or body. Nothing was done.",
        "Use a new key for a new action, and the same key only to repeat the same request.",
    ),
    Kind(
        "outcome-unknown",
        HTTPStatus.CONFLICT,
        "Whether it was done is not known",
        "A request with this `Idempotency-Key` was begun at a supplier's, and its answer was lost. It is not repeated.",
        "Look at the supplier's whether it was done; if not, send it with a new `Idempotency-Key`.",
    ),
    Kind(
        "origin-not-allowed",
        HTTPStatus.FORBIDDEN,
        "The page's origin is not one of a client's",
        "A browser asked whether a page of this origin may call the API, and no client has that origin.",
        "Have the operator add the page's origin (scheme, host and port) to a client with publishable keys.",
    ),
)
# Of keys, signatures and limits.
declare(
    Kind(
        "secret-key-in-browser",
        HTTPStatus.FORBIDDEN,
        "A secret key is in a page",
        "A browser sent a secret key from a page: everybody who opens that page can read it. Its owner has been told.",
        "Use a publishable key in pages, or ask from a server; have the secret key replaced.",
    ),
    Kind(
        "credential-sent-in-clear",
        HTTPStatus.FORBIDDEN,
        "A credential came without TLS",
        "A key or a token came by http: whoever is on the way can have read it. Nothing was done; the key's owner is told.",
        "Have the key replaced, and send everything to https addresses; nothing is redirected.",
    ),
    Kind(
        "malformed-signature",
        HTTPStatus.BAD_REQUEST,
        "The signature cannot be read",
        "`Signature`, `Signature-Input` or `Content-Digest` are not as RFC 9421 and RFC 9530 say, or cover other parts.",
        "Compare with the examples in docs/api/signing.md; `detail` says what is expected.",
    ),
    Kind(
        "digest-mismatch",
        HTTPStatus.BAD_REQUEST,
        "The body is not what was signed",
        "The digest of the body that came is not the one in `Content-Digest`.",
        "Sign the very bytes that are sent: serialise the body once, make its digest, send the same bytes.",
    ),
    Kind(
        "signature-needed",
        HTTPStatus.UNAUTHORIZED,
        "The request must be signed",
        "Your client must sign requests that need this scope, and this one is not signed.",
        "Sign it as the answer's `Accept-Signature` says (docs/api/signing.md).",
    ),
    Kind(
        "signature-out-of-time",
        HTTPStatus.UNAUTHORIZED,
        "The signature is not of now",
        "The signature was created too long ago, or in the future; `skew_seconds` says by how much your clock is off.",
        "Set your clock and sign anew.",
    ),
    Kind(
        "signature-expired",
        HTTPStatus.UNAUTHORIZED,
        "The signature has expired",
        "The request came after the moment in `expires`.",
        "Sign anew for every request, or leave `expires` away.",
    ),
    Kind(
        "nonce-used",
        HTTPStatus.UNAUTHORIZED,
        "The nonce was used before",
        "A request with this nonce has come before.",
        "Sign every request with a nonce of its own, also when you repeat one.",
    ),
    Kind(
        "two-keys",
        HTTPStatus.UNAUTHORIZED,
        "The request is signed with another key than it sends",
        "`X-API-Key` and the signature's `keyid` name two keys.",
        "Leave `X-API-Key` away from signed requests, or sign with its secret.",
    ),
    Kind(
        "signatures-unavailable",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Signatures cannot be verified now",
        "What is needed to verify signatures is away. The request was not let in.",
        "Wait for as many seconds as `Retry-After` says, sign anew and ask again.",
    ),
    Kind(
        "limit-reached",
        HTTPStatus.TOO_MANY_REQUESTS,
        "A limit of your client is used up",
        "Your client asked faster than its limit for this class of operations; `RateLimit-Policy` has the limits.",
        "Wait for as many seconds as `Retry-After` says, then keep to what `RateLimit` says is left.",
    ),
    Kind(
        "too-many-at-once",
        HTTPStatus.TOO_MANY_REQUESTS,
        "Too many requests at once",
        "As many requests of yours are being answered as your client may have at once.",
        "Wait for answers before you ask for more.",
    ),
    Kind(
        "too-many-streams",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Too many long answers are being read",
        "As many exports are being read as this server sends at once.",
        "Wait for as many seconds as `Retry-After` says and ask again.",
    ),
)
# Of the server, before anything else looks at a request.
declare(
    Kind(
        "request-timeout",
        HTTPStatus.REQUEST_TIMEOUT,
        "The request came too slowly",
        "The head or the body of the request was not there in time.",
        "Send it in one go; prepare the body before you open the connection.",
    ),
    Kind(
        "uri-too-long",
        HTTPStatus.REQUEST_URI_TOO_LONG,
        "The address is too long",
        "The first line of the request is longer than the server reads.",
        "Ask for fewer things at once.",
    ),
    Kind(
        "header-fields-too-large",
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        "The head of the request is too large",
        "The request has too many headers, or too long ones.",
        "Send only the headers that the documentation names; leave cookies away.",
    ),
)

_OF_THE_GROUND = tuple(_declared.values())
