"""What the peers share: the trade's names in the order of their numbers, and the columns of an answer."""

import os
from urllib.parse import parse_qs, unquote, urlsplit

COLORS = [*"DEFGHIJKLMNOPQRSTUVWXYZ", "FANCY"]
CLARITIES = ["FL", "IF", "VVS1", "VVS2", "VS1", "VS2", "SI1", "SI2", "SI3", "I1", "I2", "I3"]
FINISHES = ["EXCELLENT", "VERY_GOOD", "GOOD", "FAIR", "POOR"]
FLUORESCENCES = ["NONE", "FAINT", "MEDIUM", "STRONG", "VERY_STRONG"]
INTENSITIES = "FAINT VERY_LIGHT LIGHT FANCY_LIGHT FANCY FANCY_INTENSE FANCY_VIVID FANCY_DARK FANCY_DEEP".split()
GRADES = {
    "color": COLORS,
    "clarity": CLARITIES,
    "cut": FINISHES,
    "polish": FINISHES,
    "symmetry": FINISHES,
    "fluorescence_intensity": FLUORESCENCES,
    "fancy_intensity": INTENSITIES,
}
#: Counts are exact up to here.
COUNT_CAP = 10_000

TEXTS = "fluorescence_color fancy_color fancy_overtone lab certificate_number certificate_url girdle culet".split()
MEASURES = """carats length_mm width_mm depth_mm ratio table_pct depth_pct crown_angle crown_height pavilion_angle
pavilion_depth""".split()
FLAGS = ["treated", "eye_clean", "brown", "green", "milky"]

#: The answer's columns.
FIELDS = """id feed supplier_stone_id offer_id availability currency price price_per_carat rating shape carats color clarity
cut polish symmetry fluorescence_intensity fluorescence_color fancy_color fancy_intensity fancy_overtone lab_grown treated
lab certificate_number certificate_url length_mm width_mm depth_mm ratio table_pct depth_pct crown_angle crown_height
pavilion_angle pavilion_depth girdle culet eye_clean brown green milky image_url video_url images supplier_name
country_of_origin delivery_days_min delivery_days_max source_updated_at first_seen_at changed_at""".split()


def dollars(cents):
    return None if cents is None else f"{cents // 100}.{cents % 100:02d}"


def configure(root, apps):
    """The least of settings for a Django peer."""
    import django
    from django.conf import settings

    url = urlsplit(os.environ["DATABASE_URL"])
    settings.configure(
        SECRET_KEY="x" * 50,
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=root,
        USE_TZ=True,
        TIME_ZONE="UTC",
        INSTALLED_APPS=["django.contrib.postgres", *apps],
        MIDDLEWARE=["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                # A socket's folder stands in the query.
                "HOST": url.hostname or parse_qs(url.query)["host"][0],
                "PORT": url.port or parse_qs(url.query)["port"][0],
                "USER": url.username,
                "PASSWORD": unquote(url.password or ""),
                "NAME": url.path[1:],
                "OPTIONS": {"pool": {"min_size": 1, "max_size": 8}},
            }
        },
        REST_FRAMEWORK={
            "DEFAULT_AUTHENTICATION_CLASSES": [],
            "DEFAULT_PERMISSION_CLASSES": [],
            "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
            "UNAUTHENTICATED_USER": None,
        },
    )
    django.setup()
