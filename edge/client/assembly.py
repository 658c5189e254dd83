"""Puts what several connections bring, one after the other, together into one sequence of events. Pure.

A refresh or a reconnect repeats what may have been missed: cues from their beginning, captions already seen. Because a
cue's audio is the same bytes every time, bytes are counted: of a repeated cue only what was not yet handed out comes
through, so that nothing is heard twice and nothing is missing. What is repeated from before one came in is left out.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final, TypeVar

from edge.client.messages import (
    Caption,
    CueAudio,
    CueEnd,
    CueStart,
    Event,
    LanguageChanged,
    SessionEnded,
    SourceCaption,
)

REMEMBERED: Final = 512
"""Cues and segments that are recognised when repeated: half an hour of speech, of which a server repeats 10 s."""

NO_CUE: Final = "-"
"""A cue that nobody has heard: after it the server sends all that it remembers. For who has heard a part of a talk, but
no cue to its end."""

K = TypeVar("K")
V = TypeVar("V")


@dataclass(slots=True)
class _Cue:
    start: CueStart
    handed_out: int = 0
    done: bool = False


@dataclass(slots=True)
class _Captioned:
    last: Caption | SourceCaption
    finals: list[tuple[int, Caption | SourceCaption]] = field(default_factory=list)  # Each with its connection.


class Assembly:
    """`attach` for each new connection, then what it brings in order."""

    def __init__(self) -> None:
        self._connection = 0
        self._cues: OrderedDict[tuple[str, str], _Cue] = OrderedDict()
        self._captions: OrderedDict[tuple[int, str], _Captioned] = OrderedDict()
        self._playing: _Cue | None = None
        self._incoming: _Cue | None = None
        self._position = 0
        self._ended = False
        # By kind, ms of the talk: the earliest start of what came in this language, the same as it was when this
        # connection began (what it repeats from before that is not for us), and the latest start.
        self._came_in: dict[type[Event], int] = {}
        self._before: dict[type[Event], int] = {}
        self._came_last: dict[type[Event], int] = {}
        self.last_cue = ""
        """The last cue that was handed out whole: what comes after it may be asked for again."""

    @property
    def resume_after(self) -> str:
        """What to name as the last cue, so that all that was missed is repeated; empty where nothing was heard yet."""
        return self.last_cue or (NO_CUE if self._came_in else "")

    def attach(self) -> None:
        """What follows comes from another connection. A cue under way is expected again, or given up at the next."""
        self._connection += 1
        self._incoming = None
        self._before = dict(self._came_in)

    def receive(self, event: Event) -> list[Event]:
        """What is new in a text message."""
        match event:
            case CueStart():
                return self._cue_started(event)
            case CueEnd():
                return self._cue_ended(event)
            case Caption():
                return self._captioned((event.segment_id, event.language), event)
            case SourceCaption():
                return self._captioned((event.segment_id, ""), event)
            case LanguageChanged():
                self._change_language()
            case SessionEnded():
                repeated, self._ended = self._ended, True
                return [] if repeated else [event]
        return [event]

    def receive_audio(self, pcm: bytes) -> list[Event]:
        """What is new in a binary message. Audio outside of any cue is dropped: it cannot be placed."""
        cue = self._incoming
        if cue is None or cue.done:
            return []
        begins, self._position = self._position, self._position + len(pcm)
        fresh = pcm[max(cue.handed_out - begins, 0) :]
        if not fresh:
            return []
        cue.handed_out += len(fresh)
        return [CueAudio(cue.start.cue_id, fresh)]

    def _cue_started(self, event: CueStart) -> list[Event]:
        self._position = 0
        key = (event.cue_id, event.language)
        known = self._cues.get(key)
        if known is not None:
            self._incoming = known
            return []
        if self._is_from_before(event):
            self._incoming = None
            return []
        abandoned = self._give_up_cue()
        self._incoming = self._playing = _Cue(event)
        _remember(self._cues, key, self._playing)
        return [*abandoned, event]

    def _cue_ended(self, event: CueEnd) -> list[Event]:
        cue, self._incoming = self._incoming, None
        if cue is None or cue.done or cue.start.cue_id != event.cue_id:
            return []
        cue.done = True
        self._playing = None
        self.last_cue = event.cue_id
        return [event]

    def _change_language(self) -> None:
        # In the other feed the last cue is unknown. One comes into it where the former was.
        self.last_cue = ""
        for kind in (CueStart, Caption):
            self._before.pop(kind, None)
            if kind in self._came_last:
                self._came_in[kind] = self._came_last[kind]

    def _is_from_before(self, event: CueStart | Caption | SourceCaption) -> bool:
        kind, start = type(event), event.start_ms
        if start < self._before.get(kind, start):
            return True
        self._came_in[kind] = min(self._came_in.get(kind, start), start)
        self._came_last[kind] = max(self._came_last.get(kind, start), start)
        return False

    def _give_up_cue(self) -> list[Event]:
        cue, self._playing = self._playing, None
        if cue is None or cue.done:
            return []
        cue.done = True
        heard = 1000 * cue.handed_out // (2 * cue.start.sample_rate) if cue.start.sample_rate else 0
        return [CueEnd(cue.start.cue_id, duration_ms=heard, complete=False)]

    def _captioned(self, key: tuple[int, str], caption: Caption | SourceCaption) -> list[Event]:
        known = self._captions.get(key)
        if known is None:
            if self._is_from_before(caption):
                return []
            known = _Captioned(caption)
            _remember(self._captions, key, known)
        elif caption == known.last or (known.last.is_final and not caption.is_final) or self._is_repeat(known, caption):
            return []
        known.last = caption
        if caption.is_final:
            known.finals.append((self._connection, caption))
        return [caption]

    def _is_repeat(self, known: _Captioned, caption: Caption | SourceCaption) -> bool:
        # A final that an earlier connection brought must not undo its correction. On one connection there are no
        # repeats: there, going back to an earlier text is one more correction.
        return any(connection < self._connection and final == caption for connection, final in known.finals)


def _remember(memory: OrderedDict[K, V], key: K, value: V) -> None:
    memory[key] = value
    if len(memory) > REMEMBERED:
        memory.popitem(last=False)
