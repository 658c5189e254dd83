"""Our own recogniser, connected to a stand-in for Amazon Transcribe, and what tests do with it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from chassis.errors import LingocastError
from chassis.pcm import byte_count
from chassis.settings import load
from tests.amazon.account import account
from tests.amazon.transcribe import ScriptedWord, Transcribe, serve
from transcription_svc.config import Config
from transcription_svc.engines import RecognitionStream, Recognizer, StreamOptions
from transcription_svc.engines.aws import AwsRecognizer, open_engine
from transcription_svc.engines.aws_stream import DEADLINES, Deadlines

TRANSPORTS = ("websocket", "http2")
ENGLISH = StreamOptions("en")
SAID = "Let us go, you and I. Where to?"
SCRIPT = [ScriptedWord(text, 0.4 * index + 0.1, 0.4 * index + 0.5) for index, text in enumerate(SAID.split())]
# Patient where a busy machine must change no outcome, impatient where it is waited for.
HASTY = Deadlines(open=1.0, send=1.0, finish=1.0, final=0.5, sound=1.0)


@asynccontextmanager
async def recognizer(
    service: Transcribe, transport: str, folder: Path, deadlines: Deadlines = DEADLINES, **settings: object
) -> AsyncIterator[AwsRecognizer]:
    """`settings`: fields of Config beyond the address. `folder`: for the CA."""
    with account(service.region):
        async with serve(service, transport, folder) as address:
            fields = {
                "aws_transport": transport.removesuffix("-tls"),
                "aws_endpoint": address.url,
                "aws_ca_bundle": address.ca,
                "aws_region": service.region,
            }
            config = load(Config, []).model_copy(update=fields | settings)
            async with open_engine(config, deadlines) as engine:
                yield engine


def loud(seconds: float) -> bytes:
    return b"\x00\x10\x00\xf0" * (byte_count(seconds) // 4)


async def feed(stream: RecognitionStream, audio: bytes, size: int = 3200) -> None:
    for first in range(0, len(audio), size):
        await stream.send(audio[first : first + size])
    await stream.finish()


async def heard(engine: Recognizer, audio: bytes, options: StreamOptions = ENGLISH, size: int = 3200) -> Any:
    async with asyncio.timeout(60), engine.open(options) as stream, asyncio.TaskGroup() as tasks:
        tasks.create_task(feed(stream, audio, size))
        return [hypothesis async for hypothesis in stream.hypotheses()]


async def failure_of(engine: Recognizer, audio: bytes = b"", options: StreamOptions = ENGLISH) -> LingocastError:
    """What opening or reading a stream raises, while `audio` is sent again and again; who sends hears the same."""
    heard_by_sender: list[LingocastError] = []

    async def send(stream: RecognitionStream) -> None:
        try:
            while audio:
                await stream.send(audio)
                await asyncio.sleep(0.002)
        except LingocastError as error:
            heard_by_sender.append(error)

    async def read(stream: RecognitionStream) -> None:
        async for _ in stream.hypotheses():
            pass

    async def use() -> None:
        async with engine.open(options) as stream, asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(send(stream))
            with pytest.raises(LingocastError) as caught:
                await read(stream)
            await sending
            raise caught.value

    with pytest.raises((LingocastError, ExceptionGroup)) as caught:
        async with asyncio.timeout(60):
            await use()
    (error,) = caught.value.exceptions if isinstance(caught.value, ExceptionGroup) else [caught.value]
    assert isinstance(error, LingocastError)
    assert {type(each) for each in heard_by_sender} <= {type(error)}
    return error


async def until(holds: Callable[[], bool]) -> None:
    """Waits for a condition that nothing tells of."""
    async with asyncio.timeout(40):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
