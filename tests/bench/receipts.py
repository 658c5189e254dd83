"""A transcription_svc that only notes when audio comes: `python -m tests.bench.receipts`, as a part of the system.

Each frame of a talker carries its number and the moment it was sent. When a broadcast ends, one line of JSON is added
to the file that BENCH_RECEIPTS names.
"""

import json
import os
import struct
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

import grpc
import uvloop

from chassis.serving import serve
from protos.transcription.v1 import transcription_pb2 as pb
from protos.transcription.v1.transcription_pb2_grpc import (
    TranscriptionServiceServicer,
    add_TranscriptionServiceServicer_to_server,
)

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

SERVICE: Final = "lingocast.transcription.v1.TranscriptionService"
STAMP: Final = struct.Struct("<Id")
"""At the beginning of a frame: its number on its connection, from 0, and when it was sent (wall clock, seconds)."""


@dataclass
class Receipts:
    """Of one broadcast. `frames`: of each, in order of arrival, when it was sent and the seconds until it was here;
    `chunks`: of each, when it came and the seconds since the edge had received the first frame in it. `missing`:
    numbers that never came; `disordered`: frames that came after a later one."""

    frames: list[tuple[float, float]] = field(default_factory=list)
    chunks: list[tuple[float, float]] = field(default_factory=list)
    missing: int = 0
    disordered: int = 0
    expected: int = 0
    rest: bytes = b""

    def note(self, chunk: pb.AudioChunk, now: float, frame_bytes: int) -> None:
        """A chunk came: whole frames, or parts of them that others complete."""
        self.chunks.append((now, now - chunk.received_at.seconds - chunk.received_at.nanos / 1e9))
        audio = self.rest + chunk.audio
        whole = len(audio) - len(audio) % frame_bytes
        for start in range(0, whole, frame_bytes):
            number, sent = STAMP.unpack_from(audio, start)
            self.frames.append((sent, now - sent))
            if number < self.expected:
                self.disordered += 1
                self.missing -= 1
            else:
                self.missing += number - self.expected
                self.expected = number + 1
        self.rest = audio[whole:]


class Noting(TranscriptionServiceServicer):
    """The service. `frame_bytes`: of every talker's frames."""

    def __init__(self, path: Path, frame_bytes: int) -> None:
        self._path = path
        self._frame_bytes = frame_bytes

    async def Broadcast(  # noqa: N802 - named by the proto
        self, request_iterator: AsyncIterator[pb.BroadcastRequest], context: Context
    ) -> AsyncIterator[pb.BroadcastResponse]:
        await anext(request_iterator)
        yield pb.BroadcastResponse(started=pb.BroadcastStarted(recognition_engine="none"))
        receipts = Receipts()
        async for request in request_iterator:
            if request.HasField("audio"):
                receipts.note(request.audio, time.time(), self._frame_bytes)
        line = json.dumps(asdict(receipts), default=len)
        with self._path.open("a") as lines:
            lines.write(line + "\n")

    async def ListLanguages(  # noqa: N802
        self, request: pb.ListLanguagesRequest, context: Context
    ) -> pb.ListLanguagesResponse:
        targets = [pb.TargetLanguage(language=language) for language in ("es", "fr", "pt")]
        return pb.ListLanguagesResponse(sources=[pb.SourceLanguage(language="en", targets=targets)])

    async def StreamingRecognize(  # noqa: N802
        self, request_iterator: AsyncIterator[pb.StreamingRecognizeRequest], context: Context
    ) -> AsyncIterator[pb.StreamingRecognizeResponse]:
        raise NotImplementedError
        yield


async def main() -> None:
    noting = Noting(Path(os.environ["BENCH_RECEIPTS"]), int(os.environ["BENCH_FRAME_BYTES"]))
    register = partial(add_TranscriptionServiceServicer_to_server, noting)
    await serve(os.environ["TRANSCRIPTION_LISTEN"], register, [SERVICE], drain_seconds=1.0)


if __name__ == "__main__":
    uvloop.run(main())
