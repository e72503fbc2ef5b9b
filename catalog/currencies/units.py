"""The currencies in which prices can be shown, each with the decimals of its unit, as ISO 4217 has them."""

from __future__ import annotations

from collections.abc import Mapping

from diamondhub import money

#: Decimals of the currency's unit, by the currency's code.
PLACES: Mapping[str, int] = {
    "USD": 2,
    **dict.fromkeys(
        (
            "AED", "AMD", "ARS", "AUD", "AZN", "BGN", "BRL", "BWP", "CAD", "CHF", "CNY", "COP", "CZK", "DKK", "EGP", "EUR",
            "GBP", "GEL", "GHS", "HKD", "HUF", "IDR", "ILS", "INR", "KES", "KZT", "LBP", "LKR", "MAD", "MOP", "MUR", "MXN",
            "MYR", "NAD", "NGN", "NOK", "NZD", "PEN", "PHP", "PKR", "PLN", "QAR", "RON", "RSD", "SAR", "SEK", "SGD", "THB",
            "TRY", "TWD", "UAH", "UYU", "ZAR",
        ),
        2,
    ),
    **dict.fromkeys(("CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}  # fmt: skip
#: Those that need a rate of exchange.
OTHERS = tuple(sorted(PLACES.keys() - {money.CURRENCY}))
