"""Prices in other currencies than the one they are kept in: units, dated rates of exchange, and converting by them."""
