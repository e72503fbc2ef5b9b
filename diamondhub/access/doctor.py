"""What access adds to the doctor: keys and peppers that are gone though something still needs them."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings

from diamondhub import environment
from diamondhub.access import peppers, sealed
from diamondhub.access.secrets import SecretError
from diamondhub.operations.doctor.checks import Finding, Said, database, register
from diamondhub.operations.problems.kinds import Severity


@register("secrets", "Is every version of a secret there that something still needs?", told_as=("secrets-lost",))
def versions_are_there() -> Iterator[Said]:
    """Peppers of live keys, and keys of sealed values, as far as this program is given them."""
    if environment.is_needed("API_KEY_PEPPERS", settings.PROGRAM):
        with database() as cursor:
            lost = list(peppers.missing(cursor))
            old = peppers.live_under_secret_key(cursor)
        for missing in lost:
            yield Finding(
                f"{missing}: they are refused.",
                "Put that pepper back into API_KEY_PEPPERS; if it is gone for good, `manage.py revoke_api_key "
                "--without-pepper` and give their clients new keys.",
                Severity.CRITICAL,
            )
        if old:
            yield f"{old:,} live API keys are hashed under SECRET_KEY until they are next used: keep it"
    else:
        yield f"peppers were not looked at: {settings.PROGRAM} is not given them"
    if not environment.is_needed("ENCRYPTION_KEYS", settings.PROGRAM):
        yield f"encryption keys were not looked at: {settings.PROGRAM} is not given them"
        return
    try:
        with database() as cursor:
            unopened = sealed.missing_versions(cursor)
    except SecretError as error:
        yield Finding(f"The keys that seal secrets cannot be had: {error}", "Mend ENCRYPTION_KEYS.", Severity.CRITICAL)
        return
    if unopened:
        each = ", ".join(f"version {version} ({rows:,} values)" for version, rows in unopened.items())
        yield Finding(
            f"ENCRYPTION_KEYS lacks keys that still seal secrets: {each}.",
            "Put them back, then run `manage.py rotate_secrets` before one is taken out.",
            Severity.CRITICAL,
        )
