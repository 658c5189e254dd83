"""Our own share of the delay: the whole way through five processes, with engines that answer at once.

One phrase is three words of the scripted recogniser (1.2 s of sound) and silence. The recogniser ends the utterance
with the chunk that completes half a second of silence, in the moment in which it gets it; translation and synthesis
take no time. What passes until something comes out at a listener is ours: sockets, streams, queues, calls, pacing.
Nothing is subtracted.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chassis.system import System
from edge.client import Caption, CueAudio, Event, Listener, Speaker, pace
from edge.client.playback import Playback
from tests.e2e.talks import noise, silence
from tests.eval.records import Journey
from tests.fakes.collector import Collector
from transcription_svc.domain.script import END_POINT, WORD_SECONDS

LANGUAGE = "es"
CHUNK_SECONDS = 0.1
SOUND_SECONDS = 3 * WORD_SECONDS
PHRASE_SECONDS = 3.5
PHRASE_CHUNKS = round(PHRASE_SECONDS / CHUNK_SECONDS)
# The chunk of a phrase that completes it: the last of half a second of silence.
COMPLETING = round((SOUND_SECONDS + END_POINT) / CHUNK_SECONDS) - 1
ANSWER_SECONDS = PHRASE_SECONDS - SOUND_SECONDS - END_POINT
"""What comes later than this belongs to the next phrase."""
DRAFT_SECONDS = SOUND_SECONDS + END_POINT - CHUNK_SECONDS
"""A translation called so long before belongs to the phrase too: of a draft, which came true."""
TRANSLATE = "/lingocast.translation.v1.TranslationService/Translate"


@dataclass(frozen=True)
class Moment:
    """When a completing chunk was handed to the client: on the loop's clock, and on the wall's."""

    at: float
    wall: float


async def journeys(system: System, phrases: int, collector: Collector | None = None) -> list[Journey]:
    """Says so many phrases to one listener. `collector`: where the system's traces go, if it sends any.

    The first phrase, which opens connections, is said and not counted.
    """
    loop = asyncio.get_running_loop()
    moments: list[Moment] = []
    arrived: list[tuple[float, Event]] = []
    token = await system.mint(f"share-{time.monotonic_ns()}")
    async with (
        Speaker.open(system.url, token) as speaker,
        Listener.open(system.url, speaker.session_id, LANGUAGE) as listener,
        asyncio.TaskGroup() as tasks,
    ):

        async def listen() -> None:
            async for event in listener:
                arrived.append((loop.time(), event))  # noqa: PERF401 - each when it comes

        async def attend() -> None:
            async for _ in speaker:
                pass

        tasks.create_task(listen())
        tasks.create_task(attend())
        phrase = noise(SOUND_SECONDS) + silence(PHRASE_SECONDS - SOUND_SECONDS)
        index = 0
        async for chunk in pace(phrase * (phrases + 1), round(CHUNK_SECONDS * 1000)):
            if index % PHRASE_CHUNKS == COMPLETING:
                moments.append(Moment(loop.time(), time.time()))
            await speaker.send(chunk)
            index += 1
        await speaker.end()
    calls = await _calls(collector, phrases) if collector else []
    return [journey(moment, arrived, calls) for moment in moments[1:]]


def journey(moment: Moment, arrived: Sequence[tuple[float, Event]], calls: Iterable[float]) -> Journey:
    """What followed one completing chunk. `calls`: when translation was called, on the wall's clock."""
    playback = Playback()
    for at, event in arrived:
        if at < moment.at:
            playback.receive(event, at)
    called = sorted(at - moment.wall for at in calls)
    after = next((seconds for seconds in called if 0 <= seconds < ANSWER_SECONDS), None)
    foreseen = any(-DRAFT_SECONDS < seconds < 0 for seconds in called)
    within = [(at - moment.at, event) for at, event in arrived if 0 <= at - moment.at < ANSWER_SECONDS]
    return Journey(
        caption=next((after for after, event in within if isinstance(event, Caption) and event.is_final), None),
        cue=next((after for after, event in within if isinstance(event, CueAudio)), None),
        translation=after if after is not None else 0.0 if foreseen else None,
        waited=playback.queued(moment.at) > 0,
    )


async def _calls(collector: Collector, phrases: int) -> list[float]:
    """When translation_svc was called, seconds since the epoch, once the traces have come."""
    found: list[float] = []
    async with asyncio.timeout(30):
        while len(found) < phrases:
            await asyncio.sleep(1.0)
            found = [
                span.start
                for spans in list(collector.traces.values())
                for span in spans
                if span.service == "translation_svc" and span.name.lstrip("/") == TRANSLATE.lstrip("/")
            ]
    return found
