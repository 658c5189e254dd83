"""The languages that Amazon Transcribe recognises in streams, and how ours are called there.

From the enumeration LanguageCode of its streaming API, 2025. Left out: Chinese, Japanese and Thai, which are written
without spaces between words; hypotheses are words.
"""

from typing import Final

from chassis import language
from chassis.errors import Invalid

# Each language, and its regions there; the first is taken where no region is asked for. Spanish of the USA is nearer to
# that of most who speak it than Castilian is.
_REGIONS: Final = {
    "af": "ZA",
    "ar": "SA AE",
    "ca": "ES",
    "cs": "CZ",
    "da": "DK",
    "de": "DE CH",
    "el": "GR",
    "en": "US GB AU IN IE NZ AB ZA WL",  # AB and WL are Amazon's names for Scotland and Wales.
    "es": "US ES",
    "eu": "ES",
    "fa": "IR",
    "fi": "FI",
    "fr": "FR CA",
    "gl": "ES",
    "he": "IL",
    "hi": "IN",
    "hr": "HR",
    "id": "ID",
    "it": "IT",
    "ko": "KR",
    "lv": "LV",
    "ms": "MY",
    "nl": "NL",
    "no": "NO",
    "pl": "PL",
    "pt": "BR PT",
    "ro": "RO",
    "ru": "RU",
    "sk": "SK",
    "so": "SO",
    "sr": "RS",
    "sv": "SE",
    "tl": "PH",
    "uk": "UA",
    "vi": "VN",
    "zu": "ZA",
}
_CODES: Final = (
    {code: f"{code}-{regions.split()[0]}" for code, regions in _REGIONS.items()}
    | {f"{code}-{region}": f"{code}-{region}" for code, regions in _REGIONS.items() for region in regions.split()}
    # Other names of the same.
    | {"nb": "no-NO", "nb-NO": "no-NO", "fil": "tl-PH", "fil-PH": "tl-PH"}
)
LANGUAGES: Final = frozenset(_CODES)
"""BCP 47: each language alone, and with the regions that Amazon distinguishes."""


def code_of(wanted: str) -> str:
    """Amazon's code for one of LANGUAGES (`pt`: `pt-BR`). Raises Invalid(UNSUPPORTED_LANGUAGE)."""
    if wanted not in _CODES:
        raise Invalid("UNSUPPORTED_LANGUAGE", f"recognition offers {', '.join(sorted(_REGIONS))}")
    return _CODES[wanted]


def named_for(wanted: str, names: dict[str, str]) -> str:
    """What settings name for a language, or for all its regions; empty for nothing."""
    return names.get(wanted) or names.get(language.primary(wanted)) or ""
