"""Language codes: BCP 47 as people write them, matched to what is on offer.

One code for one language: where a language has two (`iw` and `he`, `nb` and `no`), all of the system uses the second,
whatever people or engines write, so that a recogniser's language meets a translator's and a voice's.
"""

import re
from collections.abc import Collection

from chassis.errors import Invalid

# Language, optional script, optional region: what engines distinguish. The rest of BCP 47 is not spoken differently.
_CODE = re.compile(r"(?P<language>[A-Za-z]{2,3})(?:[-_](?P<script>[A-Za-z]{4}))?(?:[-_](?P<region>[A-Za-z]{2}|\d{3}))?")

# Withdrawn codes, and the one that wins where engines and people differ. Norwegian is Bokmål wherever nothing is said.
_ONE_CODE = {
    "arb": "ar",
    "cmn": "zh",
    "fil": "tl",
    "in": "id",
    "iw": "he",
    "ji": "yi",
    "jw": "jv",
    "mo": "ro",
    "nb": "no",
}
# Where the plain language is written or said otherwise: what serves better than it.
_NEAREST = {
    "zh-Hant": "zh-TW",
    "zh-Hant-HK": "zh-TW",
    "zh-Hant-TW": "zh-TW",
    "zh-HK": "zh-TW",
    "zh-MO": "zh-TW",
    "es-419": "es-MX",
    "pt-AO": "pt-PT",
    "pt-MZ": "pt-PT",
}


def parse(code: str) -> str:
    """The canonical spelling (`pt_br` to `pt-BR`, `iw` to `he`). Raises Invalid(INVALID_LANGUAGE)."""
    match = _CODE.fullmatch(code.strip())
    if match is None:
        raise Invalid("INVALID_LANGUAGE", "a language is named by a code such as `es` or `pt-BR`")
    script, region = match["script"], match["region"]
    plain = match["language"].lower()
    parts = [_ONE_CODE.get(plain, plain), script.title() if script else "", region.upper() if region else ""]
    return "-".join(part for part in parts if part)


def primary(code: str) -> str:
    """The language alone: `pt` of `pt-BR`."""
    return code.split("-", 1)[0]


def match(wanted: str, offered: Collection[str]) -> str | None:
    """The offered code that serves `wanted`: itself or its nearest, else its plain language, else a region of it; None
    for none."""
    for code in (wanted, _NEAREST.get(wanted, wanted)):
        if code in offered:
            return code
    if primary(wanted) in offered:
        return primary(wanted)
    return next((code for code in sorted(offered) if primary(code) == primary(wanted)), None)
