"""The typed shape of a mapped stone: what every adapter produces and what consolidation writes.

Field names and order are those of the columns of `catalog.Diamond`. Adapters fill it, nothing else does.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec


class StoneFacts(msgspec.Struct, frozen=True, gc=False):
    """All that a supplier says about one offered stone, in the catalogue's own terms.

    Grades are members' integer values from `catalog.grades` (trade order, best first). Money is integer US cents, lengths
    are millimetres, percentages are percents, angles are degrees, delivery times are business days. `None` means that
    the supplier does not say.
    """

    offer_id: str
    shape: str | None
    carats: Decimal | None
    color: int | None
    clarity: int | None
    cut: int | None
    polish: int | None
    symmetry: int | None
    fluorescence_intensity: int | None
    fluorescence_color: str | None
    fancy_color: str | None
    fancy_intensity: int | None
    fancy_overtone: str | None
    lab_grown: bool
    growth_method: str | None
    treated: bool | None
    lab: str | None
    certificate_number: str | None
    certificate_url: str | None
    length_mm: Decimal | None
    width_mm: Decimal | None
    depth_mm: Decimal | None
    ratio: Decimal | None
    table_pct: Decimal | None
    depth_pct: Decimal | None
    crown_angle: Decimal | None
    crown_height: Decimal | None
    pavilion_angle: Decimal | None
    pavilion_depth: Decimal | None
    girdle: str | None
    girdle_from: int | None
    girdle_to: int | None
    culet: str | None
    culet_size: int | None
    eye_clean: bool | None
    brown: bool | None
    green: bool | None
    blue: bool | None
    gray: bool | None
    milky: bool | None
    bowtie: int | None
    key_to_symbols: str | None
    image_url: str | None
    video_url: str | None
    images: list[str]
    supplier_name: str | None
    country_of_origin: str | None
    location_country: str | None
    location_city: str | None
    delivery_days_min: int | None
    delivery_days_max: int | None
    return_days: int | None
    cost_cents: int
    cost_per_carat_cents: int | None
    #: A value of `catalog.models.Availability` other than "delisted".
    availability: str
