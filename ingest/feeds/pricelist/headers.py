"""The headers of price lists: every spelling that the trade uses for a column, and which field it means.

The table is in the order of preference: of two columns for one field the spelling that comes first is read, and the other
one is known but not used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

#: Field → its spellings after `fold`.
SPELLINGS: Mapping[str, str] = {
    "stock_number": """STOCKNO STOCK STOCKID VENDORSTOCKNO VENDORSTOCKID SUPPLIERSTOCKNO SUPPLIERSTOCKID VSTOCKNO
        STOCKREF LOTNO LOT LOTID PACKETNO PACKETID PKTNO PACKET STONENO STONEID REFERENCENO REFERENCE REFNO REF ITEMNO
        ITEMID ITEM SKU DIAMONDID ID STONE""",
    "shape": "SHAPE SHAPENAME STONESHAPE DIAMONDSHAPE CUTSHAPE SHP",
    "carats": "CARAT CARATS CARATWEIGHT CARATSWEIGHT CARATWT WEIGHT WEIGHTCT WEIGHTCTS CTWEIGHT CTS CT CRT CRTS WT SIZE",
    "color": "COLOR COLORGRADE COL CLR",
    "clarity": "CLARITY CLARITYGRADE PURITY CLAR CLA CL",
    "cut": "CUTGRADE CUT CUTGRD FINALCUT MAKE PROP",
    "polish": "POLISH POLISHGRADE POL",
    "symmetry": "SYMMETRY SYMMETRYGRADE SYMM SYM",
    "fluorescence": """FLUORESCENCEINTENSITY FLUORINTENSITY FLUOINTENSITY FLOINT FLUORINT FLUOINT FLUORESCENCE FLUORESENCE
        FLUOR FLUO FLRINTENSITY FLR FLO FL""",
    "fluorescence_color": "FLUORESCENCECOLOR FLUORCOLOR FLUOCOLOR FLOCOL FLOCOLOR FLUORCOL FLUOCOL FLRCOLOR",
    "lab": "LAB LABNAME LABORATORY GRADINGLAB CERTLAB CERTIFICATELAB CERTBY",
    "certificate_number": """CERTNO CERTIFICATENO CERTIFICATIONNO CERTID CERTIFICATEID REPORTNO REPORTID LABREPORTNO REPORT
        LABNO""",
    "certificate_url": """CERTURL CERTLINK CERTIFICATEURL CERTIFICATELINK CERTIFICATEIMAGE CERTIFICATEFILE CERTFILE CERTPDF
        CERTIFICATEPDF CERTIMAGE CERTIFICATEFILENAME REPORTURL REPORTLINK LABREPORTURL PDF PDFURL""",
    "certificate": "CERT CERTIFICATE CERTIFICATION",
    "measurements": """MEASUREMENTS MEASUREMENT MEASUREMENTSMM MEASUREMENTMM MEAS MEASURE DIMENSIONS DIMENSION DIMENSIONSMM
        LENGTHWIDTHDEPTH LENGTHWIDTHHEIGHT LXWXD LXWXH LWD LWH""",
    "length": "LENGTHMM LENGTH MEASUREMENTLENGTH MEASLENGTH LEN L X",
    "width": "WIDTHMM WIDTH MEASUREMENTWIDTH MEASWIDTH WID W Y",
    "depth_mm": "DEPTHMM HEIGHTMM HEIGHT MEASUREMENTDEPTH MEASUREMENTHEIGHT MEASDEPTH MEASHEIGHT Z",
    "depth_pct": "DEPTHPCT PCTDEPTH TOTALDEPTHPCT TOTALDEPTH DEPTHPER DEPPCT TDPCT TD",
    "depth": "DEPTH DEP",
    "table_pct": "TABLEPCT PCTTABLE TABLE TABLEPER TABLESIZE TABPCT TBLPCT TBL TAB",
    "ratio": "RATIO LWRATIO LENGTHWIDTHRATIO LW",
    "crown_angle": "CROWNANGLE CRANGLE CRANG CRAN CA",
    "crown_height": "CROWNHEIGHT CROWNHEIGHTPCT CRHEIGHT CRHT CRHTPCT CH",
    "pavilion_angle": "PAVILIONANGLE PAVANGLE PAVANG PVANG PAVAN PA",
    "pavilion_depth": "PAVILIONDEPTH PAVILIONDEPTHPCT PAVILIONHEIGHT PAVDEPTH PAVDEPTHPCT PAVHEIGHT PAVHT PAVHTPCT PD PH",
    "girdle": "GIRDLE GIRDLEDESCRIPTION GIRDLEDESC GIRDLENAME GIRDLESIZE",
    "girdle_thin": "GIRDLETHIN GIRDLEMIN GIRDLEFROM",
    "girdle_thick": "GIRDLETHICK GIRDLEMAX GIRDLETO",
    "culet": "CULETSIZE CULET CULETGRADE",
    "culet_condition": "CULETCONDITION",
    "total_price": """TOTALPRICE PRICETOTAL TOTAL TOTALAMOUNT TOTALAMT TOTALVALUE TOTALSALESPRICE NETTOTAL NETAMOUNT
        NETVALUE FINALAMOUNT AMOUNT AMT VALUE PRICEPERSTONE TOTALUSD AMOUNTUSD""",
    "price_per_carat": """PRICEPERCARAT PRICECARAT PRICEPERCT PRICECT PRICEPERCTS PRICECTS PRICEPCT PPC USDPERCARAT USDCARAT
        USDPERCT USDCT USDPERCTS USDCTS PERCARAT PERCT PCT NETRATE RATE""",
    "price": "PRICE NETPRICE CASHPRICE SALEPRICE SALESPRICE ASKINGPRICE FINALPRICE COSTPRICE COST USD",
    "currency": "CURRENCY CURRENCYCODE CURR CUR",
    "availability": "AVAILABILITY AVAILABILITYSTATUS STOCKSTATUS STONESTATUS STATUS AVAIL AVAILABLE",
    "image": "IMAGEURL IMAGELINK IMAGE IMAGE1 DIAMONDIMAGE STONEIMAGE PHOTOURL PHOTO PICTURE PIC IMG STILLIMAGE",
    "video": "VIDEOURL VIDEOLINK VIDEO VIDEO1 DIAMONDVIDEO STONEVIDEO VIDEO360 360VIDEO 360VIDEOURL V360 V360LINK MOVIE",
    "origin": "COUNTRYOFORIGIN ORIGIN ROUGHORIGIN MINEOFORIGIN MINE",
    "country": "COUNTRY COUNTRYLOCATION STOCKCOUNTRY LOCATIONCOUNTRY",
    "city": "CITY STOCKCITY LOCATIONCITY",
    "location": "LOCATION STOCKLOCATION STONELOCATION BRANCH",
    "lab_grown": """LABGROWN ISLABGROWN LABGROWNDIAMOND LABDIAMOND LGD LG DIAMONDTYPE STONETYPE NATURALLABGROWN
        NATURALORLABGROWN LABGROWNORNATURAL TYPE""",
    "growth": "GROWTHTYPE LABGROWNTYPE GROWTHMETHOD GROWTHPROCESS GROWNMETHOD GROWTH",
    "treatment": "TREATMENT TREATED ENHANCEMENT ENHANCEMENTS CLARITYENHANCED",
    "fancy_color": "FANCYCOLOR FANCYCOLORNAME FANCYCOLORDOMINANTCOLOR FANCYCOL FCOLOR",
    "fancy_intensity": "FANCYCOLORINTENSITY FANCYINTENSITY FINTENSITY INTENSITY",
    "fancy_overtone": "FANCYCOLOROVERTONE FANCYCOLOROVERTONES FANCYOVERTONE FOVERTONE OVERTONE",
    "eye_clean": "EYECLEAN EYECLEANLINESS EYECLEANNESS",
    "brown": "BROWN BROWNISH",
    "green": "GREEN GREENISH",
    "blue": "BLUE BLUISH BLUETINGE",
    "gray": "GRAY GREY GRAYISH GREYISH",
    "milky": "MILKY MILKINESS",
    "bowtie": "BOWTIE BOWTIEEFFECT",
    "key_to_symbols": "KEYTOSYMBOLS KEYTOSYMBOL KTS",
    "shade": "SHADE TINGE BGM COLORSHADE",
    "supplier_name": "SUPPLIERNAME SUPPLIER VENDORNAME VENDOR SELLERNAME SELLER COMPANYNAME COMPANY",
    "delivery_days": "DELIVERYDAYS LEADTIMEDAYS LEADTIME DISPATCHDAYS DELIVERYTIME",
    "return_days": "RETURNDAYS RETURNWINDOW RETURNPERIOD RETURNPERIODDAYS RETURNWITHINDAYS",
}
#: Columns that lists have and the catalogue does not.
_NOT_READ = """
    SRNO SNO SERIALNO NO STATE RAPPCT RAPDISC RAPDISCOUNT
    RAPDISCPCT RAPNETDISCOUNT RAPNETDISCOUNTPCT DISCOUNT DISCOUNTPCT DISC DISCPCT BACK BACKPCT RAPPRICE RAPRATE RAPAPORT
    RAPAPORTPRICE RAPLIST RAP RAPVALUE RAPTOTAL LISTPRICE COMMENT COMMENTS REMARK REMARKS NOTES MEMBERCOMMENT
    MEMBERCOMMENTS REPORTCOMMENTS CERTCOMMENT LASERINSCRIPTION INSCRIPTION STAR STARLENGTH
    LOWERHALF LOWERHALVES LOWERHALFPCT GIRDLEPCT GIRDLECONDITION PAIR PAIRSTOCKNO ISMATCHEDPAIRSEPARABLE
    PAIRSEPARABLE MATCHEDPAIR PARCELSTONES PARCEL TRADESHOW BLACKINCLUSION TABLEINCLUSION OPENINCLUSION WHITEINCLUSION
    CENTERINCLUSION SIDEINCLUSION LUSTER REPORTDATE REPORTISSUEDATE CERTDATE REPORTTYPE BRAND DIAMETER HA HEARTSANDARROWS
    MEMBERID RAPNETID GUARANTEED
