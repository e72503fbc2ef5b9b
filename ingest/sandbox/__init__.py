"""The sandbox supplier: the real supplier's GraphQL service on this machine, with its quirks, its dirty data and its faults.

    python -m ingest.sandbox --port 8090 --stones 53940

serves the endpoint at `/api/diamonds` and a control interface at `/control` (see `ingest.sandbox.control`); the demo,
benchmarks and tests run against it. Tests may run it in their own process: `with Sandbox(Options(stones=1_000)) as
sandbox: …` from `ingest.sandbox.server`. It uses real stones and no Django, and offers the same stones for the same seed.
"""
