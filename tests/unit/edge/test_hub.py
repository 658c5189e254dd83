"""What listeners of a hub get, whoever stalls, comes, goes or changes meanwhile: checked against what was published."""

import asyncio
import base64
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.bus import LocalBus
from edge.domain.feed import (
    NOTICES,
    SOURCE,
    BusEvent,
    Caption,
    CueAudio,
    CueEnded,
    CueStarted,
    SessionEnded,
    SwitchesChanged,
    Topic,
)
from edge.domain.speaker import Switches
from edge.hub import Hub
from edge.outbox import SWEEP_SECONDS, Laggards
from edge.protocol import server
from edge.protocol.wire import Audio, Flavour, Rendering
from tests.fakes import virtual_time
from tests.fakes.frames import Closed, Read, read_frames
from tests.fakes.listening import FakeListener

LANGUAGES: Final = ("es", "pt")
RENDERINGS: Final = (Rendering(Flavour.V1), Rendering(Flavour.V1, Audio.OFF), Rendering(Flavour.PLAIN))
AUDIO_BYTES: Final = 8_000

Item: TypeAlias = tuple[str, str, int]
"""Kind; segment or cue; the number of the event, by which each is known."""


@dataclass(slots=True)
class Heard:
    """What one listener got, sorted by what it is."""

    items: list[Item] = field(default_factory=list)
    notices: list[int] = field(default_factory=list)
    acks: list[int] = field(default_factory=list)
    dropped: list[tuple[int, float]] = field(default_factory=list)
    last: str = ""

    @classmethod
    def of(cls, wire: bytes) -> "Heard":
        heard, cue = cls(), ""
        for read in read_frames(wire):
            assert heard.last not in {"closed", "sessionEnded"} or isinstance(read, Closed), "nothing follows the end"
            cue = heard._note(read, cue)
        return heard

    def _note(self, read: Read, cue: str) -> str:
        """`cue`: the one under way before; returned, the one after."""
        if isinstance(read, Closed):
            self.last = "closed"
            return cue
        if isinstance(read, bytes):
            self.last = "audio"
            self.items.append(("audio", cue, int(read[:10])))
            return cue
        told = json.loads(read if isinstance(read, str) else "{}")
        self.last = told["type"]
        match self.last:
            case "caption" | "sourceCaption":
                self.items.append((self.last, str(told["segmentId"]), int(told["text"])))
            case "cueStart":
                self.items.append(("start", told["cueId"], 0))
                return str(told["cueId"])
            case "cueEnd":
                self.items.append(("end", told["cueId"], 0))
                return ""
            case "audioData":
                self.items.append(("audio", told["cueId"], int(base64.b64decode(told["audioData"])[:10])))
            case "broadcastPaused":
                self.notices.append(told["timestamp"])
            case "heartbeatAck":
                self.acks.append(told["timestamp"])
            case "audioDropped":
                self.dropped.append((told["cues"], told["seconds"]))
        return cue

    def of_kinds(self, *kinds: str) -> list[Item]:
        return [item for item in self.items if item[0] in kinds]


CUES: Final = ("start", "audio", "end")


