"""The rendering of stones as the supplier sends them: every field of an item in the documented order, dirt included.

Fields without a column (finish, angles, supplier, pictures) are drawn from the stone's own chance, so a stone looks the
same on every page. Pages, look-ups and the control interface's list of all items use it.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.sandbox import chance, dirt, trade
from ingest.sandbox.inventory import Inventory
from ingest.sandbox.rows import CLARITIES, COLORS, CUTS, real_rows

Item = dict[str, Any]
#: Carats, cut, colour and clarity (indexes), depth and table (per cent), length, width and height (mm) of a real stone.
_Cells = tuple[float, int, int, int, float, float, float, float, float]

_MEDIA = "https://media.sandbox.example"
#: Out of 256 stones: those with a picture, with a rotating picture, with a video of the supplier's own.
_WITH_IMAGE, _WITH_V360, _WITH_VIDEO = 236, 205, 150


def has_image(inventory: Inventory, stones: NDArray[np.int64]) -> NDArray[np.bool_]:
    """A mask of the stones that have a picture."""
    clean: NDArray[np.bool_] = (inventory.columns["dirt"][stones] & np.uint64(dirt.bit("no_image"))) == 0
    return clean & ((chance.bits(inventory.seed, "media", stones) & np.uint64(255)) < _WITH_IMAGE)


def has_v360(inventory: Inventory, stones: NDArray[np.int64]) -> NDArray[np.bool_]:
    """A mask of the stones that have a rotating picture."""
    return (chance.bits(inventory.seed, "media", stones) >> np.uint64(8) & np.uint64(255)) < _WITH_V360


def render(inventory: Inventory, stones: list[int]) -> list[Item]:
    """The items of stones, in their order."""
    numbers = np.array(stones, dtype=np.int64)
    columns = [inventory.columns[name][numbers].tolist() for name in _COLUMNS]
    noise = [chance.bits(inventory.seed, purpose, numbers).tolist() for purpose in _PURPOSES]
    ids = [inventory.identity.uuids(kind, stones) for kind in ("stone", "offer", "certificate")]
    return [_item(inventory, *cells) for cells in zip(stones, *ids, *columns, *noise, strict=True)]


_COLUMNS = ("row", "price", "weight", "labgrown", "shape", "fancy", "availability", "dirt")
_PURPOSES = ("look", "offer details", "media", "dirt choice")


def _item(
    inventory: Inventory,
    stone: int,
    stone_id: str,
    offer_id: str,
    certificate_id: str,
    row: int,
    price: int,
    weight: int,
    labgrown: bool,
    shape: int,
    fancy: int,
    availability: int,
    carried: int,
    look: int,
    offer: int,
    media: int,
    choice: int,
) -> Item:
    number = inventory.identity.certificate_number(stone)
    pictures = _pictures(stone_id, media)
    discount = -(price % 6_000) / 100
    supplier = offer % len(trade.SUPPLIERS)
    name, legal_name = trade.SUPPLIERS[supplier]
    days = trade.DELIVERY_DAYS[(offer >> 12) % 7]
    item = {
        "id": f"DIAMOND/{offer_id}",
        "price": price,
        "discount": discount,
        "diamond_price": price * 97 // 100,
        "markup_price": price,
        "markup_discount": round(discount + 3, 2),
        "diamond": {
            "id": stone_id,
            "availability": trade.AVAILABILITIES[availability],
            "HoldId": inventory.hold_ids.get(stone),
            "NivodaStockId": f"NV{stone + 10_000_000}",
            "supplierStockId": f"{name[0]}{offer >> 44:05d}",
            "image": pictures["image"],
            "video": pictures["video"],
            "eyeClean": look % 16 > 1,
            "brown": trade.TINGES[look % 15],
            "green": trade.TINGES[(look >> 4) % 15],
            "blue": trade.TINGES[(look >> 8) % 15],
            "gray": trade.TINGES[(look >> 12) % 15],
            "milky": trade.MILKY[(look >> 16) & 15],
            "bowtie": None if shape == trade.ROUND else ("None", "Slight", "Medium", None)[(look >> 20) & 3],
            "mine_of_origin": None if labgrown else trade.MINES[(look >> 24) % 12],
            "supplier_video_link": pictures["supplier_video"],
            "approval_type": ("AUTOMATIC", "AUTOMATIC", "MANUAL", None)[(offer >> 16) & 3],
            "final_price": price,
            "show_measurements": (offer >> 18) & 15 > 0,
            "show_certificate_number": (offer >> 22) & 15 > 0,
            "return_window": (0, 7, 14, 30)[(offer >> 26) & 3],
            "CertificateType": "LABGROWN_DIAMOND" if labgrown else "NATURAL_DIAMOND",
            "country_of_polishing": trade.POLISHING[(offer >> 28) % 9],
            "v360": pictures["v360"],
            "delivery_time": {
                "express_timeline_applicable": (offer >> 32) & 7 == 0,
                "min_business_days": days[0],
                "max_business_days": days[1],
            },
            "certificate": _certificate(
                certificate_id, number, _cells()[row], weight, labgrown, shape, fancy, look, pictures
            ),
            "supplier": {
                "id": f"{0xC0FFEE:08x}-0000-4000-8000-{supplier + 1:012x}",
                "name": name,
                "legal_name": legal_name,
            },
        },
    }
    if carried:
        dirt.spoil(item, carried, choice)
    return item


def _certificate(
    certificate_id: str,
    number: int,
    cells: _Cells,
    weight: int,
    labgrown: bool,
    shape: int,
    fancy: int,
    look: int,
    pictures: dict[str, Any],
) -> Item:
    carats, cut, color, clarity, depth, table, length, width, height = cells
    shape_name = trade.SHAPE_NAMES[shape]
    if shape != trade.ROUND:
        # The same girdle plane, stretched to the shape's usual ratio.
        stretch = trade.SHAPES[shape_name][1] ** 0.5
        length, width = round(length * stretch, 2), round(width / stretch, 2)
    lab = (trade.LABS_LABGROWN if labgrown else trade.LABS_NATURAL)[(look >> 28) % (45 if labgrown else 42)]
    certificate_number = f"LG{number}" if labgrown and lab == "IGI" else str(number)
    fluorescence = trade.FLUORESCENCES[(look >> 34) % 18]
    finish = ("EX", "EX", "EX", "EX", "EX", "VG", "VG", "GD")
    # The best cut grades come with the best finish.
    finest = 5 if cut <= 1 else 8
    origins = trade.LAB_ORIGINS if labgrown else trade.ORIGINS
    return {
        "id": certificate_id,
        "lab": lab,
        "certNumber": certificate_number,
        "pdfUrl": f"https://certificates.sandbox.example/{lab.lower()}/{certificate_number}.pdf",
        "shape": shape_name,
        "fullShape": _FULL_SHAPES[shape],
        "carats": weight / 1000 if weight else carats,
        "cut": CUTS[cut] if shape == trade.ROUND else None,
        "polish": finish[(look >> 38) % finest],
        "symmetry": finish[(look >> 41) % finest],
        "color": "Fancy" if fancy else COLORS[color],
        "clarity": CLARITIES[clarity],
        "length": length,
        "width": width,
        "depth": height,
        "depthPercentage": depth,
        "table": table,
        "crownAngle": (320 + (look >> 44) % 50) / 10,
        "crownHeight": (130 + (look >> 47) % 40) / 10,
        "pavAngle": (398 + (look >> 50) % 26) / 10,
        "pavHeight": (420 + (look >> 53) % 30) / 10,
        "pavDepth": (420 + (look >> 53) % 30) / 10,
        "floInt": fluorescence,
        "floCol": None if fluorescence == "NON" else trade.FLUORESCENCE_COLORS[(look >> 56) % 6],
        "girdle": trade.GIRDLES[(look >> 30) % 9],
        "girdleCondition": trade.GIRDLE_CONDITIONS[(look >> 33) % 6],
        "culetSize": trade.CULET_SIZES[(look >> 36) & 7],
        "culet_condition": trade.CULET_CONDITIONS[(look >> 39) % 5],
        "cut_style": "BRILLIANT" if shape == trade.ROUND else None,
        "keyToSymbols": trade.KEY_TO_SYMBOLS[(look >> 42) % 7],
        "comments": trade.COMMENTS[(look >> 45) % 7],
        "f_color": trade.FANCY_COLORS[fancy] or None,
        "f_intensity": trade.FANCY_INTENSITIES[(look >> 48) % 9] if fancy else None,
        "f_overtone": trade.FANCY_OVERTONES[(look >> 51) % 9] if fancy else None,
        "colorShade": trade.COLOR_SHADES[(look >> 54) % 7],
        "mix_tinge": trade.TINGES[(look >> 57) % 15],
        "verified": (look >> 60) > 0,
        "treated": labgrown and look % 32 == 0,
        "labgrown": labgrown,
        "labgrown_type": ("CVD", "HPHT", "CVD", None)[(look >> 58) & 3] if labgrown else None,
        "country_of_origin": origins[(look >> 55) % len(origins)],
        "starLength": 45 + (look >> 52) % 4 * 5,
        "lowerGirdle": 70 + (look >> 49) % 4 * 5,
        "image": pictures["image"],
        "video": pictures["video"],
        "product_images": pictures["images"],
        "product_videos": pictures["videos"],
    }


def _pictures(stone_id: str, media: int) -> dict[str, Any]:
    with_image, with_v360 = media & 255 < _WITH_IMAGE, media >> 8 & 255 < _WITH_V360
    image = f"{_MEDIA}/{stone_id}/still.jpg" if with_image else None
    video = f"{_MEDIA}/{stone_id}/video.mp4" if media >> 16 & 255 < _WITH_VIDEO else None
    more = (media >> 24) % 3 if with_image else 0
    return {
        "image": image,
        "video": video,
        "supplier_video": f"{_MEDIA}/suppliers/{stone_id}" if media >> 32 & 3 == 0 else None,
        "v360": {"id": stone_id, "url": f"{_MEDIA}/{stone_id}/360/index.html"} if with_v360 else None,
        "images": [
            {"id": f"{stone_id}-{place}", "url": f"{_MEDIA}/{stone_id}/{place}.jpg", "display_index": place}
            for place in range(more)
        ],
        "videos": [{"id": f"{stone_id}-v", "url": video}] if video and media >> 34 & 1 else [],
    }


@cache
def _cells() -> list[_Cells]:
    """The real rows as Python values in the supplier's units."""
    real = real_rows()
    columns = (
        real.carats / 1000,
        real.cut,
        real.color,
        real.clarity,
        real.depth / 10,
        real.table / 10,
        real.length / 100,
        real.width / 100,
        real.height / 100,
    )
    return list(zip(*(column.tolist() for column in columns), strict=True))


_FULL_SHAPES = tuple(f"{name.title()} Brilliant" if name == "ROUND" else name.title() for name in trade.SHAPE_NAMES)
