"""Benchmarks: DiamondHub's throughput as ratios measured within one run; `manage.py bench` runs them."""
