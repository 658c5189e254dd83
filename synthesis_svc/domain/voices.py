"""Who speaks: voices, tiers, and the choice of one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from babel.core import get_global

from chassis import language as languages
from chassis.errors import Invalid


class Grade(StrEnum):
    """How a voice is made; the names are those of Amazon's engines. STANDARD is the plain, mechanical one."""

    STANDARD = "standard"
    NEURAL = "neural"
    LONG_FORM = "long-form"
    GENERATIVE = "generative"


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice of an engine. `name` is unique among all (`kokoro/pf_dora`); `language` is a BCP 47 code.

    A person whom an engine offers in several grades is several voices: `aws-polly/Joanna:neural`. `place`: its engine's
    in the list of engines, 0 for the preferred one; no part of what the voice is.
    """

    name: str
    language: str
    engine: str
    grade: Grade = Grade.STANDARD
    place: int = field(default=0, compare=False)

    @property
    def neural(self) -> bool:
        """True for all but the plain ones."""
        return self.grade is not Grade.STANDARD

    @property
    def person(self) -> str:
        """The name without the grade."""
        return self.name.partition(":")[0]


@dataclass(frozen=True, slots=True)
class Tier:
    """What a quality tier gets.

    `turn`: lower ones are served first. `patience_seconds`: how long a cue may wait for a neural voice before a plain
    one speaks it. `grades`: of voices, best first; others only where a language has none of these.
    """

    name: str
    turn: int
    patience_seconds: float
    grades: Sequence[Grade] = (Grade.NEURAL, Grade.STANDARD)


STANDARD: Final = Tier("standard", turn=1, patience_seconds=2.0)
PREMIUM: Final = Tier(
    "premium",
    turn=0,
    # Longer would be in vain: after 3 s, its making included, the listeners' lane turns to the quick voice.
    patience_seconds=2.4,
    grades=(Grade.GENERATIVE, Grade.LONG_FORM, Grade.NEURAL, Grade.STANDARD),
)


def tiers(
    standard_patience_seconds: float,
    premium_patience_seconds: float,
    standard_grades: Sequence[Grade] = STANDARD.grades,
    premium_grades: Sequence[Grade] = PREMIUM.grades,
) -> dict[str, Tier]:
    """The tiers by name, as the settings have them."""
    return {
        STANDARD.name: replace(STANDARD, patience_seconds=standard_patience_seconds, grades=standard_grades),
        PREMIUM.name: replace(PREMIUM, patience_seconds=premium_patience_seconds, grades=premium_grades),
    }


def grades(setting: str) -> tuple[Grade, ...]:
    """Reads `neural,standard`. Raises Invalid(INVALID_PARAMETER)."""
    names = [name for name in setting.replace(" ", "").split(",") if name]
    known = {grade.value for grade in Grade}
    if not names or not set(names) <= known:
        raise Invalid("INVALID_PARAMETER", f"`{setting}` is not a list of: {', '.join(sorted(known))}")
    return tuple(map(Grade, names))


# What engines call differently from the codes that people choose.
_SAME_LANGUAGE: Final = {
    "no": "nb", "iw": "he", "in": "id", "cmn": "zh", "fil": "tl", "sh": "hr", "mo": "ro", "arb": "ar",
}  # fmt: skip


def overrides(setting: str) -> dict[str, str]:
    """Reads `es:kokoro/em_alex,pt-BR:kokoro/pm_alex`: voice names by language. Raises Invalid(INVALID_PARAMETER)."""
    chosen: dict[str, str] = {}
    for entry in filter(None, (part.strip() for part in setting.split(","))):
        code, colon, name = entry.partition(":")
        if not colon or not name.strip():
            raise Invalid("INVALID_PARAMETER", f"`{entry}` is not language:voice, such as es:kokoro/em_alex")
        chosen[languages.parse(code)] = name.strip()
    return chosen


class Casting:
    """Chooses voices. The default of a language is the override for it, else the best for the tier (see `best`).

    The engines' order decides between equals. An override names a voice, or a person whose grade the tier decides; one
    that is not there is ignored; `missing` names it.
    """

    def __init__(self, voices: Sequence[Voice], chosen: Mapping[str, str]) -> None:
        self.voices = voices
        self._asked = dict(chosen)
        self._by_name: dict[str, list[Voice]] = {}
        for voice in voices:
            for name in {voice.name, voice.person}:
                self._by_name.setdefault(name, []).append(voice)
        self._chosen = {code: self._by_name[name] for code, name in chosen.items() if name in self._by_name}
        self.missing = sorted(name for name in chosen.values() if name not in self._by_name)

    def over(self, voices: Sequence[Voice]) -> "Casting":
        """The same overrides over another list of voices; itself when the list is the same."""
        return self if voices is self.voices or voices == self.voices else Casting(voices, self._asked)

    def named(self, name: str, language: str, tier: Tier = STANDARD) -> Voice:
        """The voice called `name`. Raises Invalid(UNKNOWN_VOICE) when there is none or it speaks another language."""
        called = self._by_name.get(name)
        if called is None:
            raise Invalid("UNKNOWN_VOICE", "there is no such voice; ListVoices says which there are")
        voice = best(called, language, tier)
        if voice is None:
            raise Invalid("UNKNOWN_VOICE", f"the voice {name} speaks {called[0].language}, not {language}")
        return voice

    def default(self, language: str, tier: Tier = STANDARD) -> Voice:
        """The voice for a BCP 47 code. Raises Invalid(UNSUPPORTED_LANGUAGE)."""
        for code in (language, _plain(language)):
            if code in self._chosen:
                chosen = self._chosen[code]
                return best(chosen, language, tier) or chosen[0]
        voice = best(self.voices, language, tier)
        if voice is None:
            raise Invalid("UNSUPPORTED_LANGUAGE", f"no voice speaks {language}")
        return voice

    def listed(self, tiers: Iterable[Tier], language: str = "") -> list[tuple[Voice, list[str]]]:
        """Voices (of one language, or all) with the tiers that each is the default of its language for, sorted by
        language, the default of tier `standard` first."""
        served = [voice for voice in self.voices if not language or _plain(voice.language) == _plain(language)]
        defaults = {
            (code, tier.name): self.default(code, tier)
            for code in {voice.language for voice in served}
            for tier in tiers
        }
        listing = [
            (voice, [tier for (code, tier), default in defaults.items() if (code, default) == (voice.language, voice)])
            for voice in served
        ]
        return sorted(listing, key=lambda row: (row[0].language, STANDARD.name not in row[1], not row[1], row[0].name))


def best(voices: Iterable[Voice], language: str, tier: Tier = STANDARD) -> Voice | None:
    """The best of `voices` for a language, or None.

    The preferred engine's; then plain or not as the tier prefers; then the region asked for, or the nearest; then the
    grade: a finer voice does not make up for a foreign accent, a human one makes up for it.
    """
    serving = [voice for voice in voices if _plain(voice.language) == _plain(language)]
    return min(serving, key=lambda voice: _rank(voice, language, tier), default=None)


def _rank(voice: Voice, language: str, tier: Tier) -> tuple[int, int, int, int]:
    order = tier.grades
    if voice.grade not in order:
        return voice.place, len(order), _distance(voice.language, language), 0
    kind = next(at for at, grade in enumerate(order) if (grade is Grade.STANDARD) == (not voice.neural))
    return voice.place, kind, _distance(voice.language, language), order.index(voice.grade)


def _distance(offered: str, wanted: str) -> int:
    """How far a voice's region is from the wanted one: 0 is the same, 4 is just any other.

    Nearest by Unicode's CLDR: the region that shares its own norm (es-AR, es-MX: Latin America; pt-AO: Portugal), then
    no region, then the one with the most speakers (en: US, pt: BR).
    """
    if offered == wanted or (wanted == _plain(wanted) and offered == _widest(wanted)):
        return 0
    norm = _norm(wanted)
    if norm and norm in (offered, _norm(offered)):
        return 1
    if offered == languages.primary(offered):
        return 2
    return 3 if offered == _widest(languages.primary(wanted)) else 4


def _norm(code: str) -> str:
    """The regional norm that a region follows, empty where that is the whole language's or the world's."""
    parent = str(get_global("parent_exceptions").get(code.replace("-", "_")) or "").replace("_", "-")
    return "" if parent.endswith(("-001", "root")) else parent


def _widest(language: str) -> str:
    likely = str(get_global("likely_subtags").get(language) or "")
    return f"{language}-{likely.rsplit('_', 1)[-1]}" if likely else ""


def _plain(code: str) -> str:
    plain = languages.primary(code)
    return _SAME_LANGUAGE.get(plain, plain)
