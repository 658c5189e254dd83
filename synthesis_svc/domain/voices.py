"""Who speaks: voices, tiers, and the choice of one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from chassis import language as languages
from chassis.errors import Invalid


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice of an engine. `name` is unique among all (`kokoro/pf_dora`); `language` is a BCP 47 code."""

    name: str
    language: str
    engine: str
    neural: bool = False


@dataclass(frozen=True, slots=True)
class Tier:
    """What a quality tier gets.

    `turn`: lower ones are served first. `patience_seconds`: how long a cue may wait for a neural voice before a plain
    one speaks it.
    """

    name: str
    turn: int
    patience_seconds: float


STANDARD: Final = Tier("standard", turn=1, patience_seconds=2.0)
PREMIUM: Final = Tier("premium", turn=0, patience_seconds=6.0)


def tiers(standard_patience_seconds: float, premium_patience_seconds: float) -> dict[str, Tier]:
    """The tiers by name, with the patience that the settings give them."""
    return {
        STANDARD.name: replace(STANDARD, patience_seconds=standard_patience_seconds),
        PREMIUM.name: replace(PREMIUM, patience_seconds=premium_patience_seconds),
    }


# What engines call differently from the codes that people choose.
_SAME_LANGUAGE: Final = {"no": "nb", "iw": "he", "in": "id", "cmn": "zh", "fil": "tl", "sh": "hr", "mo": "ro"}


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
    """Chooses voices. The default of a language is the override for it, else the best: neural, then nearest in region.

    The engines' order decides between equals. An override whose voice is not there is ignored; `missing` names it.
    """

    def __init__(self, voices: Sequence[Voice], chosen: Mapping[str, str]) -> None:
        self._by_name = {voice.name: voice for voice in voices}
        self._voices = list(voices)
        self._chosen = {code: self._by_name[name] for code, name in chosen.items() if name in self._by_name}
        self.missing = sorted(name for name in chosen.values() if name not in self._by_name)

    def named(self, name: str, language: str) -> Voice:
        """The voice called `name`. Raises Invalid(UNKNOWN_VOICE) when there is none or it speaks another language."""
        voice = self._by_name.get(name)
        if voice is None:
            raise Invalid("UNKNOWN_VOICE", "there is no such voice; ListVoices says which there are")
        if _plain(voice.language) != _plain(language):
            raise Invalid("UNKNOWN_VOICE", f"the voice {voice.name} speaks {voice.language}, not {language}")
        return voice

    def default(self, language: str) -> Voice:
        """The voice for a BCP 47 code. Raises Invalid(UNSUPPORTED_LANGUAGE)."""
        for code in (language, _plain(language)):
            if code in self._chosen:
                return self._chosen[code]
        voice = best(self._voices, language)
        if voice is None:
            raise Invalid("UNSUPPORTED_LANGUAGE", f"no voice speaks {language}")
        return voice

    def listed(self, language: str = "") -> list[tuple[Voice, bool]]:
        """Voices (of one language, or all) sorted by language, its default first; and whether each is a default."""
        listing = [(voice, self.default(voice.language) == voice) for voice in self._voices]
        if language:
            listing = [entry for entry in listing if _plain(entry[0].language) == _plain(language)]
        return sorted(listing, key=lambda entry: (entry[0].language, not entry[1], entry[0].name))


def best(voices: Iterable[Voice], language: str) -> Voice | None:
    """The best of `voices` for a language, or None: neural before plain, then the region asked for, then no region."""
    serving = [voice for voice in voices if _plain(voice.language) == _plain(language)]
    return min(serving, key=lambda voice: (not voice.neural, _distance(voice.language, language)), default=None)


def _distance(offered: str, wanted: str) -> int:
    if offered == wanted:
        return 0
    return 1 if offered == languages.primary(offered) else 2


def _plain(code: str) -> str:
    plain = languages.primary(code)
    return _SAME_LANGUAGE.get(plain, plain)
