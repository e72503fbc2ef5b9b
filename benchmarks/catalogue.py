"""A catalogue for a benchmark: stones whose rows are as wide as real ones, made by one statement."""

from __future__ import annotations

from psycopg import sql

from diamondhub.database import psycopg_cursor

SHAPES = ("ROUND", "OVAL", "PEAR", "EMERALD", "PRINCESS", "CUSHION", "RADIANT", "MARQUISE", "HEART", "ASSCHER")


def fill(number: int) -> None:
    """Insert stones into the catalogue whose rows are as wide as real ones, priced by the set in force."""
    with psycopg_cursor() as cursor:
        cursor.execute(
            sql.SQL(
                """
            INSERT INTO catalog_diamond (
                id, feed, supplier_stone_id, offer_id, shape, carats, color, clarity, cut, polish, symmetry,
                fluorescence_intensity, fancy_color, lab_grown, lab, certificate_number, certificate_url, length_mm,
                width_mm, depth_mm, ratio, table_pct, depth_pct, image_url, video_url, images, supplier_name,
                country_of_origin, girdle, culet, delivery_days_min, delivery_days_max, eye_clean,
                cost_cents, cost_per_carat_cents, availability, price_cents, price_per_carat_cents, rule_set,
                payload_hash, raw_id, source_updated_at, first_seen_at, changed_at, priced_on
            )
            SELECT
                md5(n::text)::uuid, 'bench-' || n % 2, 'S-' || n, 'DIAMOND/' || md5(n::text),
                ({shapes}::text[])[1 + floor(10 * r1 * r1)::int], c.carats, 1 + floor(10 * r2)::int, 1 + floor(9 * r3)::int,
                CASE WHEN r1 < 0.3 THEN 1 + floor(3 * r4)::int END, 1 + floor(3 * r2)::int, 1 + floor(3 * r3)::int,
                1 + floor(4 * r4)::int, CASE WHEN r3 > 0.97 THEN 'YELLOW' END, n % 3 <> 0,
                ({labs}::text[])[1 + floor(3 * r4)::int], (10000000 + n)::text,
                'https://certificates.example/' || md5(n::text),
                6 + r1, 6 + r2, 4 + r3, 1 + r4 / 2, 55 + floor(10 * r1), 58 + floor(8 * r2),
                'https://images.example/' || md5(n::text) || '.jpg',
                CASE WHEN r2 < 0.6 THEN 'https://videos.example/' || md5(n::text) END,
                ARRAY['https://images.example/' || md5(n::text) || '.jpg'], 'Supplier ' || floor(300 * r1),
                ('{{BW,ZA,CA,AU,NULL}}'::text[])[1 + floor(5 * r2)::int], 'Medium to Slightly Thick', 'None',
                3, 3 + floor(6 * r3)::int,
                CASE WHEN r2 > 0.5 THEN r1 > 0.2 END,
                c.cost, round(c.cost / c.carats), 'available', round(c.cost * 1.4), round(c.cost * 1.4 / c.carats), 1,
                decode(md5(n::text), 'hex'), n, now(), now(), now(), current_date
            FROM (
                SELECT n, random() AS r1, random() AS r2, random() AS r3, random() AS r4, random() AS r5
                FROM generate_series(1, {number}) AS n
            ) AS chance
            CROSS JOIN LATERAL (
                SELECT round((0.3 + 3 * r5 * r5)::numeric, 2) AS carats,
                    (20000 + 3000000 * r4 * r5 * r5)::bigint AS cost
            ) AS c
            """
            ).format(
                shapes=sql.Literal(list(SHAPES)), labs=sql.Literal(["GIA", "IGI", "HRD"]), number=sql.Literal(number)
            )
        )
