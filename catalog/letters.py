"""Letters as tables of words have them: `Émeraude` is written `Emeraude` as well, and full-width `ＶＳ１` is VS1."""

from __future__ import annotations

import re
import unicodedata

#: Accents over Latin letters; those of other scripts make other letters of them (Й, ガ).
_ACCENTS = re.compile(r"(?<=[A-Za-z])[̀-ͯ]+")
#: Letters that Unicode does not take apart.
_LIGATURES = str.maketrans({"œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L"})


def plain(text: str) -> str:
    """A text without accents over Latin letters, and without the wide and narrow forms of letters and digits."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFKD", text.translate(_LIGATURES))))
