"""Who and what changed a price, in words and links: for the list of changes, a stone's page and its chart."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString

from diamondhub.admin.display import NOTHING, Link, address, link

#: Who may see changes of prices.
VIEW = "pricing.view_pricechange"
#: The causes that write prices, as the history names them, in words.
CAUSES = {
    "run": "a run",
    "repricing": "a repricing",
    "remap": "a remap",
    "verify": "a look at what the supplier shows",
    "replay": "a dead letter replayed",
    "sql": "a statement by hand",
}


def cause_of(cause: str | None, cause_id: int | None) -> str | SafeString:
    """The cause of a change, as a link where it has a page."""
    words = f"{cause} {cause_id}" if cause_id is not None else cause or NOTHING
    if cause_id is None:
        return words
    if cause == "repricing":
        return link(reverse("admin:pricing_repricing_change", args=[cause_id]), words)
    url = address("ingest_run_change", cause_id) if cause == "run" else ""
    return link(url, words) if url else words


def made_by(version: int, rule: int | None, arm: str | None) -> str:
    """By which set, rule and arm of an experiment a price was made."""
    words = f"{version}, {f'rule {rule}' if rule else 'base margin'}"
    return f"{words}, {arm}" if arm else words


def link_to_changes(request: HttpRequest, **found_by: str | int) -> list[Link]:
    """The list of the changes of prices that these parameters find, for whom may see it."""
    if not request.user.has_perm(VIEW):
        return []
    return [
        Link("Price changes", f"{reverse('admin:pricing_pricechange_changelist')}?{urlencode(found_by)}", "timeline")
    ]
