"""How long a cue would wait: the text that comes before it, times the speed that the workers showed so far."""

from dataclasses import dataclass
from typing import Final

# Weight of the newest piece in the learned speed: a change of load is believed after about five pieces.
_NEWEST: Final = 0.2
# What was learned in busy times is half forgotten after so long without any work.
_HALF_FORGOTTEN_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a piece stands in the queue: smaller ones are spoken first.

    `turn`: of its tier. `due`: when it has to be ready, monotonic seconds: a cue's first piece at once, its later ones
    when those before them will have been played, so that the first pieces of other cues go in between. `number`: the
    order of arrival.
    """

    turn: int
    due: float
    number: int


class Workload:
    """The pieces that wait or are under way, and the learned seconds of work that a character costs one worker.

    `piece_characters`: what each piece costs beside its text, in characters.
    """

    def __init__(self, workers: int, seconds_per_character: float, piece_characters: int = 0) -> None:
        self._workers = workers
        self._piece_characters = piece_characters
        self._seconds_per_character = self._at_rest = seconds_per_character
        self._idle_at: float | None = None
        self._characters: dict[Place, int] = {}
        self._begun: dict[Place, float] = {}
        self._added = 0

    def __len__(self) -> int:
        return len(self._characters)

    @property
    def seconds_per_character(self) -> float:
        """What is believed now."""
        return self._seconds_per_character

    def cost_seconds(self, *pieces: int) -> float:
        """The work that pieces of so many characters are."""
        return (sum(pieces) + self._piece_characters * len(pieces)) * self._seconds_per_character

    def wait_seconds(self, turn: int, now: float) -> float:
        """Seconds until a new piece of this turn, due at once, would be begun."""
        place = Place(turn, now, self._added + 1)
        ahead = sum(characters for other, characters in self._characters.items() if other < place)
        # A piece that takes longer than pieces used to says so before it ends.
        overdue = [(now - begun) / self._characters[under_way] for under_way, begun in self._begun.items()]
        return ahead * max([self._seconds_per_character, *overdue]) / self._workers

    def relax(self, now: float) -> None:
        """To be called now and then: how slow it was in busy times says less the longer nothing has been made."""
        if self._characters:
            self._idle_at = None
            return
        if self._idle_at is not None:
            kept = 0.5 ** ((now - self._idle_at) / _HALF_FORGOTTEN_SECONDS)
            self._seconds_per_character -= max(self._seconds_per_character - self._at_rest, 0.0) * (1 - kept)
        self._idle_at = now

    def begin(self, place: Place, now: float) -> None:
        """A worker began on a piece."""
        if place in self._characters:
            self._begun[place] = now

    def add(self, turn: int, due: float, characters: int) -> Place:
        """Counts a piece; it stands behind all of the same turn that are due no later."""
        self._added += 1
        place = Place(turn, due, self._added)
        self._characters[place] = max(characters + self._piece_characters, 1)
        return place

    def remove(self, place: Place, seconds: float | None = None) -> None:
        """A piece is done or given up. `seconds`: the work it took, where it was done; removing twice does nothing."""
        characters = self._characters.pop(place, None)
        self._begun.pop(place, None)
        if characters is None or seconds is None:
            return
        self._seconds_per_character += _NEWEST * (seconds / characters - self._seconds_per_character)
