"""Questions to Nivoda: the GraphQL texts, and a slice of the inventory as a `DiamondQuery`.

Changing a text changes payloads, so it changes `QUERY_VERSION` as well; runs pin it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ingest.feeds.adapter import StoneQuery

QUERY_VERSION = "nivoda-query-1"

#: The supplier's ranges name both ends; these stand for "no end" (whole dollars per carat; carats).
PRICE_WITHOUT_END = 2**31 - 1
CARATS_WITHOUT_END = 100_000

SIGN_IN = """
query SignIn($username: String!, $password: String!) {
  authenticate { username_and_password(username: $username, password: $password) { token } }
}
"""

_ITEM = """
      id price discount diamond_price markup_price markup_discount
      diamond {
        id availability HoldId NivodaStockId supplierStockId image video eyeClean brown green blue gray milky bowtie
        mine_of_origin supplier_video_link approval_type final_price show_measurements show_certificate_number return_window
        CertificateType country_of_polishing v360 { id url }
        delivery_time { express_timeline_applicable min_business_days max_business_days }
        certificate {
          id lab certNumber pdfUrl shape fullShape carats cut polish symmetry color clarity length width depth
          depthPercentage table crownAngle crownHeight pavAngle pavHeight pavDepth floInt floCol girdle
          girdleCondition culetSize culet_condition cut_style keyToSymbols comments f_color f_intensity
          f_overtone colorShade mix_tinge verified treated labgrown labgrown_type country_of_origin starLength
          lowerGirdle image video
          product_images { id url display_index } product_videos { id url }
        }
        supplier { id name legal_name }
      }
"""

# Stones that share a createdAt keep their order; every other order moves stones while they are walked.
_ORDER = "order: { type: createdAt, direction: ASC }"
PAGE = f"""
query Page($token: String!, $query: DiamondQuery!, $offset: Int!, $limit: Int!) {{
  as(token: $token) {{
    diamonds_by_query(query: $query, offset: $offset, limit: $limit, {_ORDER}) {{
      items {{{_ITEM}      }}
    }}
  }}
}}
"""
#: A page, and in the same answer whether any stone lies behind it.
LAST_PAGE = f"""
query LastPage($token: String!, $query: DiamondQuery!, $offset: Int!, $limit: Int!, $behind: Int!) {{
  as(token: $token) {{
    diamonds_by_query(query: $query, offset: $offset, limit: $limit, {_ORDER}) {{
      items {{{_ITEM}      }}
    }}
    behind: diamonds_by_query(query: $query, offset: $behind, limit: 1, {_ORDER}) {{ items {{ id }} }}
  }}
}}
"""


def counts_text(number: int) -> str:
    """A query for `number` counts, under the aliases `c0`, `c1`, …, of the variables `$q0`, `$q1`, …"""
    variables = ", ".join(f"$q{i}: DiamondQuery!" for i in range(number))
    fields = " ".join(f"c{i}: diamonds_by_query_count(query: $q{i})" for i in range(number))
    return f"query Counts($token: String!, {variables}) {{ as(token: $token) {{ {fields} }} }}"


def diamond_query(query: StoneQuery, *, labgrown: bool) -> dict[str, Any]:
    """A slice of the inventory as the supplier's `DiamondQuery`."""
    fields: dict[str, Any] = {"labgrown": labgrown}
    if query.available_only:
        fields["availability"] = ["AVAILABLE"]
    if query.window_from or query.window_to:
        fields["updated"] = {
            end: _moment(moment)
            for end, moment in (("from", query.window_from), ("to", query.window_to))
            if moment is not None
        }
    if query.price_from or query.price_to is not None:
        fields["dollar_per_carat"] = {
            "from": query.price_from,
            "to": PRICE_WITHOUT_END if query.price_to is None else query.price_to,
        }
    if query.carats_from is not None or query.carats_to is not None:
        fields["sizes"] = [
            {
                "from": float(query.carats_from or 0),
                "to": CARATS_WITHOUT_END if query.carats_to is None else float(query.carats_to),
            }
        ]
    return fields


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
