"""The pipeline by itself: how it ends when something in it fails, and what it holds on to meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Collection
from typing import Any

import pytest

from chassis.glossary import NONE, Glossary
from tests.fakes.recognizer import FakeRecognizer, Line, Unsure
from transcription_svc.domain.events import AudioIn, Input, Options, Output, SourceCaption
from transcription_svc.downstream import Downstream, NotTranslated, Translated, VoiceBegun
from transcription_svc.pipeline import Broadcast


class Echo(Downstream):
    """Translates into the same words; a voice that is not asked for."""

    def __init__(self, defect: Exception | None = None) -> None:
        self._defect = defect

    async def translate(
        self,
        text: str,
        source: str,
        targets: Collection[str],
        tier: str,
        glossary: Glossary = NONE,
        *,
        partial: bool = False,
    ) -> AsyncIterator[Translated | NotTranslated]:
        for target in targets:
            if self._defect is not None:
                raise self._defect
            yield Translated(target, text)

    async def synthesize(self, text: str, language: str, **_: Any) -> AsyncIterator[VoiceBegun | bytes]:
        yield VoiceBegun(1.0)


async def talk(seconds: float) -> AsyncIterator[Input]:
    for index in range(round(seconds * 10)):
        yield AudioIn(bytes(3200), index / 10, 1_000.0 + index / 10)
        await asyncio.sleep(0)


async def forever() -> AsyncIterator[Input]:
    async for event in talk(1.5):
        yield event
    await asyncio.Event().wait()


async def everything(broadcast: Broadcast) -> list[Output]:
    return [event async for event in broadcast.events(forever())]


async def test_a_defect_ends_the_broadcast_with_its_error_and_hangs_nothing() -> None:
    recognizer = FakeRecognizer([[Line(1.0, "God is good.")]])
    broadcast = Broadcast(Options("s", "en", targets=("es", "pt")), recognizer, Echo(RuntimeError("a defect")))
    with pytest.raises(ExceptionGroup) as caught:
        await asyncio.wait_for(everything(broadcast), timeout=30.0)
    assert caught.group_contains(RuntimeError, match="a defect")


async def test_a_reader_who_is_busy_when_the_broadcast_fails_is_left_to_it_and_told_next() -> None:
    recognizer = FakeRecognizer([[Line(1.0, "God is good.")]])
    broadcast = Broadcast(Options("s", "en", targets=("es",)), recognizer, Echo(RuntimeError("a defect")))
    events = broadcast.events(forever())
    said = await anext(events)
    for _ in range(50):
        await asyncio.sleep(0)  # In which the translation fails.
    assert isinstance(said, SourceCaption)
    with pytest.raises(ExceptionGroup) as caught:
        await asyncio.wait_for(anext(events), timeout=30.0)
    assert caught.group_contains(RuntimeError, match="a defect")


async def test_the_trace_of_words_that_were_taken_back_ends_with_them() -> None:
    recognizer = FakeRecognizer([[Unsure(0.3, "thank you", final=False), Line(1.0, "", final=True)]])
    broadcast = Broadcast(Options("s", "en"), recognizer, Echo())
    held = [
        (event.text, list(broadcast._traces._open))
        async for event in broadcast.events(talk(1.5))
        if isinstance(event, SourceCaption)
    ]
    assert held == [("thank", [1]), ("", [])]
