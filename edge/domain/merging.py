"""Two memories of one feed become one: each knows something the other may not, and nothing may come twice. Pure.

The same cue or final caption in both is one; of a cue each may have pieces that the other lacks. Where only one of them
knows something, the order of speech says where it belongs.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from edge.domain.feed import BusEvent, Caption, CueAudio, CueEnded, CueStarted

Name: TypeAlias = tuple[str, int]


@dataclass(slots=True)
class _Entry:
    """A final caption, or what one memory has of a cue: its audio by number."""

    name: Name
    first: Caption | CueStarted
    audio: dict[int, CueAudio] = field(default_factory=dict)
    end: CueEnded | None = None

    @property
    def place(self) -> tuple[int, bool]:
        """In the order of speech; a segment's text goes before its voice."""
        return self.first.segment_id, isinstance(self.first, CueStarted)

    @property
    def events(self) -> list[BusEvent]:
        pieces = [self.audio[number] for number in sorted(self.audio)]
        return [self.first, *pieces, *([self.end] if self.end is not None else [])]

    @property
    def reach(self) -> int:
        return max(self.audio, default=-1)

    def joined(self, other: "_Entry") -> "_Entry":
        """Both as one. Who heard more of a cue knows whether it has ended: where it was cut off it ended too soon."""
        end = self.end or other.end if self.reach == other.reach else max(self, other, key=lambda each: each.reach).end
        return _Entry(self.name, self.first, other.audio | self.audio, end)


def merged(mine: Iterable[BusEvent], theirs: Iterable[BusEvent]) -> list[BusEvent]:
    """What two Tails hold, as one. The order of `mine` stays. Audio is numbered. Of the cues only the last may be
    without an end; others get one."""
    out, others = _entries(mine), _entries(theirs)
    common = {entry.name for entry in out} & {entry.name for entry in others}
    place = 0
    for entry in others:
        if entry.name in common:
            at = next(index for index, known in enumerate(out) if known.name == entry.name)
            out[at] = out[at].joined(entry)
            place = max(place, at + 1)
            continue
        # Behind what it follows over there, and before what both have next; between these by the order of speech.
        while place < len(out) and out[place].name not in common and out[place].place <= entry.place:
            place += 1
        out.insert(place, entry)
        place += 1
    _end_all_but_the_last([entry for entry in out if isinstance(entry.first, CueStarted)])
    return [event for entry in out for event in entry.events]


def _entries(events: Iterable[BusEvent]) -> list[_Entry]:
    entries: list[_Entry] = []
    cues: dict[str, _Entry] = {}
    for event in events:
        match event:
            case Caption():
                # A correction is another final of the same segment.
                entries.append(_Entry((event.text, event.segment_id), event))
            case CueStarted():
                cues[event.cue_id] = _Entry((event.cue_id, -1), event)
                entries.append(cues[event.cue_id])
            case CueAudio() if event.cue_id in cues:
                cues[event.cue_id].audio[event.number] = event
            case CueEnded() if event.cue_id in cues:
                cues[event.cue_id].end = event
    return entries


def _end_all_but_the_last(cues: list[_Entry]) -> None:
    for entry in cues[:-1]:
        if entry.end is None:
            length = round(sum(piece.seconds for piece in entry.audio.values()) * 1000)
            entry.end = CueEnded(entry.name[0], entry.first.language, length)
