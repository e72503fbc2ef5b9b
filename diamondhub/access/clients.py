"""API clients and their keys: made, changed, replaced and ended. The command line and the admin call this.

A key's text is in the `IssuedKey` that its maker gets, and nowhere else: neither the database nor a log ever has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from diamondhub.access import key_problems, keys, peppers, signing_secrets
from diamondhub.access import networks as cidr
from diamondhub.access import origins as web
from diamondhub.access.models import ApiClient, ApiKey, Kind
from diamondhub.access.scopes import PUBLISHABLE_SCOPES, Scope

MAX_NAME_LENGTH = 100
#: Longest life of a key that is to expire (days).
MAX_LIFE = 3650
#: How long a replaced key goes on by default, and at most.
OVERLAP, MAX_OVERLAP = timedelta(days=7), timedelta(days=90)
#: A key that may be used, by the database's clock.
USABLE = Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=Now()))


class AccessError(Exception):
    """What was asked of the clients cannot be done; the message says why, in one line, and `field` what is wrong."""

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class IssuedKey:
    """A key just issued, with its text: the only time that anybody sees it."""

    key: ApiKey
    text: str
    #: What the client signs its requests with, if it is to sign.
    signing_secret: str | None = None

    def __repr__(self) -> str:
        return f"IssuedKey({self.key})"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a client is and may do, in normal form. `agreed` makes them."""

    kind: Kind
    scopes: list[str]
    origins: list[str]
    networks: list[str]
    #: With which scopes it must sign.
    needs_signature: list[str]


def agreed(
    *,
    kind: str,
    scopes: Iterable[str],
    origins: Iterable[str] = (),
    networks: Iterable[str] = (),
    needs_signature: Iterable[str] = (),
) -> Terms:
    """The terms of a client, checked one by one and against each other. Raises `AccessError`."""
    if kind not in Kind.values:
        raise AccessError(f"no such kind: {kind}; kinds are: {', '.join(Kind.values)}", field="kind")
    to_sign = list(needs_signature)
    signed = _scopes(to_sign, field="needs_signature") if to_sign else []
    terms = Terms(Kind(kind), _scopes(scopes), _origins(origins), _networks(networks), signed)
    if terms.kind == Kind.PUBLISHABLE:
        if too_much := [scope for scope in terms.scopes if scope not in PUBLISHABLE_SCOPES]:
            raise AccessError(
                f"everybody can read a publishable key, so its client can have {', '.join(PUBLISHABLE_SCOPES)} only, "
                f"not {', '.join(too_much)}",
                field="scopes",
            )
        if not terms.origins:
            raise AccessError("a publishable client needs the origins of the pages that use its keys", field="origins")
        if terms.needs_signature:
            raise AccessError("a publishable client cannot sign: no page may hold a secret", field="needs_signature")
    elif terms.origins:
        raise AccessError("only a publishable client has origins: no page may hold a secret key", field="origins")
    return terms


def create_client(
    name: str,
    *,
    scopes: Iterable[str],
    kind: str = Kind.SECRET,
    origins: Iterable[str] = (),
    networks: Iterable[str] = (),
    needs_signature: Iterable[str] = (),
    expires_days: int | None = None,
    signing: bool = False,
) -> IssuedKey:
    """Create an active client with its first key, which ends after `expires_days` days, or never.

    With `signing` the key has a signing secret, as has every key of a client that must sign.
    Raises `AccessError` for a name that is taken or unusable, for terms that cannot be agreed, and for a life out of range.
    """
    name = name.strip()
    if not (0 < len(name) <= MAX_NAME_LENGTH and name.isprintable()):
        raise AccessError(f"the name must be 1 to {MAX_NAME_LENGTH} printable characters", field="name")
    terms = agreed(kind=kind, scopes=scopes, origins=origins, networks=networks, needs_signature=needs_signature)
    expires_at = end_of_life(expires_days)
    try:
        with transaction.atomic():
            client = ApiClient.objects.create(
                name=name,
                kind=terms.kind,
                scopes=terms.scopes,
                origins=terms.origins,
                networks=terms.networks,
                needs_signature=terms.needs_signature,
            )
            return issue_key(client, expires_at=expires_at, signing=signing)
    except IntegrityError:
        raise AccessError(f"there is already a client named {name!r}; choose another name", field="name") from None


