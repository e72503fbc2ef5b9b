"""FastAPI, asyncpg, orjson, and SQL by hand. `uvicorn --workers 2 --no-access-log fastapi_app:app`.

`/api/v1/diamonds` has a page and a count that is exact up to 10,000: the matches are read up to one more first, sorted if
they are few; otherwise the price index is walked. With `include=facets` the count is exact, and nine attributes are counted
by GROUPING SETS, all under the same condition.
"""

import os
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Annotated, Literal

import asyncpg
import orjson
from catalogue import COUNT_CAP, FIELDS, GRADES, MEASURES
from fastapi import Depends, FastAPI, Query, Request, Response


def _written(name):
    if name == "id":
        return "d.id::text AS id"
    if name == "currency":
        return "'USD' AS currency"
    if name in GRADES:
        return f"('{{{','.join(GRADES[name])}}}'::text[])[d.{name}] AS {name}"
    if name in MEASURES:
        return f"d.{name}::float8 AS {name}"
    if name.startswith("price"):
        return f"(d.{name}_cents / 100)::text || '.' || lpad((d.{name}_cents % 100)::text, 2, '0') AS {name}"
    return f"d.{name}"


COLUMNS = ", ".join(map(_written, FIELDS))
ORDERS = {"price": ("price_cents", "ASC"), "-carats": ("carats", "DESC")}
FACETS = "lab_grown, shape, color, clarity, cut, polish, symmetry, fluorescence_intensity, lab"
SETS = ", ".join(f"({name})" for name in FACETS.split(", "))
Color = Literal[tuple(GRADES["color"])]
Clarity = Literal[tuple(GRADES["clarity"])]
Finish = Literal[tuple(GRADES["cut"])]
Number = Annotated[Decimal | None, Query(ge=0)]


@asynccontextmanager
async def lifespan(app):
    size = int(os.environ.get("POOL", "8"))
    async with asyncpg.create_pool(
        os.environ["DATABASE_URL"],
        min_size=size,
        max_size=size,
        server_settings={"plan_cache_mode": "force_custom_plan"},
    ) as app.state.pool:
        yield


app = FastAPI(lifespan=lifespan, docs_url=None, openapi_url=None)


class Where:
    """The condition, with its values."""

    def __init__(
        self,
        shape: str | None = None,
        lab: str | None = None,
        lab_grown: bool | None = None,
        carats_min: Number = None,
        carats_max: Number = None,
        color_from: Color | None = None,
        color_to: Color | None = None,
        clarity_to: Clarity | None = None,
        cut: Finish | None = None,
        polish: Finish | None = None,
        symmetry: Finish | None = None,
        price_min: Number = None,
        price_max: Number = None,
        availability: str = "available",
    ):
        self.values, parts = [], []
        for part, value, grades in (
            ("shape =", shape, None),
            ("lab =", lab, None),
            ("lab_grown =", lab_grown, None),
            ("carats >=", carats_min, None),
            ("carats <=", carats_max, None),
            ("color >=", color_from, "color"),
            ("color <=", color_to, "color"),
            ("clarity <=", clarity_to, "clarity"),
            ("cut =", cut, "cut"),
            ("polish =", polish, "cut"),
            ("symmetry =", symmetry, "cut"),
            ("price_cents >=", None if price_min is None else int(price_min * 100), None),
            ("price_cents <=", None if price_max is None else int(price_max * 100), None),
            ("availability =", availability, None),
        ):
            if value is not None:
                self.values.append(GRADES[grades].index(value) + 1 if grades else value)
                parts.append(f"{part} ${len(self.values)}")
        self.sql = " AND ".join(parts)


def few_sql(where, column, way, limit):
    return f"""
        WITH hits AS MATERIALIZED (SELECT {column} AS key, id FROM catalog_diamond WHERE {where} LIMIT {COUNT_CAP + 1}),
        counted AS (SELECT count(*) AS n FROM hits)
        SELECT counted.n AS "#n", {COLUMNS}
        FROM counted LEFT JOIN LATERAL (
            SELECT key, id FROM hits WHERE counted.n <= {COUNT_CAP} ORDER BY key {way}, id {way} LIMIT {limit + 1}
        ) AS page ON TRUE LEFT JOIN catalog_diamond AS d ON d.id = page.id
        ORDER BY page.key {way}, page.id {way}"""


def page_sql(where, column, way, limit):
    return f"""
        SELECT {COLUMNS} FROM (
            SELECT {column} AS key, id FROM catalog_diamond WHERE {where}
            ORDER BY {column} {way}, id {way} LIMIT {limit + 1}
        ) AS page JOIN catalog_diamond AS d ON d.id = page.id ORDER BY page.key {way}, page.id {way}"""


async def _facets(connection, where):
    rows = await connection.fetch(
        f"""
        SELECT GROUPING({FACETS}) AS which, {FACETS}, count(*) AS n FROM catalog_diamond WHERE {where.sql}
        GROUP BY GROUPING SETS ({SETS})""",
        *where.values,
    )
    names = FACETS.split(", ")
    every = 2 ** len(names) - 1
    facets = {name: {} for name in names}
    for row in rows:
        name = names[len(names) - (every ^ row["which"]).bit_length()]
        value = row[name]
        spoken = GRADES[name][value - 1] if name in GRADES and value is not None else str(value)
        facets[name][spoken] = row["n"]
    return facets


@app.get("/api/v1/diamonds")
async def diamonds(
    request: Request,
    where: Annotated[Where, Depends()],
    sort: Literal["price", "-carats"] = "price",
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    include: Literal["facets"] | None = None,
):
    column, way = ORDERS[sort]
    facets = rows = None
    async with request.app.state.pool.acquire() as connection:
        if include:
            facets = await _facets(connection, where)
            count = sum(facets["lab_grown"].values())
        else:
            matches = await connection.fetch(few_sql(where.sql, column, way, limit), *where.values)
            count = matches[0]["#n"]
            if count <= COUNT_CAP:
                rows = [row for row in matches if row["id"] is not None]
        if rows is None:
            rows = await connection.fetch(page_sql(where.sql, column, way, limit), *where.values)
    results = [dict(row) for row in rows[:limit]]
    for row in results:
        row.pop("#n", None)
    answer = {"count": count, "results": results, "next": results[-1]["id"] if len(rows) > limit else None}
    if facets is not None:
        answer["facets"] = facets
    return Response(orjson.dumps(answer, option=orjson.OPT_UTC_Z), media_type="application/json")
