"""Exports: whole searches written to files by workers, which clients fetch afterwards, and the whole stock every hour.

`jobs` starts and ends them, `work` writes them by `writing` and `texts`, `files` keeps what was written, `stock` has the
whole stock made for whom asks for it.
"""