@transaction.atomic
def change_client(
    client: ApiClient,
    *,
    active: bool | None = None,
    kind: str | None = None,
    scopes: Iterable[str] | None = None,
    origins: Iterable[str] | None = None,
    networks: Iterable[str] | None = None,
    needs_signature: Iterable[str] | None = None,
) -> ApiClient:
    """Change what is given of a client; the rest stays. Raises `AccessError`.

    The kind changes only once no key of the other kind is live: one that was in a page must not become a secret.
    """
    now = ApiClient.objects.select_for_update().get(pk=client.pk)
    terms = agreed(
        kind=now.kind if kind is None else kind,
        scopes=now.scopes if scopes is None else scopes,
        origins=now.origins if origins is None else origins,
        networks=now.networks if networks is None else networks,
        needs_signature=now.needs_signature if needs_signature is None else needs_signature,
    )
    if terms.kind != now.kind and (live := now.keys.filter(USABLE).count()):
        raise AccessError(
            f"{now} has {live} live key{'' if live == 1 else 's'} as a {now.kind} client: revoke "
            f"{'it' if live == 1 else 'them'} first, since a {terms.kind} client needs keys of its own",
            field="kind",
        )
    now.kind, now.scopes, now.origins, now.networks = terms.kind, terms.scopes, terms.origins, terms.networks
    now.needs_signature = terms.needs_signature
    now.active = now.active if active is None else active
    now.save()
    return now


@transaction.atomic
def issue_key(client: ApiClient, *, expires_at: datetime | None = None, signing: bool = False) -> IssuedKey:
    """Give the client one more key; the ones it has stay as they are.

    With `signing`, or if the client must sign, it has a signing secret. Raises `AccessError` for a publishable one with it.
    """
    signing = signing or bool(client.needs_signature)
    if signing and client.is_publishable:
        raise AccessError("a publishable key cannot sign: no page may hold a secret", field="signing")
    issued = keys.generate(publishable=client.is_publishable)
    version = peppers.newest()
    key = ApiKey.objects.create(
        client=client,
        kind=client.kind,
        key_id=issued.key_id,
        secret_hash=issued.hashed(version),
        pepper_version=version,
        pepper_fingerprint=peppers.fingerprint(version),
        expires_at=expires_at,
    )
    return IssuedKey(key, issued.text, signing_secrets.issue(key) if signing else None)


@transaction.atomic
def issue_further_key(
    client: ApiClient, *, after: int | None, expires_days: int | None = None, signing: bool = False
) -> IssuedKey:
    """Give the client one more key, if its newest one is still `after` (None if it has none): a form sent twice makes one.

    Raises `AccessError` if it is not.
    """
    locked = ApiClient.objects.select_for_update().get(pk=client.pk)
    if newest_key(locked) != after:
        raise AccessError(f"{locked} was given another key meanwhile: look at its keys before you make one more")
    return issue_key(locked, expires_at=end_of_life(expires_days), signing=signing)


def newest_key(client: ApiClient) -> int | None:
    """The number of the client's newest key."""
    return client.keys.order_by("-pk").values_list("pk", flat=True).first()


@transaction.atomic
def rotate_key(
    key: ApiKey, *, overlap: timedelta = OVERLAP, expires_days: int | None = None, signing: bool = False
) -> IssuedKey:
    """Issue a key in the place of this one, which ends when the overlap is over, or earlier if it was to.

    The new one lives `expires_days` days, else as long as the old one was meant to, and has a signing secret of its own if
    the old one had, or with `signing`. Raises `AccessError` for a key that is
    over or was replaced before, so that nobody does it twice by mistake.
    """
    if not timedelta(0) <= overlap <= MAX_OVERLAP:
        raise AccessError(f"the overlap can be up to {MAX_OVERLAP.days} days", field="overlap")
    # Locked alone: what is joined to a row is as it was before the lock was waited for.
    locked: Any = ApiKey.objects.select_for_update().annotate(now=Now(), usable=USABLE)
    old = locked.get(pk=key.pk)
    if old.replaced_by_id is not None:
        raise AccessError(f"{old} was replaced by {old.replaced_by} before: rotate that one")
    if not old.usable:
        raise AccessError(f"{old} is {'revoked' if old.revoked_at else 'expired'}: make {old.client} a new key instead")
    if expires_days is not None:
        expires_at = end_of_life(expires_days)
    else:
        expires_at = old.expires_at and old.now + (old.expires_at - old.created_at)
    issued = issue_key(old.client, expires_at=expires_at, signing=signing or old.signing_secret is not None)
    end = old.now + overlap
    ApiKey.objects.filter(pk=old.pk).update(
        replaced_by=issued.key, expires_at=end if old.expires_at is None else min(end, old.expires_at)
    )
    key_problems.ended(old, f"the key was replaced by {issued.key}")
    return issued


def change_key(key: ApiKey, *, expires_days: int | None) -> ApiKey:
    """Have a key end in `expires_days` days, or never (None). Raises `AccessError` for one that is revoked."""
    if not ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(expires_at=end_of_life(expires_days)):
        raise AccessError(f"{key} is revoked, which is for ever")
    key.refresh_from_db()
    return key


