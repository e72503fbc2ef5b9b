"""A process that changes stones in transactions of uneven length until it is killed: `python writer.py <seed>`.

It writes a stone, dawdles, writes others, and commits; every fourth time it rolls back. CONNINFO names the database.
"""

from __future__ import annotations

import os
import random
import sys
import time

import psycopg

chance = random.Random(int(sys.argv[1]))
with psycopg.connect(os.environ["CONNINFO"]) as connection:
    ids = [row[0] for row in connection.execute("SELECT id FROM catalog_diamond ORDER BY id").fetchall()]
    connection.commit()
    print("ready", flush=True)
    while True:
        # In one order, so that two writers never wait for each other in a circle.
        for stone in sorted(chance.sample(ids, chance.randint(1, 4))):
            connection.execute(
                "UPDATE catalog_diamond SET price_cents = %s, availability = %s WHERE id = %s",
                [chance.randint(1, 10**6), chance.choice(["available", "sold", "on_hold"]), stone],
            )
            time.sleep(chance.random() * 0.02)
        if chance.random() < 0.25:
            connection.rollback()
        else:
            connection.commit()