class Listening:
    """A listener and what it should hear: `due`, if it keeps up. `marks`: of its languages, from where on."""

    def __init__(self, stage: "Stage", listener: FakeListener, language: str, *, source: bool, sits_back: bool) -> None:
        self.listener = listener
        self.stalled = listener.transport.get_write_buffer_size() > 0
        self.lagged = sits_back
        self.changed = False
        self.opened = False
        self.left = False
        self.leaving = False
        self.acks: list[int] = []
        self.notices: list[int] = []
        self.due: list[Item] = []
        self.source_due: list[Item] = []
        self.language = language
        self.source = source
        self._stage = stage
        self._cue: str | None = None
        self._rest_only = False

    @property
    def stays(self) -> bool:
        return not (self.left or self.leaving)

    def published(self, language: str, event: BusEvent) -> None:
        """What it should hear of it."""
        if self.left:
            return
        match event:
            case SwitchesChanged() if not self._rest_only:
                self.notices.append(round(event.switches.changed_at * 1000))
            case Caption() if language == SOURCE and self.source and not self._rest_only:
                self.source_due.append(("sourceCaption", str(event.segment_id), int(event.text)))
            case Caption() if language == self.language and not self._rest_only:
                self.due.append(("caption", str(event.segment_id), int(event.text)))
            case CueStarted() | CueAudio() | CueEnded() if language == self.language:
                self._hears_cue(event)

    def _hears_cue(self, event: CueStarted | CueAudio | CueEnded) -> None:
        if self.listener.rendering.audio is Audio.OFF:
            return
        marked = self.listener.rendering.flavour is Flavour.V1
        match event:
            case CueStarted():
                if self._rest_only:
                    self.left = True
                    return
                self._cue = event.cue_id
                if marked:
                    self.due.append(("start", event.cue_id, 0))
            case CueAudio() if event.cue_id == self._cue:
                self.due.append(("audio", event.cue_id, int(event.audio[:10])))
            case CueEnded() if event.cue_id == self._cue:
                self._ends()
                self.left = self.left or self._rest_only

    def _ends(self) -> None:
        if self.listener.rendering.flavour is Flavour.V1 and self._cue is not None:
            self.due.append(("end", self._cue, 0))
        self._cue = None

    def changes(self, language: str) -> None:
        if self.listener.socket is None or self._rest_only:
            return
        self.listener.seat.change_language(language)
        self._ends()
        self.language = language
        self.changed = self.changed or self.lagged

    def gives_way(self, *, at_once: bool) -> None:
        self.listener.seat.give_way(at_once=at_once)
        self._rest_only = True
        self.left = self.left or at_once or self._cue is None