def revoke_key(key: ApiKey) -> bool:
    """Revoke a key from now on; False if it was revoked before."""
    with transaction.atomic():
        revoked = bool(ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=Now()))
        if revoked:
            key_problems.ended(key, "the key was revoked")
    return revoked


def keys_without_pepper() -> list[ApiKey]:
    """Live keys that are refused, since the pepper that they are hashed under is gone."""
    live = ApiKey.objects.select_related("client").filter(USABLE, client__active=True).order_by("pk")
    return [key for key in live.iterator() if not peppers.has(key.pepper_version, key.pepper_fingerprint)]


# --- what people name ------------------------------------------------------------------------------------------------


def find_client(name: str) -> ApiClient:
    """The client of this name. Raises `AccessError`."""
    client = ApiClient.objects.filter(name=name.strip()).first() if "\0" not in name else None
    if client is None:
        raise AccessError(f"there is no API client named {name.strip()[:MAX_NAME_LENGTH]!r}")
    return client


def find_key(text: str) -> ApiKey:
    """The key with this id, written `dh_<id>`, `dh_<id>_…` or `<id>`. Raises `AccessError`."""
    if keys.parse(text) is not None:
        raise AccessError(
            "name a key by its id only, dh_<id>: the whole key now stands where this command is remembered"
        )
    named = re.fullmatch(r"(?:dhp?_)?(?P<id>[0-9A-Za-z]{12})(?:_…?)?", text.strip(), re.ASCII)
    key = ApiKey.objects.select_related("client").filter(key_id=named["id"]).first() if named else None
    if key is None:
        raise AccessError(
            f"there is no API key {text.strip()[:20]!r}; keys are named by their ids, e.g. dh_4f9KqTz81LmX"
        )
    return key


def key_to_rotate(named: str) -> ApiKey:
    """The key of this id, or the one live key of the client of this name. Raises `AccessError`."""
    client = ApiClient.objects.filter(name=named.strip()).first() if "\0" not in named else None
    if client is None:
        try:
            return find_key(named)
        except AccessError as error:
            if keys.parse(named) is not None:
                raise
            raise AccessError(f"there is no API client and no API key {named.strip()[:MAX_NAME_LENGTH]!r}") from error
    current = list(current_keys(client)[:10])
    if not current:
        raise AccessError(f"{client} has no live key to replace: make it one by `manage.py create_api_key`")
    if len(current) > 1:
        raise AccessError(
            f"{client} has several live keys: name one of {', '.join(f'dh_{key.key_id}' for key in current)}"
        )
    return current[0]


def current_keys(client: ApiClient) -> QuerySet[ApiKey]:
    """The client's live keys but those that were replaced and are only waiting for their end."""
    return client.keys.filter(USABLE, replaced_by=None).order_by("-pk")


def overlap_of(text: str) -> timedelta:
    """An overlap written `7d`, `12h`, `30m` or `0`. Raises `AccessError`."""
    written = re.fullmatch(r"(?P<number>[0-9]{1,5})(?P<unit>[dhm])|0", text.strip(), re.ASCII)
    if written is None:
        raise AccessError(f"the overlap must be like 7d, 12h, 30m or 0, not {text.strip()[:20]!r}", field="overlap")
    unit = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}
    overlap = unit[written["unit"]] * int(written["number"]) if written["unit"] else timedelta(0)
    if overlap > MAX_OVERLAP:
        raise AccessError(f"the overlap can be up to {MAX_OVERLAP.days} days", field="overlap")
    return overlap


def end_of_life(days: int | None) -> datetime | None:
    """The moment at which a key made now ends. Raises `AccessError` for a life out of range."""
    if days is None:
        return None
    if not 1 <= days <= MAX_LIFE:
        raise AccessError(f"a key can live 1 to {MAX_LIFE} days, not {days}", field="expires_days")
    return timezone.now() + timedelta(days=days)


def _scopes(given: Iterable[str], *, field: str = "scopes") -> list[str]:
    wanted = sorted(set(given))
    if not wanted or (unknown := [scope for scope in wanted if scope not in set(Scope)]):
        wrong = f"no such scope: {', '.join(unknown)}" if wanted else "a client needs at least one scope"
        raise AccessError(f"{wrong}; scopes are: {', '.join(Scope)}", field=field)
    return wanted


def _origins(given: Iterable[str]) -> list[str]:
    try:
        return web.normal_list(given)
    except web.OriginError as error:
        raise AccessError(str(error), field="origins") from None


def _networks(given: Iterable[str]) -> list[str]:
    try:
        return cidr.normal_list(given)
    except cidr.NetworkError as error:
        raise AccessError(str(error), field="networks") from None
