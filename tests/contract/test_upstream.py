"""The stream to transcription_svc over real gRPC: what the recogniser gets when a stream breaks and another follows."""

import asyncio
from functools import partial

import grpc

from chassis.errors import Unavailable
from edge.domain.speaker import Chunk
from edge.upstream import LOST, RECOVERED, BroadcastSettings, Heard, Upstream
from protos.transcription.v1 import transcription_pb2 as pb
from protos.transcription.v1.transcription_pb2_grpc import add_TranscriptionServiceServicer_to_server as add
from tests.fakes.serving import served
from tests.fakes.transcription import FakeTranscription

SECONDS = 0.1
BYTES = 3_200


def chunk(number: int) -> Chunk:
    """The session's `number`th."""
    return Chunk(bytes([number]) * BYTES, number * SECONDS, 0.0)


async def test_audio_that_comes_while_there_is_no_stream_costs_nothing_of_what_is_said_again() -> None:
    fake, heard = FakeTranscription(), asyncio.Queue[Heard]()

    async def hears(reason: str) -> None:
        async with asyncio.timeout(30):
            while getattr(await heard.get(), "reason", "") != reason:
                pass

    async with served(partial(add, fake)) as address, grpc.aio.insecure_channel(address) as channel:
        upstream = Upstream(channel, BroadcastSettings("s", "en", "standard"), heard.put_nowait, tell_after=0.0)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(upstream.run())
            former = await fake.stream(1)
            for number in range(3):
                upstream.put(chunk(number))
            await former.until(lambda: len(former.bytes_heard) == 3 * BYTES)
            former.say(source_caption=pb.SourceCaption(segment_id=1, text="so"))
            await hears(RECOVERED)
            fake.refuse_with = Unavailable("TRANSCRIPTION_DOWN", "as the test wants it")
            former.hang_up(fake.refuse_with)
            await hears(LOST)
            for number in range(3, 6):
                upstream.put(chunk(number))
                for _ in range(20):
                    await asyncio.sleep(0)  # Whoever waits for audio has its turn.
            fake.refuse_with = None
            following = await fake.stream(2)
            await following.until(lambda: bytes([5]) in following.bytes_heard)
            running.cancel()
        assert following.bytes_heard == b"".join(chunk(number).audio for number in range(6))
