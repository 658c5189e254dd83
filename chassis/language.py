"""Language codes: BCP 47 as people write them, matched to what is on offer."""

import re
from collections.abc import Collection

from chassis.errors import Invalid

# Language, optional script, optional region: what engines distinguish. The rest of BCP 47 is not spoken differently.
_CODE = re.compile(r"(?P<language>[A-Za-z]{2,3})(?:[-_](?P<script>[A-Za-z]{4}))?(?:[-_](?P<region>[A-Za-z]{2}|\d{3}))?")


def parse(code: str) -> str:
    """The canonical spelling (`pt_br` to `pt-BR`). Raises Invalid(INVALID_LANGUAGE)."""
    match = _CODE.fullmatch(code.strip())
    if match is None:
        raise Invalid("INVALID_LANGUAGE", "a language is named by a code such as `es` or `pt-BR`")
    script, region = match["script"], match["region"]
    parts = [match["language"].lower(), script.title() if script else "", region.upper() if region else ""]
    return "-".join(part for part in parts if part)


def primary(code: str) -> str:
    """The language alone: `pt` of `pt-BR`."""
    return code.split("-", 1)[0]


def match(wanted: str, offered: Collection[str]) -> str | None:
    """The offered code that serves `wanted`: itself, else its plain language, else a region of it; None for none."""
    if wanted in offered:
        return wanted
    if primary(wanted) in offered:
        return primary(wanted)
    return next((code for code in sorted(offered) if primary(code) == primary(wanted)), None)