"""
PRICES = ("total_price", "price_per_carat", "price")

_FIELD_OF = {spelling: field for field, spellings in SPELLINGS.items() for spelling in spellings.split()}
_IGNORED = frozenset(_NOT_READ.split())
_RANK = {spelling: rank for spellings in SPELLINGS.values() for rank, spelling in enumerate(spellings.split())}
_FOREIGN = re.compile(
    r"\b(EUR|GBP|INR|CHF|HKD|ILS|NIS|JPY|AED|CNY|RMB|AUD|CAD|SGD|ZAR|THB|RS|EUROS?|POUNDS?|RUPEES?)\b|[€£₹¥₪]"
)


def fold(header: str) -> str:
    """A header without what people vary: `"Stock No."`, `"stock_number"` and `"Stock #"` become `"STOCKNO"`."""
    words = header.upper().replace("US$", " USD ").replace("$", " USD ").replace("#", " NO ").replace("№", " NO ")
    words = re.sub(r"PERCENTAGE|PERCENT|%", " PCT ", words.replace("COLOUR", "COLOR"))
    words = re.sub(r"\b(US DOLLARS?|DOLLARS?)\b", " USD ", words)
    return re.sub(r"[^A-Z0-9]+", "", words.replace("NUMBER", "NO"), flags=re.ASCII)


@lru_cache(maxsize=4096)
def field_of(header: str) -> tuple[str, int] | None:
    """The field that a header means and how good a spelling it is (0 is best); an empty field is known and not read.

    None if it is no header that we know. Whatever names another currency than US dollars is none.
    """
    if foreign(header):
        return None
    folded = fold(header)
    # "Price (USD)" is "Price"; "$/ct" needs its dollar.
    for spelling in (folded, folded.replace("USD", "")):
        if field := _FIELD_OF.get(spelling):
            return field, _RANK[spelling]
    return ("", 0) if folded in _IGNORED else None


def foreign(header: str) -> bool:
    """Whether a header names another currency than US dollars."""
    return _FOREIGN.search(header.upper()) is not None


def columns_of(headers: Sequence[str], chosen: Mapping[str, str]) -> dict[str, str]:
    """Field → the header of its column. `chosen` says it for some headers, by name; an empty field leaves one out."""
    best: dict[str, tuple[int, str]] = {}
    for header in headers:
        said = chosen.get(header.strip().casefold())
        meaning = (said, -1) if said is not None else field_of(header)
        if meaning is None or not meaning[0]:
            continue
        field, rank = meaning
        if field not in best or rank < best[field][0]:
            best[field] = (rank, header)
    return {field: header for field, (_, header) in best.items()}


def unknown_headers(headers: Sequence[str], chosen: Mapping[str, str]) -> list[str]:
    """The headers that mean nothing to us, and that nobody said anything about."""
    return [header for header in headers if field_of(header) is None and header.strip().casefold() not in chosen]
