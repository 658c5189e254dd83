"""A real talk through the five real processes with the real local engines: the proof that the whole thing works."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from chassis.calling import connect
from chassis.system import System, launched
from edge.client import AudioDropped, Caption, CueEnd, CueStart, Listener, SourceCaption, Speaker, pace
from protos.audio.v1 import audio_pb2
from protos.transcription.v1 import transcription_pb2 as pb
from protos.transcription.v1.transcription_pb2_grpc import TranscriptionServiceStub
from tests import recordings
from tests.e2e.talks import Received, gone, silence
from tests.recordings import Recording, chrf, plain, word_error_rate

pytestmark = [
    pytest.mark.local_engines,
    pytest.mark.asyncio(loop_scope="module"),
    # Models load, and 35 s of speech take 35 s and more, on two busy cores.
    pytest.mark.timeout(400),
]

LANGUAGES = ("pt", "es")


@dataclass
class Talk:
    """What came of the talk."""

    recording: Recording
    told: Received
    heard: dict[str, Received]
    memory_bytes: int
    recognised_back: str


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def talk(tmp_path_factory: pytest.TempPathFactory, models: Path) -> AsyncIterator[Talk]:
    data = tmp_path_factory.mktemp("data")
    (data / "models").symlink_to(models)
    recording = recordings.talk("en") if recordings.HERE else recordings.two_cities(data)
    async with launched(data=data, engines="local") as system, asyncio.timeout(300):
        told, heard = Received(), {language: Received() for language in LANGUAGES}
        async with asyncio.TaskGroup() as tasks, Speaker.open(system.url, system.speaker_token) as speaker:
            tasks.create_task(told.read(speaker))
            for language in LANGUAGES:
                tasks.create_task(listen(system.url, speaker.session_id, language, heard[language]))
            await asyncio.sleep(1.0)
            # A microphone goes on when the last word is said.
            async for chunk in pace(recording.audio + silence(2.0)):
                await speaker.send(chunk)
            memory = system.rss_bytes()
            await told.until(lambda so_far: not so_far.open_segment())
            await speaker.end()
        await gone(data)
        back = await recognised(system, "pt", voices(heard["pt"]))
        yield Talk(recording, told, heard, memory, back)


async def listen(url: str, session_id: str, language: str, received: Received) -> None:
    async with Listener.open(url, session_id, language) as listener:
        await received.read(listener)


def voices(received: Received) -> bytes:
    """All cues one after the other, with a pause between them."""
    return b"".join(received.voice(cue.cue_id) + silence(0.8) for cue in received.of(CueStart))


async def recognised(system: System, language: str, pcm: bytes) -> str:
    """What the system itself hears in some audio."""
    audio_format = audio_pb2.AudioFormat(encoding=audio_pb2.AUDIO_ENCODING_PCM_S16LE, sample_rate_hertz=16_000)

    async def requests() -> AsyncIterator[pb.StreamingRecognizeRequest]:
        config = pb.RecognitionConfig(language=language, audio_format=audio_format, final_only=True)
        yield pb.StreamingRecognizeRequest(config=config)
        for start in range(0, len(pcm), 3200):
            yield pb.StreamingRecognizeRequest(audio=pcm[start : start + 3200])

    async with connect(system.addresses["transcription"]) as channel:
        finals = TranscriptionServiceStub(channel).StreamingRecognize(requests())
        return " ".join([word.text async for final in finals for word in final.words])


def text_of(captions: Iterable[Caption | SourceCaption]) -> str:
    return " ".join(caption.text for caption in captions)


async def test_the_talk_is_recognised(talk: Talk) -> None:
    assert word_error_rate(talk.recording.text, text_of(talk.told.source_finals)) <= 0.15


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_segment_is_captioned_and_voiced_once_and_in_order(talk: Talk, language: str) -> None:
    received = talk.heard[language]
    received.check_in_order()
    segments = [caption.segment_id for caption in talk.told.source_finals]
    assert [caption.segment_id for caption in received.finals] == segments
    assert len(received.of(CueEnd)) == len(received.of(CueStart))
    # On a busy machine the voice of a segment may be given up; then it is told.
    given_up = sum(dropped.cues for dropped in received.of(AudioDropped))
    assert len(received.of(CueStart)) + given_up == len(segments)
    assert given_up <= len(segments) / 4


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_captions_say_what_was_said(talk: Talk, language: str) -> None:
    """Against a vendor's loose rendering of the same text: enough to tell a translation from a wrong one."""
    if language not in talk.recording.references:
        pytest.skip("this recording has no reference translation")
    assert chrf(talk.recording.references[language], text_of(talk.heard[language].finals)) >= 50


async def test_the_voice_says_what_its_captions_say(talk: Talk) -> None:
    spoken = {cue.segment_id for cue in talk.heard["pt"].of(CueStart)}
    captions = text_of(caption for caption in talk.heard["pt"].finals if caption.segment_id in spoken)
    assert chrf(plain(captions), plain(talk.recognised_back)) >= 70


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_voice_is_about_as_long_as_the_talk(talk: Talk, language: str) -> None:
    spoken = len(talk.heard[language].voice()) / 32_000
    assert 0.6 * talk.recording.seconds < spoken < 1.5 * talk.recording.seconds


async def test_five_processes_with_local_engines_stay_under_two_and_a_half_gigabytes(talk: Talk) -> None:
    assert talk.memory_bytes < 2.5e9
