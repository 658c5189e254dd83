"""The gRPC face of transcription_svc."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from functools import partial
from typing import Any, TypeVar

import grpc
import structlog

from chassis import language
from chassis.drive import Inbox, told_by
from chassis.errors import Exhausted, Invalid
from protos.transcription.v1 import transcription_pb2, transcription_pb2_grpc
from transcription_svc import wire
from transcription_svc.domain.hypothesis import Hypothesis
from transcription_svc.domain.quality import SNR_DB
from transcription_svc.downstream import Downstream
from transcription_svc.engines import RecognitionStream, Recognizer, StreamOptions
from transcription_svc.pipeline import Broadcast
from transcription_svc.recognizers import Recognizers

log = structlog.get_logger()

Context = grpc.aio.ServicerContext[Any, Any]
Request = TypeVar("Request", transcription_pb2.BroadcastRequest, transcription_pb2.StreamingRecognizeRequest)


class Transcription(transcription_pb2_grpc.TranscriptionServiceServicer):
    """Broadcasts, plain recognition, and what can be spoken and heard."""

    def __init__(
        self,
        recognizer: Recognizer,
        downstream: Downstream,
        max_streams: int,
        *,
        snr_db: float = SNR_DB,
        drafts: bool = True,
    ) -> None:
        self._recognizer = Recognizers.of(recognizer)
        self._downstream = downstream
        self._max_streams = max_streams
        self._snr_db = snr_db
        self._drafts = drafts
        self._streams = 0

    async def Broadcast(
        self, requests: AsyncIterator[transcription_pb2.BroadcastRequest], context: Context
    ) -> AsyncIterator[transcription_pb2.BroadcastResponse]:
        """See the proto."""
        first = await _first(requests)
        if first.WhichOneof("request") != "config":
            raise Invalid("MISSING_CONFIG", "the first message is the configuration")
        options = wire.options(first.config)
        self._check_language(options.language)
        engine = self._recognizer.serving(options.language)
        with self._place():
            log.info("broadcast_began", session=options.session_id, language=options.language, engine=engine)
            started = transcription_pb2.BroadcastStarted(recognition_engine=engine)
            yield transcription_pb2.BroadcastResponse(started=started)
            broadcast = Broadcast(options, self._recognizer, self._downstream, snr_db=self._snr_db, drafts=self._drafts)
            async with aclosing(broadcast.events(wire.inputs(requests))) as events:
                async for event in events:
                    yield wire.response(event)
            log.info("broadcast_ended", session=options.session_id)

    async def StreamingRecognize(
        self, requests: AsyncIterator[transcription_pb2.StreamingRecognizeRequest], context: Context
    ) -> AsyncIterator[transcription_pb2.StreamingRecognizeResponse]:
        """See the proto."""
        first = await _first(requests)
        if first.WhichOneof("request") != "config":
            raise Invalid("MISSING_CONFIG", "the first message is the configuration")
        config = first.config
        wire.check_format(config.audio_format)
        code = language.parse(config.language)
        self._check_language(code)
        premium = wire.tier(config.quality_tier) == "premium"
        options = StreamOptions(code, premium=premium, final_only=config.final_only)
        with self._place():
            out: Inbox[Hypothesis] = Inbox(8)
            async with aclosing(told_by(partial(self._recognize, options, requests, out.put), out)) as hypotheses:
                async for hypothesis in hypotheses:
                    yield wire.recognized(hypothesis)

    async def _recognize(
        self,
        options: StreamOptions,
        requests: AsyncIterator[transcription_pb2.StreamingRecognizeRequest],
        tell: Callable[[Hypothesis], Awaitable[None]],
    ) -> None:
        async with self._recognizer.open(options) as stream, asyncio.TaskGroup() as tasks:
            tasks.create_task(_feed(stream, requests), name="feed")
            async for hypothesis in stream.hypotheses():
                if hypothesis.is_final or not options.final_only:
                    await tell(hypothesis)

    async def ListLanguages(
        self, request: transcription_pb2.ListLanguagesRequest, context: Context
    ) -> transcription_pb2.ListLanguagesResponse:
        """See the proto."""
        async with asyncio.TaskGroup() as tasks:
            asking_pairs = tasks.create_task(self._downstream.pairs(), name="pairs")
            asking_voices = tasks.create_task(self._downstream.voices(), name="voices")
        voices = asking_voices.result()
        sources = []
        for source in sorted(self._recognizer.capabilities.languages):
            targets = [
                transcription_pb2.TargetLanguage(language=to, neural_voice=voices[voiced])
                for frm, to in sorted(asking_pairs.result())
                if frm == source and to != source and (voiced := language.match(to, voices)) is not None
            ]
            if targets:
                sources.append(transcription_pb2.SourceLanguage(language=source, targets=targets))
        return transcription_pb2.ListLanguagesResponse(sources=sources)

    def _check_language(self, code: str) -> None:
        if not self._recognizer.knows(code):
            offered = ", ".join(sorted(self._recognizer.capabilities.languages))
            raise Invalid("UNSUPPORTED_LANGUAGE", f"recognition offers: {offered}")

    @contextmanager
    def _place(self) -> Iterator[None]:
        """One of the streams that may be open at once. Raises Exhausted."""
        if self._streams >= self._max_streams:
            raise Exhausted("TOO_MANY_STREAMS", f"{self._max_streams} speakers are being recognised already")
        self._streams += 1
        try:
            yield
        finally:
            self._streams -= 1


async def _first(requests: AsyncIterator[Request]) -> Request:
    async for request in requests:
        return request
    raise Invalid("MISSING_CONFIG", "the stream ended before its configuration")


async def _feed(
    stream: RecognitionStream, requests: AsyncIterator[transcription_pb2.StreamingRecognizeRequest]
) -> None:
    async for request in requests:
        if request.WhichOneof("request") != "audio":
            raise Invalid("INVALID_PARAMETER", "only audio follows the configuration")
        if request.audio:
            await stream.send(wire.whole_samples(request.audio))
    await stream.finish()
