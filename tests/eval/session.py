"""Plays one recording into a running system at the speed of speech and records all that came of it, and when."""

import asyncio
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from chassis.calling import connect
from chassis.supervision import cpu_seconds
from chassis.system import System
from edge.client.messages import Caption, ErrorEvent, Event, LanguageUnavailable, SourceCaption, TranscriptionError
from edge.client.report import Heard, SendLog
from edge.client.talk import Talk, perform
from protos.translation.v1 import translation_pb2
from protos.translation.v1.translation_pb2_grpc import TranslationServiceStub
from tests.eval.corpus import Script
from tests.eval.measures import sentences
from tests.eval.records import Performance, Shown, Track, Usage, Voiced

SAMPLE_SECONDS = 5.0


class Recorded(Heard):
    """All that one client was told, captions that were replaced later included."""

    def __init__(self, language: str) -> None:
        super().__init__(language)
        self.shown: list[tuple[float, Caption | SourceCaption]] = []
        self.failures: list[str] = []

    def receive(self, event: Event, now: float) -> None:
        super().receive(event, now)
        match event:
            case Caption() | SourceCaption():
                self.shown.append((now, event))
            case ErrorEvent(code=code) | TranscriptionError(code=code) | LanguageUnavailable(reason=code):
                self.failures.append(code)

    def track(self, began: float) -> Track:
        """As data; `began`: the clock when the first sample was played."""
        self.playback.finish()
        return Track(
            self.language,
            [
                Shown(each.segment_id, each.text, each.is_final, at - began, each.start_ms / 1000, each.end_ms / 1000)
                for at, each in self.shown
            ],
            [
                Voiced(
                    *(cue.segment_id, cue.tempo, cue.arrived_at - began, cue.plays_at - began),
                    *(cue.seconds, cue.complete, cue.start_ms / 1000, cue.end_ms / 1000),
                )
                for cue in self.playback.cues
            ],
            self.dropped_cues,
            self.dropped_seconds,
            self.failures,
        )


class Progress:
    """A screen that shows only what a person at the evaluation must know, each thing once."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._noted: set[str] = set()
        self._minutes = 0

    def caption(self, channel: str, caption: Caption | SourceCaption) -> None:
        pass

    def voice(self, channel: str, lag: float | None, speaking: bool) -> None:
        pass

    def note(self, text: str) -> None:
        if text not in self._noted and not text.startswith("listen: "):
            self._noted.add(text)
            print(f"  {self._name}: {text}", file=sys.stderr)

    def tick(self, elapsed: float, total: float) -> None:
        if elapsed // 60 > self._minutes:
            self._minutes = int(elapsed // 60)
            print(f"  {self._name}: {self._minutes} of {total / 60:.0f} minutes", file=sys.stderr)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


async def play(
    system: System, name: str, script: Script, languages: Sequence[str], *, final_only: bool = False, gold: bool = False
) -> tuple[Performance, dict[str, bytes]]:
    """Plays the script; returns what came of it, and by language what a listener heard (PCM s16le 16 kHz).

    `gold`: has the true transcript translated as well, afterwards. Raises ClientError.
    """
    # A new user each time: one speaker has one live session.
    token = await system.mint(f"eval-{re.sub(r'[^a-z0-9]+', '-', name.lower())}-{time.monotonic_ns()}")
    source, listeners = Recorded(script.language), {code: Recorded(code) for code in languages}
    talk = Talk(source, {**listeners})
    async with sampled(system) as samples:
        await perform(
            talk,
            system.url,
            token,
            script.audio,
            Progress(name),
            partial_results=False if final_only else None,
        )
    began = talk.log.began
    tracks = {code: each.track(began) for code, each in listeners.items()}
    if gold:
        texts = await translated(system, script, languages)
        tracks = {code: replace(track, gold=texts.get(code, "")) for code, track in tracks.items()}
    performance = Performance(
        name=name,
        recording=script.name,
        language=script.language,
        length=script.length,
        final_only=final_only,
        pieces=list(script.pieces),
        words=[replace(word, said=talk.log.spoken_at(word.end) - began) for word in script.words],
        source=source.track(began),
        tracks=tracks,
        usage=[replace(sample, at=sample.at - began) for sample in samples],
        late=lateness(talk.log),
    )
    return performance, talk.tracks()


def lateness(log: SendLog) -> float:
    """The longest that a sample was handed over after its time, in seconds, counted from the first."""
    began = log.began
    return max((log.spoken_at(offset / 10) - began - offset / 10 for offset in range(int(log.seconds * 10))), default=0)


@asynccontextmanager
async def sampled(system: System) -> AsyncIterator[list[Usage]]:
    """Samples what is used, at the start, every 5 s, and at the end, into the list."""
    loop = asyncio.get_running_loop()
    samples: list[Usage] = []

    async def sample() -> None:
        samples.append(await asyncio.to_thread(used, system.pids, loop.time(), system.rss_bytes))

    async def repeat() -> None:
        while True:
            await asyncio.sleep(SAMPLE_SECONDS)
            await sample()

    await sample()
    async with asyncio.TaskGroup() as tasks:
        sampling = tasks.create_task(repeat())
        try:
            yield samples
        finally:
            sampling.cancel()
    await sample()


def used(pids: Mapping[str, int], now: float, memory: Callable[[], int]) -> Usage:
    """What has been used so far."""
    services = {name: cpu_seconds([pid]) for name, pid in pids.items()}
    return Usage(now, services, busy_seconds(), time.process_time(), memory())


def busy_seconds() -> float:
    """Processor time that anything on this machine has used since it started, user and kernel (proc(5))."""
    fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    user, nice, system, _, _, irq, softirq, *_ = map(int, fields)
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


async def translated(system: System, script: Script, languages: Sequence[str]) -> dict[str, str]:
    """The same engine's translation of the true transcript, sentence by sentence: what perfect recognition and cutting
    would give."""
    texts: dict[str, list[str]] = {language: [] for language in languages}
    async with connect(system.addresses["translation"]) as channel:
        stub = TranslationServiceStub(channel)
        for sentence in sentences(script.transcript):
            request = translation_pb2.TranslateRequest(
                text=sentence, source_language=script.language, target_languages=languages
            )
            async for response in stub.Translate(request):
                texts[response.language].append(response.translation.text)
    return {language: " ".join(parts) for language, parts in texts.items()}
