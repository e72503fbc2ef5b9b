"""Certificate numbers as they are compared: what one laboratory's number is, however suppliers write it.

Case, spaces and signs are folded. IGI prints the numbers of lab-grown stones with `LG` in front, which many leave out.
"""

from __future__ import annotations

import re

#: The fold of the column `certificate_number` in SQL, the same as `folded`; NULL for a number without letters and digits.
FOLDED = (
    "nullif(regexp_replace(upper(regexp_replace(certificate_number, '[^A-Za-z0-9]', '', 'g')), '^LG(?=[0-9])', ''), '')"
)


def folded(number: str | None) -> str | None:
    """The number that is compared: `"lg 5678-90"` is `"567890"`; None if there is none."""
    plain = re.sub(r"[^A-Za-z0-9]", "", number or "").upper()
    return re.sub(r"^LG(?=[0-9])", "", plain) or None
