"""A gRPC service whose one call takes a while, to be told to stop in the middle of it.

`python -m tests.fakes.slow_service HOST:PORT SECONDS` prints `entered` when a call has begun.
"""

import asyncio
import sys
from functools import partial

import grpc

from chassis.serving import serve
from protos.session.v1 import session_pb2, session_pb2_grpc


class Slow(session_pb2_grpc.SessionServiceServicer):
    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def GetSession(
        self, request: session_pb2.GetSessionRequest, context: grpc.aio.ServicerContext[object, object]
    ) -> session_pb2.GetSessionResponse:
        print("entered", flush=True)
        await asyncio.sleep(self._seconds)
        return session_pb2.GetSessionResponse()


if __name__ == "__main__":
    slow = Slow(float(sys.argv[2]))  # type: ignore[abstract]
    register = partial(session_pb2_grpc.add_SessionServiceServicer_to_server, slow)
    asyncio.run(serve(sys.argv[1], register, ["lingocast.session.v1.SessionService"]))