class Stage:
    """A session, its listeners, and everything that may happen to them."""

    def __init__(self, tasks: asyncio.TaskGroup, slice_size: int) -> None:
        self.bus = LocalBus()
        self.hub = Hub(self.bus, slice_size)
        self.laggards = Laggards()
        self.everyone: list[Listening] = []
        self._tasks = tasks
        self._number = 0
        self._cues: dict[str, str] = {}

    def do(self, step: "Step") -> None:
        what, who, how = step
        actions: dict[str, Callable[[int, int], None]] = {
            "caption": lambda a, b: self._caption(LANGUAGES[a % 2], b),
            "source": lambda _, b: self._caption(SOURCE, b),
            "cue": lambda a, b: self._cue(LANGUAGES[a % 2], b),
            "notice": lambda *_: self._publish(NOTICES, SwitchesChanged("paused", Switches(changed_at=self._next()))),
            "join": self._join,
            "open": lambda a, _: self._with(a, self._open),
            "say": lambda a, _: self._with(a, self._say),
            "stall": lambda a, _: self._with(a, self._stall),
            "read": lambda a, b: self._with(a, lambda one: one.listener.transport.read(b * AUDIO_BYTES)),
            "recover": lambda a, _: self._with(a, lambda one: one.listener.transport.read()),
            "change": lambda a, b: self._with(a, lambda one: one.changes(LANGUAGES[b % 2])),
            "refresh": lambda a, b: self._with(a, lambda one: self._refresh(one, b)),
            "leave": lambda a, b: self._with(a, lambda one: self._leave(one, b)),
        }
        actions[what](who, how)

    def audience(self) -> None:
        """Some who are there from the beginning."""
        for number, rendering in enumerate((*RENDERINGS, *RENDERINGS)):
            one = self._seat(LANGUAGES[number == 4], rendering, source=number % 2 == 0, deferred=number > 3)
            self._open(one)

    def finish(self) -> None:
        """Cues end, and everybody reads again."""
        for one in self.everyone:
            one.listener.transport.read()
            self._open(one)
        for language in tuple(self._cues):
            self._cue(language, 0)

    def end(self) -> None:
        self._publish(NOTICES, SessionEnded("speaker"))

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _publish(self, language: str, event: BusEvent) -> None:
        for one in self.everyone:
            one.published(language, event)
        self.bus.publish(Topic("s", language), event)

    def _caption(self, language: str, segment: int) -> None:
        text = str(self._next())
        self._publish(language, Caption(segment, language, text, 0, segment % 2 == 0, 0, 1))

    def _cue(self, language: str, chunks: int) -> None:
        """The next of a cue: its start, its end, or some seconds of audio."""
        if language not in self._cues:
            self._cues[language] = f"{self._next()}-{language}"
            self._publish(language, CueStarted(self._cues[language], 1, language, 16_000, 0, 1, 1.0))
        elif chunks == 0:
            self._publish(language, CueEnded(self._cues.pop(language), language, 1))
        else:
            for _ in range(chunks):
                audio = f"{self._next():010}".encode().ljust(AUDIO_BYTES)
                self._publish(language, CueAudio(self._cues[language], language, audio, 1.0))

    def _join(self, who: int, how: int) -> None:
        if len(self.everyone) < 14:
            rendering = RENDERINGS[how % 3]
            self._seat(LANGUAGES[who % 2], rendering, source=how > 3, deferred=who > 4)

    def _seat(self, language: str, rendering: Rendering, *, source: bool, deferred: bool) -> Listening:
        listener = FakeListener(self.hub, language, rendering, source=source, deferred=deferred)
        one = Listening(self, listener, language, source=source, sits_back=deferred)
        self.everyone.append(one)
        return one

    def _with(self, who: int, act: Callable[[Listening], None]) -> None:
        there = [one for one in self.everyone if one.stays]
        if there:
            act(there[who % len(there)])

    def _open(self, one: Listening) -> None:
        if not one.opened:
            one.opened = True
            self._tasks.create_task(one.listener.run(self.laggards))

    def _say(self, one: Listening) -> None:
        socket = one.listener.socket
        if socket is not None and not socket.closing:
            one.acks.append(self._next())
            socket.tell(server.HeartbeatAck(timestamp=one.acks[-1]))

    def _stall(self, one: Listening) -> None:
        one.listener.transport.stall()
        one.lagged = True

    def _refresh(self, former: Listening, how: int) -> None:
        """As `edge.connect` does it: with the last cue that was heard to its end, or without."""
        if former.listener.socket is None:
            return
        last_cue = None
        if how % 2 and not former.lagged and former.opened and not former._rest_only:
            ended = [cue for kind, cue, _ in former.due if kind == "end"]
            last_cue = ended[-1] if ended else None
        listener = former.listener
        one = self._seat(former.language, listener.rendering, source=former.source, deferred=former.lagged)
        one.lagged = former.lagged
        if last_cue in {None, listener.seat.cue}:
            former.gives_way(at_once=False)
        else:
            assert last_cue is not None
            for language in (former.language, SOURCE):
                for event in self.bus.missed(Topic("s", language), last_cue):
                    one.published(language, event)
            one.listener.seat.resume(last_cue)
            former.gives_way(at_once=True)

    def _leave(self, one: Listening, how: int) -> None:
        """The peer says goodbye, talks nonsense, or is gone."""
        if not one.opened:
            return
        one.leaving = True  # The server may be quick to see it or slow: what comes until then may come.
        one.lagged = True
        leave = (one.listener.ws.peer_closes, one.listener.ws.peer_errs, one.listener.transport.abort)[how % 3]
        leave()


Step: TypeAlias = tuple[str, int, int]
OFTEN: Final = ("cue", "cue", "cue", "cue", "caption", "caption", "join", "open", "tick", "sweep")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [*OFTEN, "source", "notice", "say", "stall", "stall", "read", "recover", "change", "refresh", "leave"]
        ),
        st.integers(0, 11),
        st.integers(0, 5),
    ),
    min_size=20,
    max_size=100,
)


async def play(steps: Sequence[Step], slice_size: int) -> list[Listening]:
    """All that happens, and the end of the session when everybody has caught up."""
    async with asyncio.TaskGroup() as tasks:
        stage = Stage(tasks, slice_size)
        stage.audience()
        await asyncio.sleep(SWEEP_SECONDS)
        for step in steps:
            match step[0]:
                case "tick":
                    for _ in range(step[2]):
                        await asyncio.sleep(0)
                case "sweep":
                    await asyncio.sleep(SWEEP_SECONDS)
                case _:
                    stage.do(step)
        stage.finish()
        await asyncio.sleep(40 * SWEEP_SECONDS)
        assert not len(stage.laggards)
        stage.end()
    return stage.everyone


