"""Ordered grades (temporary scaffold)."""
from enum import IntEnum
Color = IntEnum("Color", [*"DEFGHIJKLMNOPQRSTUVWXYZ", "FANCY"])
Clarity = IntEnum("Clarity", "FL IF VVS1 VVS2 VS1 VS2 SI1 SI2 SI3 I1 I2 I3")
Finish = IntEnum("Finish", "EXCELLENT VERY_GOOD GOOD FAIR POOR")
Fluorescence = IntEnum("Fluorescence", "NONE FAINT MEDIUM STRONG VERY_STRONG")
FancyIntensity = IntEnum("FancyIntensity", "FAINT VERY_LIGHT LIGHT FANCY_LIGHT FANCY FANCY_INTENSE FANCY_VIVID FANCY_DEEP FANCY_DARK")
