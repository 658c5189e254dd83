"""Our own edge under load: the real one, with real handshakes, feeds and encoding, in front of services played by hand.

What is published goes onto its bus as cues of CUE_FRAMES pieces, as a broadcast would say them.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import uvloop

from chassis.calling import connect
from chassis.telemetry import telemetry
from edge.app import make_app, serve_http
from edge.collecting import keep_pauses_short
from edge.config import Config
from edge.domain.feed import CueAudio, CueEnded, CueStarted, Topic
from edge.edge import Edge, open_edge
from edge.nats_bus import open_bus
from protos.session.v1 import session_pb2 as pb
from protos.session.v1.session_pb2_grpc import add_SessionServiceServicer_to_server
from protos.transcription.v1.transcription_pb2_grpc import add_TranscriptionServiceServicer_to_server
from tests.fakes.edge import NamedTokens
from tests.fakes.serving import served
from tests.fakes.session import FakeSessions, Kept
from tests.fakes.transcription import FakeTranscription
from tests.load.control import Tick, announce, obey

LANGUAGES: Final = ("es", "fr", "pt", "it", "ca", "gl", "de", "nl")
LOOPS: Final = {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}
CUE_FRAMES: Final = 30
FRAME_SECONDS: Final = 0.1


class CrowdedSessions(FakeSessions):
    """Takes thousands of listeners: nobody is told each time that one more has come."""

    async def _count(self, kept: Kept) -> None:
        kept.session.listener_count = len(kept.listeners)


class Voice:
    """What is said in one feed."""

    def __init__(self, edge: Edge, topic: Topic) -> None:
        self._bus, self._topic = edge.bus, topic
        self._cues, self._frames, self._number = 0, 0, 0

    def say(self, audio: bytes) -> None:
        language = self._topic.language
        if not self._frames:
            self._cues += 1
            self._bus.publish(self._topic, CueStarted(self._cue, self._cues, language, 16_000, 0, 3_000, 1.0))
        self._frames, self._number = self._frames + 1, self._number + 1
        self._bus.publish(self._topic, CueAudio(self._cue, language, audio, FRAME_SECONDS, self._number))
        if self._frames == CUE_FRAMES:
            self.end()

    def end(self) -> None:
        """Of the cue under way: who comes now hears the next from its start."""
        if self._frames:
            duration = round(1000 * self._frames * FRAME_SECONDS)
            self._bus.publish(self._topic, CueEnded(self._cue, self._topic.language, duration))
            self._frames = 0

    @property
    def _cue(self) -> str:
        return f"{self._topic.language}-{self._cues}"


async def main(options: argparse.Namespace) -> None:
    languages = LANGUAGES[: options.languages]
    opening = edge_with(options.sessions, languages, nats=options.nats)
    async with opening as (edge, url, session_ids), alongside(edge, options.plain_gc):
        topics = [Topic(session_id, language) for session_id in session_ids for language in languages]
        voices = [Voice(edge, topic) for topic in topics]

        async def publish(tick: Tick) -> None:
            for feed, audio in tick:
                voices[feed].say(audio)

        def end() -> None:
            for voice in voices:
                voice.end()

        paths = [f"/ws?sessionId={topic.session_id}&targetLanguage={topic.language}" for topic in topics]
        announce(int(url.rsplit(":", 1)[1]), version="this commit", paths=paths)
        await obey(publish, done=end)


@asynccontextmanager
async def alongside(edge: Edge, plain_gc: bool) -> AsyncIterator[None]:
    """What the edge's own `__main__` has running beside it."""
    async with asyncio.TaskGroup() as tasks:
        pauses = None if plain_gc else tasks.create_task(keep_pauses_short(edge))
        yield
        if pauses is not None:
            pauses.cancel()


@asynccontextmanager
async def edge_with(
    sessions: int, languages: Sequence[str], nats: Sequence[str] = ()
) -> AsyncIterator[tuple[Edge, str, list[str]]]:
    """An edge, its address, and the sessions that are open there, to be heard in these languages. `nats`: URLs of the
    bus, if there is another edge."""
    store, transcription = CrowdedSessions(), FakeTranscription()
    transcription.offered = {"en": tuple(languages)}
    session_ids = [await opened(store, f"speaker-{number}") for number in range(sessions)]
    # Who is slow here is slow because it is told to be; nobody comes from an address of its own.
    config = Config.model_validate(
        {"host": "127.0.0.1", "drain_seconds": 0.1, "limit_addresses": False, "heard_within_seconds": 3_600.0}
    )
    async with (
        served(partial(add_SessionServiceServicer_to_server, store)) as session_address,
        served(partial(add_TranscriptionServiceServicer_to_server, transcription)) as transcription_address,
        connect(session_address) as session,
        connect(transcription_address) as transcribing,
        open_bus(nats) as bus,
        open_edge(config, NamedTokens(), session, transcribing, bus) as edge,
        serve_http(make_app(edge), "127.0.0.1", 0) as url,
    ):
        async with asyncio.timeout(30):
            await edge.until_ready()
        yield edge, url, session_ids


async def opened(store: FakeSessions, speaker: str) -> str:
    """A session whose speaker is not on this edge."""
    kept = Kept(
        pb.Session(
            session_id=f"patient-ark-{100 + len(store.kept)}",
            state=pb.SESSION_STATE_LIVE,
            source_language="en",
            quality_tier="standard",
            broadcast_state=pb.BroadcastState(active=True, volume=1.0),
        ),
        user_id=speaker,
        speaker=speaker,
        pin="",
    )
    store.kept[kept.session.session_id] = kept
    return kept.session.session_id


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=1)
    parser.add_argument("--languages", type=int, default=1, help="of each session")
    parser.add_argument("--loop", choices=LOOPS, default="uvloop")
    parser.add_argument("--plain-gc", action="store_true", help="leave the garbage collector as Python has it")
    parser.add_argument("--nats", action="append", default=[], help="URL of the bus")
    return parser.parse_args()


if __name__ == "__main__":
    options = arguments()
    with telemetry("edge", "", "warning"), asyncio.Runner(loop_factory=LOOPS[options.loop]) as runner:
        runner.run(main(options))
