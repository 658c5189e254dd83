"""Whether a language is told to be away. Pure.

One sentence that failed is told as a dropped cue; a language is away when it has never worked or failed twice in a row,
and back when all of it has worked twice in a row. So a language that fails now and then does not flap.
"""

from collections import defaultdict
from dataclasses import dataclass

IN_A_ROW = 2


@dataclass(frozen=True, slots=True)
class Away:
    """The language does not work. `reason`: UPPER_SNAKE, of the failure that decided."""

    reason: str


@dataclass(frozen=True, slots=True)
class Back:
    """It works again."""


@dataclass(slots=True)
class _Part:
    away: bool = False
    worked: bool = False  # Ever.
    against: int = 0  # Outcomes in a row that speak against `away`.


class Availability:
    """One language; `part` names what can fail in it: "translation", "voice"."""

    def __init__(self) -> None:
        self._parts: defaultdict[str, _Part] = defaultdict(_Part)

    def works(self, part: str) -> Back | None:
        """It did for one segment; returns what has to be told."""
        found = self._parts[part]
        found.worked = True
        if self._settles(found, away=False) and not self._away:
            return Back()
        return None

    def fails(self, part: str, reason: str) -> Away | None:
        """It did not for one segment; returns what has to be told."""
        found, was_away = self._parts[part], self._away
        if self._settles(found, away=True, at_once=not found.worked) and not was_away:
            return Away(reason)
        return None

    @property
    def _away(self) -> bool:
        return any(part.away for part in self._parts.values())

    @staticmethod
    def _settles(part: _Part, *, away: bool, at_once: bool = False) -> bool:
        """Counts an outcome; True when it changed what is believed of the part."""
        if part.away == away:
            part.against = 0
            return False
        part.against += 1
        if part.against < IN_A_ROW and not at_once:
            return False
        part.away, part.against = away, 0
        return True