def check(one: Listening) -> None:
    transport = one.listener.transport
    assert one.listener.done
    heard = Heard.of(bytes(transport.taken)) if not transport.aborted else Heard()
    if transport.aborted:
        return
    if not one.lagged:
        assert heard.items == one.due or _apart(heard, one)
        assert heard.notices == one.notices
        assert heard.acks == one.acks
        assert heard.dropped == []
    check_cues(heard, one)
    check_captions(heard, one)
    if one.stays:
        assert heard.notices == one.notices
        assert heard.acks == one.acks
        assert heard.last == "closed"


def _apart(heard: Heard, one: Listening) -> bool:
    """Each feed has an order of its own."""
    feeds = (heard.of_kinds("caption", *CUES), heard.of_kinds("sourceCaption"))
    return feeds == (one.due, one.source_due)


def check_cues(heard: Heard, one: Listening) -> None:
    """Whole, or cut: the beginning and the end of it; or nothing. What is missing was told."""
    due: dict[str, list[int]] = defaultdict(list)
    for kind, cue, number in one.due:
        if kind in CUES:
            due[cue] += [number] if kind == "audio" else []
    got: dict[str, list[int]] = defaultdict(list)
    marks: list[tuple[str, str]] = []
    for kind, cue, number in heard.of_kinds(*CUES):
        if kind == "audio":
            got[cue].append(number)
            assert one.listener.rendering.flavour is Flavour.PLAIN or marks[-1] == ("start", cue)
        else:
            marks.append((kind, cue))
            got[cue] += []
    order = list(due)
    assert list(got) == [cue for cue in order if cue in got], "cues in their order, none of them unknown"
    for cue, numbers in got.items():
        assert numbers == due[cue][: len(numbers)], "a cue from its start on, and nothing left out within"
    if one.listener.rendering.flavour is Flavour.V1:
        ended = marks[1::2] if not one.stays else [*marks[1::2], *([("end", "?")] if len(marks) % 2 else [])]
        assert [mark for mark, _ in marks[::2]] == ["start"] * len(marks[::2])
        assert ended[: len(marks) // 2] == [("end", cue) for _, cue in marks[::2]][: len(marks) // 2]
        assert not one.stays or len(marks) % 2 == 0, "who stays is told the end of every cue"
    if one.stays and not one.changed:
        missing = {
            cue: len(due[cue]) - len(got[cue]) for cue in order if cue not in got or len(got[cue]) < len(due[cue])
        }
        if one.listener.rendering.flavour is Flavour.PLAIN:
            missing = {cue: seconds for cue, seconds in missing.items() if seconds}
            assert sum(seconds for _, seconds in heard.dropped) == sum(missing.values())
        else:
            assert sum(cues for cues, _ in heard.dropped) == len(missing)
            assert sum(seconds for _, seconds in heard.dropped) == sum(missing.values())


def check_captions(heard: Heard, one: Listening) -> None:
    """Never an older one after a newer, and the newest of every segment comes to who stays."""
    for kind, due in (("caption", one.due), ("sourceCaption", one.source_due)):
        newest = {segment: number for of, segment, number in due if of == kind}
        versions: dict[str, list[int]] = defaultdict(list)
        for _, segment, number in heard.of_kinds(kind):
            versions[segment].append(number)
        known = {number for of, _, number in due if of == kind}
        for numbers in versions.values():
            assert numbers == sorted(set(numbers))
            assert set(numbers) <= known
        if one.stays and not (one.changed and kind == "caption"):
            assert {segment: numbers[-1] for segment, numbers in versions.items()} == newest


@settings(max_examples=300)
@given(STEPS, st.integers(1, 4))
def test_every_listener_gets_what_was_published_or_is_told_what_not(steps: list[Step], slice_size: int) -> None:
    for one in virtual_time.run(play(steps, slice_size)):
        check(one)
