"""A speaker who is recognised beside what is measured: `python -m tests.bench.hearing SECONDS`.

Feeds real speech at its own pace to the local recogniser and prints, as JSON, how long after each word's end it was
first believed, and the processor seconds that a second of speech took.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from itertools import cycle
from time import process_time

from chassis.pcm import byte_count
from tests.bench.report import percentile
from tests.recordings import sentences, two_cities
from transcription_svc.config import Config
from transcription_svc.engines import RecognitionStream, StreamOptions
from transcription_svc.engines.local import open_engine

CHUNK_SECONDS = 0.1


async def main(seconds: float) -> None:
    async with open_engine(Config()) as engine, engine.open(StreamOptions("en")) as stream:
        used, begun = process_time(), _now()
        lags: list[float] = []
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(_read(stream, begun, lags))
            await _feed(stream, begun, seconds)
            await stream.finish()
            await reading
        report = {
            "p50": percentile(lags, 0.5),
            "p90": percentile(lags, 0.9),
            "processors": (process_time() - used) / (_now() - begun),
        }
    print(json.dumps(report))


async def _feed(stream: RecognitionStream, begun: float, seconds: float) -> None:
    sent = 0.0
    async for chunk in _chunks():
        if sent >= seconds:
            return
        sent += CHUNK_SECONDS
        await asyncio.sleep(begun + sent - _now())
        await stream.send(chunk)


async def _chunks() -> AsyncIterator[bytes]:
    try:
        audio = two_cities().audio
    except Exception:  # noqa: BLE001 - whatever keeps the long recording away, short ones come with the system
        audio = b"".join(recording.audio for recording in sentences())
    size = byte_count(CHUNK_SECONDS)
    for at in cycle(range(0, len(audio) - size, size)):
        yield audio[at : at + size]


async def _read(stream: RecognitionStream, begun: float, lags: list[float]) -> None:
    heard = 0.0
    async for hypothesis in stream.hypotheses():
        news = [word for word in hypothesis.words if word.end > heard]
        lags += [_now() - begun - word.end for word in news]
        heard = max([heard, *(word.end for word in news)])


def _now() -> float:
    return asyncio.get_running_loop().time()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))
