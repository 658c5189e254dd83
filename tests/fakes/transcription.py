"""A transcription_svc by hand: notes what it is sent, and says what the test puts into a stream."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import grpc
from google.protobuf.duration_pb2 import Duration

from chassis.errors import LingocastError
from protos.audio.v1 import audio_pb2
from protos.transcription.v1 import transcription_pb2 as pb
from protos.transcription.v1.transcription_pb2_grpc import TranscriptionServiceServicer

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
OFFERED = {"en": ("es", "fr", "pt"), "pt": ("en", "es")}


@dataclass(slots=True)
class FakeStream:
    """One broadcast. `say` a response, `hang_up` to break it; `until` something was received. While `keeps_up` is
    cleared nothing is read."""

    config: pb.BroadcastConfig
    audio: list[pb.AudioChunk] = field(default_factory=list)
    controls: list[pb.BroadcastRequest] = field(default_factory=list)
    half_closed: bool = False
    finish_at_end: bool = True
    keeps_up: asyncio.Event = field(default_factory=asyncio.Event)
    _responses: asyncio.Queue[pb.BroadcastResponse | LingocastError | None] = field(default_factory=asyncio.Queue)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def __post_init__(self) -> None:
        self.keeps_up.set()

    def say(self, **response: object) -> None:
        self._responses.put_nowait(pb.BroadcastResponse(**response))  # type: ignore[arg-type]

    def hang_up(self, error: LingocastError) -> None:
        self._responses.put_nowait(error)

    def finish(self) -> None:
        """Ends with OK."""
        self._responses.put_nowait(None)

    @property
    def bytes_heard(self) -> bytes:
        return b"".join(chunk.audio for chunk in self.audio)

    @property
    def targets(self) -> set[str]:
        wanted = [request.targets.languages for request in self.controls if request.HasField("targets")]
        return set(wanted[-1] if wanted else self.config.target_languages)

    @property
    def glossary(self) -> list[tuple[str, str, str]]:
        """The terms that hold: source, target, language."""
        said = [request.glossary for request in self.controls if request.HasField("glossary")]
        terms = (said[-1] if said else self.config.glossary).terms
        return [(term.source, term.target, term.language) for term in terms]

    @property
    def paused(self) -> bool:
        said = [request.paused.paused for request in self.controls if request.HasField("paused")]
        return said[-1] if said else False

    async def until(self, condition: Callable[[], bool], seconds: float = 30.0) -> None:
        """Raises TimeoutError, with what had come, after `seconds`."""
        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(condition)
        except TimeoutError:
            raise TimeoutError(f"had only {len(self.audio)} chunks and {self.controls}") from None

    async def receive(self, requests: AsyncIterator[pb.BroadcastRequest]) -> None:
        async for request in requests:
            if request.HasField("audio"):
                self.audio.append(request.audio)
            else:
                self.controls.append(request)
            await self._tell()
            await self.keeps_up.wait()
        self.half_closed = True
        await self._tell()
        if self.finish_at_end:
            self.finish()

    async def responses(self) -> AsyncIterator[pb.BroadcastResponse]:
        while (response := await self._responses.get()) is not None:
            if isinstance(response, LingocastError):
                raise response
            yield response

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()


class FakeTranscription(TranscriptionServiceServicer):
    """`refuse_with`: new streams raise it. `offered`: what ListLanguages says."""

    def __init__(self) -> None:
        self.streams: list[FakeStream] = []
        self.refuse_with: LingocastError | None = None
        self.offered: dict[str, tuple[str, ...]] = OFFERED
        self._opened = asyncio.Condition()

    async def stream(self, number: int = 1) -> FakeStream:
        """The broadcast that was opened as the `number`th."""
        async with asyncio.timeout(30), self._opened:
            await self._opened.wait_for(lambda: len(self.streams) >= number)
        return self.streams[number - 1]

    async def Broadcast(
        self, request_iterator: AsyncIterator[pb.BroadcastRequest], context: Context
    ) -> AsyncIterator[pb.BroadcastResponse]:
        if self.refuse_with is not None:
            raise self.refuse_with
        first = await anext(request_iterator)
        assert first.HasField("config")
        stream = FakeStream(first.config)
        self.streams.append(stream)
        async with self._opened:
            self._opened.notify_all()
        yield pb.BroadcastResponse(started=pb.BroadcastStarted(recognition_engine="fake"))
        async with asyncio.TaskGroup() as tasks:
            receiving = tasks.create_task(stream.receive(request_iterator))
            async for response in stream.responses():
                yield response
            receiving.cancel()

    async def ListLanguages(self, request: pb.ListLanguagesRequest, context: Context) -> pb.ListLanguagesResponse:
        return pb.ListLanguagesResponse(
            sources=[
                pb.SourceLanguage(language=source, targets=[pb.TargetLanguage(language=target) for target in targets])
                for source, targets in self.offered.items()
            ]
        )

    async def StreamingRecognize(
        self, request_iterator: AsyncIterator[pb.StreamingRecognizeRequest], context: Context
    ) -> AsyncIterator[pb.StreamingRecognizeResponse]:
        raise NotImplementedError
        yield


def lasting(seconds: float) -> Duration:
    """A length of time as messages carry it."""
    duration = Duration()
    duration.FromMilliseconds(round(seconds * 1000))
    return duration


def span(start: float, end: float) -> audio_pb2.TimeSpan:
    """Seconds from the session's first sample."""
    return audio_pb2.TimeSpan(start_offset=lasting(start), end_offset=lasting(end))
