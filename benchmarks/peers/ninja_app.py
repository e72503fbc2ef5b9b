"""django-ninja with pydantic schemas and orjson. `gunicorn -k gthread -w 2 --threads 8 ninja_app`."""

from catalogue import COUNT_CAP, FIELDS, FLAGS, GRADES, MEASURES, configure

configure("ninja_app", [])

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

import orjson
from django.core.wsgi import get_wsgi_application
from django.urls import path
from ninja import NinjaAPI, Query, Schema
from ninja.renderers import BaseRenderer
from pydantic import BeforeValidator, Field, create_model
from table import Diamond


class Orjson(BaseRenderer):
    media_type = "application/json"

    def render(self, request, data, *, response_status):
        return orjson.dumps(data, option=orjson.OPT_UTC_Z)


def _type(name):
    if name in GRADES:
        return Annotated[str | None, BeforeValidator(dict(enumerate(GRADES[name], 1)).get)]
    if name in MEASURES:
        return float | None
    if name in FLAGS:
        return bool | None
    special = {"id": UUID, "lab_grown": bool, "images": list[str], "rating": int | None}
    if name.startswith("delivery_days"):
        return int | None
    return special.get(name) or (datetime if name.endswith("_at") else str | None)


DiamondOut = create_model("DiamondOut", __base__=Schema, **{name: (_type(name), ...) for name in FIELDS})


class PageOut(Schema):
    count: int
    count_is_exact: bool
    results: list[DiamondOut]
    next: str | None


class Filters(Schema):
    shape: str | None = None
    lab: str | None = None
    lab_grown: bool | None = None
    carats_min: Decimal | None = None
    carats_max: Decimal | None = None
    color_from: Literal[tuple(GRADES["color"])] | None = None
    color_to: Literal[tuple(GRADES["color"])] | None = None
    clarity_to: Literal[tuple(GRADES["clarity"])] | None = None
    cut: Literal[tuple(GRADES["cut"])] | None = None
    polish: Literal[tuple(GRADES["cut"])] | None = None
    symmetry: Literal[tuple(GRADES["cut"])] | None = None
    price_min: Decimal | None = None
    price_max: Decimal | None = None
    availability: str = "available"
    sort: Literal["price", "-carats"] = "price"
    limit: int = Field(50, ge=1, le=100)


_ENDS = {"min": "gte", "max": "lte", "from": "gte", "to": "lte"}


def wanted(filters):
    lookups = {}
    for name, value in filters.model_dump(exclude={"sort", "limit"}, exclude_none=True).items():
        field, _, end = name.rpartition("_")
        field, look = (field, f"__{_ENDS[end]}") if end in _ENDS else (name, "")
        if field in GRADES:
            value = GRADES[field].index(value) + 1
        if field == "price":
            field, value = "price_cents", int(value * 100)
        lookups[field + look] = value
    return Diamond.objects.filter(**lookups)


api = NinjaAPI(renderer=Orjson(), docs_url=None, openapi_url=None)


@api.get("/diamonds", response=PageOut)
def diamonds(request, filters: Query[Filters]):
    query = wanted(filters)
    order = ("-carats", "-id") if filters.sort == "-carats" else ("price_cents", "id")
    count = query[: COUNT_CAP + 1].count()
    stones = list(query.order_by(*order)[: filters.limit + 1])
    more = len(stones) > filters.limit
    return {
        "count": min(count, COUNT_CAP),
        "count_is_exact": count <= COUNT_CAP,
        "results": stones[: filters.limit],
        "next": str(stones[filters.limit - 1].id) if more else None,
    }


urlpatterns = [path("api/v1/", api.urls)]
application = get_wsgi_application()
