"""What Amazon Polly is, as data: what its engines take, what its voices are called, when it is asked again.

Sources: Amazon Polly Developer Guide, "Supported SSML tags", "Quotas in Amazon Polly", "Available voices" (2026).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from chassis import language as languages
from chassis.errors import Invalid
from synthesis_svc import ssml
from synthesis_svc.domain.borrowed import borrowers
from synthesis_svc.domain.framing import passages
from synthesis_svc.domain.prosody import Delivery
from synthesis_svc.domain.voices import Grade, Voice

NAME: Final = "aws-polly"

_PARTLY: Final = ssml.Markup(rate=True, volume=True, breaks=True, namespace=False)
MARKUPS: Final[Mapping[Grade, ssml.Markup]] = {
    # No engine but the oldest takes emphasis, pitch, auto-breaths, max-duration or whispering. Generative voices take
    # prosody around whole sentences only, which is how it is used here.
    Grade.STANDARD: ssml.Markup(rate=True, volume=True, breaks=True, emphasis=True, namespace=False),
    Grade.NEURAL: _PARTLY,
    Grade.LONG_FORM: _PARTLY,
    Grade.GENERATIVE: _PARTLY,
}
BILLED_CHARACTERS: Final = 3_000
TOTAL_CHARACTERS: Final = 6_000
"""Of one request to any of its engines; tags are not billed."""

SSML_REFUSALS: Final = frozenset({"InvalidSsmlException", "SsmlMarksNotSupportedForTextTypeException"})
"""Codes that say that the same text without markup may pass."""
VOICE_REFUSALS: Final = frozenset(
    {"EngineNotSupportedException", "LanguageNotSupportedException", "ValidationException"}
)
"""Codes that say that this voice is not (any more) to be had here; a voice that does not know the engine gets the last
of them."""

# Person, language, the engines' first letters, further languages.
_LEADING: Final = """
Zeina arb s|Hala ar-AE n|Arlet ca-ES n|Jitka cs-CZ n|Gwyneth cy-GB s|Sofie da-DK n|Vicki de-DE sng|Hannah de-AT ng
Sabrina de-CH ng|Olivia en-AU ng|Amy en-GB sng|Niamh en-IE ng|Kajal en-IN ng hi-IN|Aria en-NZ ng|Danielle en-US nlg
Ayanda en-ZA ng|Lucia es-ES sng|Mia es-MX sng|Lupe es-US sng|Suvi fi-FI n|Isabelle fr-BE ng|Gabrielle fr-CA ng
Lea fr-FR sng|Dora is-IS s|Bianca it-IT sng|Takumi ja-JP sn|Seoyeon ko-KR sng|Ida nb-NO n|Lisa nl-BE ng
Laura nl-NL ng|Ola pl-PL ng|Camila pt-BR sng|Ines pt-PT sn|Carmen ro-RO s|Tatyana ru-RU s|Elin sv-SE n|Burcu tr-TR n
Hiujin yue-CN n|Zhiyu cmn-CN sn|Jasmine en-SG ng
"""

TRIES: Final = 3
# A second try that begins later than this would be too late for whoever waits.
_TRYING_SECONDS: Final = 1.0
_FIRST_PAUSE_SECONDS: Final = 0.15


@dataclass(frozen=True, slots=True)
class Speaker:
    """How Amazon calls a voice. `language`: its own code, empty for the voice's first language."""

    voice_id: str
    engine: str
    language: str


def speakers(listing: Iterable[Mapping[str, Any]]) -> dict[Voice, Speaker]:
    """The voices of DescribeVoices' entries, each with Amazon's names for it, first those offered in most grades: they
    are Amazon's leading voices, and no children's.

    A person is a voice in each grade, and again in each language beyond the first, Amazon's or borrowed. What is not
    understood (a grade or a language code of the future) is left out.
    """
    listing = sorted(listing, key=lambda entry: -len(entry.get("SupportedEngines") or ()))
    offered = {languages.primary(code) for entry in listing for code in _codes(entry)}
    found: dict[Voice, Speaker] = {}
    for entry in listing:
        first, *more = _codes(entry)
        lent = [code for code in borrowers(languages.primary(first)) if code not in offered]
        for engine in entry.get("SupportedEngines") or (Grade.STANDARD.value,):
            for own in (first, *more, *lent):
                voice = _voice(str(entry["Id"]), str(engine), own, "" if own == first else f"@{own}")
                if voice is not None:
                    found[voice] = Speaker(str(entry["Id"]), str(engine), own if own in more else "")
    return found


def _codes(entry: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys([str(entry["LanguageCode"]), *map(str, entry.get("AdditionalLanguageCodes") or ())]))


def _voice(voice_id: str, engine: str, own: str, suffix: str) -> Voice | None:
    try:
        # Welsh English has a third part that is no region.
        code = languages.parse("-".join(own.split("-")[:2]))
        return Voice(f"{NAME}/{voice_id}{suffix}:{engine}", code, NAME, Grade(engine))
    except (Invalid, ValueError):
        return None


def _documented(row: str) -> Mapping[str, Any]:
    person, code, letters, *more = row.split()
    engines = [grade.value for grade in Grade if grade.value[0] in letters]
    return {"Id": person, "LanguageCode": code, "SupportedEngines": engines, "AdditionalLanguageCodes": more}


KNOWN: Final = speakers(_documented(row) for line in _LEADING.split("\n") for row in line.split("|") if row)
"""Until Amazon has listed its voices: the leading one of each language, as documented."""


def parts(text: str, delivery: Delivery, grade: Grade) -> Sequence[str]:
    """The text cut at sentence ends so that each part, marked up, is within the limits of one request."""
    most = BILLED_CHARACTERS
    while True:
        cut = passages(text, most)
        if most < 2 or all(len(marked_up(part, delivery, grade)) <= TOTAL_CHARACTERS for part in cut):
            return cut
        most //= 2


def marked_up(text: str, delivery: Delivery, grade: Grade) -> str:
    """The SSML that an engine takes."""
    return ssml.build(text, "", delivery, MARKUPS[grade])


def gain_db(delivery: Delivery, grade: Grade) -> float:
    """The loudness to give to the audio: an emphasis that an engine does not know is made of volume."""
    return delivery.volume_db if MARKUPS[grade].emphasis else delivery.gain_db


def pause_before_try(tried: int, elapsed_seconds: float, throttled: bool, chance: float) -> float | None:
    """Seconds to wait before the next try, None for giving up. `tried`: how often; `chance`: 0.0 to 1.0, random.

    Three tries when throttled, with pauses that double and are spread, so that many who were refused at once do not
    come back at once. After other failures as many, but only while it is early enough to matter.
    """
    if tried >= TRIES or (not throttled and elapsed_seconds > _TRYING_SECONDS):
        return None
    return float(_FIRST_PAUSE_SECONDS * 2 ** (tried - 1) * (0.5 + chance))
