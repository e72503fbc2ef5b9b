"""Benchmarks: what DiamondHub does with a second, as ratios within one run. `manage.py bench` runs them."""
