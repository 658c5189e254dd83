"""How the speaker sounds, over real sockets: what of it the voice is told (T7), and what the speaker (T8)."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import numpy as np
import pytest

from chassis.pcm import Samples, to_bytes
from protos.audio.v1 import audio_pb2
from protos.synthesis.v1 import synthesis_pb2
from protos.transcription.v1 import transcription_pb2 as pb
from tests.alterations import echoing, still, talk, voice
from tests.contract.test_broadcast import audio, config, sending, sources, system
from tests.fakes.recognizer import Line
from transcription_svc.domain.hypothesis import Hypothesis

CHUNK_BYTES = 3200
SECONDS = 3.0


def chunks(wave: Samples) -> list[pb.BroadcastRequest]:
    whole = to_bytes(wave)
    return [audio(index, whole[at : at + CHUNK_BYTES]) for index, at in enumerate(range(0, len(whole), CHUNK_BYTES))]


class Long(Line):
    """As long as all sounds are here."""

    def hypothesis(self) -> Hypothesis:
        said = super().hypothesis()
        first, *rest = said.words
        return replace(said, words=(replace(first, start=self.at - SECONDS), *rest))


async def voiced(*sounds: Samples) -> list[synthesis_pb2.SynthesizeRequest]:
    """What synthesis is asked for when each sound is a segment."""
    script = [Long((index + 1) * SECONDS, f"Number {index}.", utterance=index + 1) for index in range(len(sounds))]
    async with system(script) as lingocast:
        await lingocast.broadcast(sending(config("es"), *chunks(np.concatenate(sounds))))
        requests = list(lingocast.synthesis.requests)
    assert [request.text for request in requests] == [f"es:Number {index}." for index in range(len(sounds))]
    return requests


def sounding(syllables: float, level: float = 0.1) -> Samples:
    return voice(SECONDS, syllables, level)


@pytest.mark.parametrize(
    ("level", "volume"),
    [
        (0.3, audio_pb2.VOLUME_CLASS_LOUD),
        (0.1, audio_pb2.VOLUME_CLASS_MEDIUM),
        (0.04, audio_pb2.VOLUME_CLASS_SOFT),
        (0.012, audio_pb2.VOLUME_CLASS_WHISPER),
    ],
)
async def test_the_voice_is_as_loud_as_the_speaker(level: float, volume: int) -> None:
    usual = sounding(3.5)
    *before, changed, after = await voiced(usual, usual, usual, sounding(3.5, level), usual)
    assert {request.dynamics.volume for request in (*before, after)} == {audio_pb2.VOLUME_CLASS_MEDIUM}
    assert changed.dynamics.volume == volume
    assert changed.dynamics.level_dbfs == pytest.approx(-16.0 + 20 * np.log10(level / 0.1), abs=1.5)


@pytest.mark.parametrize(
    ("syllables", "rate"), [(2.0, audio_pb2.RATE_CLASS_VERY_SLOW), (7.0, audio_pb2.RATE_CLASS_VERY_FAST)]
)
async def test_the_voice_is_as_fast_as_the_speaker(syllables: float, rate: int) -> None:
    usual = sounding(3.5)
    *before, changed = await voiced(usual, usual, usual, sounding(syllables))
    assert {request.dynamics.rate for request in before} == {audio_pb2.RATE_CLASS_MEDIUM}
    assert changed.dynamics.rate == rate


async def test_the_voice_is_excited_when_the_speaker_is() -> None:
    usual = sounding(3.5)
    *before, changed, softer = await voiced(usual, usual, usual, sounding(5.5, 0.3), sounding(3.5, 0.03))
    assert {request.dynamics.emotion for request in before} == {audio_pb2.EMOTION_NEUTRAL}
    assert (changed.dynamics.emotion, softer.dynamics.emotion) == (audio_pb2.EMOTION_EXCITED, audio_pb2.EMOTION_CALM)
    assert changed.dynamics.intensity > 0.4 > before[-1].dynamics.intensity


async def test_the_gain_of_a_microphone_reaches_no_voice() -> None:
    quiet, loud = sounding(3.5, level=0.01), sounding(3.5, level=0.4)
    for usual in (quiet, loud):
        assert {request.dynamics.volume for request in await voiced(usual, usual)} == {audio_pb2.VOLUME_CLASS_MEDIUM}


async def told(wave: Samples) -> list[pb.QualityWarning | pb.QualityRecovered]:
    async with system([Line(1.0, "Still here.")]) as lingocast:
        out = await lingocast.broadcast(sending(config(), *chunks(wave)))
    assert sources(out) == ["Still here."]
    found: list[pb.QualityWarning | pb.QualityRecovered] = []
    for each in out:
        if each.HasField("quality_warning"):
            found.append(each.quality_warning)
        elif each.HasField("quality_recovered"):
            found.append(each.quality_recovered)
    return found


FLAWS: dict[int, tuple[Callable[[], Samples], float]] = {
    pb.QUALITY_ISSUE_SNR_LOW: (lambda: talk(15.0) + still(15.0, -30.0), 20.0),
    pb.QUALITY_ISSUE_CLIPPING: (lambda: talk(4.0, level=3.0), 0.01),
    pb.QUALITY_ISSUE_ECHO: (lambda: echoing(talk(15.0), 0.2, -6.0), -15.0),
    pb.QUALITY_ISSUE_SILENCE: (lambda: still(6.0), -50.0),
}


@pytest.mark.parametrize("issue", FLAWS)
async def test_a_flaw_is_told_with_its_figures_and_again_when_it_is_over(issue: int) -> None:
    make, threshold = FLAWS[issue]
    warning, recovered = await told(np.concatenate([make(), talk(18.0)]))
    assert isinstance(warning, pb.QualityWarning)
    assert warning.issue == recovered.issue == issue
    assert isinstance(recovered, pb.QualityRecovered)
    assert warning.threshold == pytest.approx(threshold)
    assert (warning.value > warning.threshold) is (issue in {pb.QUALITY_ISSUE_CLIPPING, pb.QUALITY_ISSUE_ECHO})
    assert warning.advice.endswith(".")


async def test_nothing_is_told_of_a_clean_voice() -> None:
    assert await told(talk(20.0)) == []


async def test_a_flaw_that_lasts_is_told_once_a_minute() -> None:
    found = await told(still(70.0))
    assert [each.issue for each in found] == [pb.QUALITY_ISSUE_SILENCE] * 2


async def test_chunks_of_other_sizes_are_judged_alike() -> None:
    wave = to_bytes(np.concatenate([still(6.0), talk(2.0)]))

    async def steps(size: int) -> AsyncIterator[pb.BroadcastRequest]:
        yield config()
        for at in range(0, len(wave), size):
            request = audio(0, wave[at : at + size])
            request.audio.start_offset.FromNanoseconds(round(at / 32_000 * 1e9))
            yield request

    for size in (640, 3_202, 32_000):
        async with system([Line(1.0, "Still here.")]) as lingocast:
            out = await lingocast.broadcast(steps(size))
        kinds = [str(each.WhichOneof("response")) for each in out]
        assert [kind for kind in kinds if kind.startswith("quality")] == ["quality_warning", "quality_recovered"]
