"""The broadcast stream of transcription_svc (T1–T6), over real sockets, with a recogniser told what to believe."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from chassis.calling import connect
from chassis.errors import Exhausted, Invalid, LingocastError, Unavailable, rpc_errors
from protos.audio.v1 import audio_pb2
from protos.synthesis.v1.synthesis_pb2_grpc import add_SynthesisServiceServicer_to_server
from protos.transcription.v1 import transcription_pb2 as pb
from protos.transcription.v1.transcription_pb2_grpc import (
    TranscriptionServiceStub,
    add_TranscriptionServiceServicer_to_server,
)
from protos.translation.v1 import translation_pb2
from protos.translation.v1.translation_pb2_grpc import add_TranslationServiceServicer_to_server
from tests.fakes.downstream import FakeSynthesis, FakeTranslation
from tests.fakes.recognizer import FakeRecognizer, Line, Unsure
from tests.fakes.serving import served
from transcription_svc.downstream import open_downstream
from transcription_svc.servicer import Transcription

if TYPE_CHECKING:
    from protos.transcription.v1.transcription_pb2_grpc import TranscriptionServiceAsyncStub

FORMAT = audio_pb2.AudioFormat(encoding=audio_pb2.AUDIO_ENCODING_PCM_S16LE, sample_rate_hertz=16_000)
CHUNK = bytes(3200)


@dataclass
class System:
    """One transcription_svc with everything it calls."""

    stub: "TranscriptionServiceAsyncStub"
    recognizer: FakeRecognizer
    translation: FakeTranslation
    synthesis: FakeSynthesis

    async def broadcast(self, steps: AsyncIterator[pb.BroadcastRequest]) -> list[pb.BroadcastResponse]:
        with rpc_errors():
            return [response async for response in self.stub.Broadcast(steps)]


@asynccontextmanager
async def system(*scripts: Sequence[Line | LingocastError], max_streams: int = 10) -> AsyncIterator[System]:
    recognizer, translation, synthesis = FakeRecognizer(list(scripts)), FakeTranslation(), FakeSynthesis()
    async with AsyncExitStack() as stack:
        below = await stack.enter_async_context(
            served(
                partial(add_TranslationServiceServicer_to_server, translation),
                partial(add_SynthesisServiceServicer_to_server, synthesis),
            )
        )
        downstream = await stack.enter_async_context(open_downstream(below, below))
        servicer = Transcription(recognizer, downstream, max_streams)
        address = await stack.enter_async_context(served(partial(add_TranscriptionServiceServicer_to_server, servicer)))
        channel = await stack.enter_async_context(connect(address))
        yield System(TranscriptionServiceStub(channel), recognizer, translation, synthesis)


def config(*targets: str, language: str = "en", **more: Any) -> pb.BroadcastRequest:
    return pb.BroadcastRequest(
        config=pb.BroadcastConfig(
            session_id="faithful-shepherd-427",
            source_language=language,
            audio_format=FORMAT,
            target_languages=targets,
            **more,
        )
    )


def audio(index: int, chunk: bytes = CHUNK) -> pb.BroadcastRequest:
    out = pb.AudioChunk(audio=chunk)
    out.start_offset.FromTimedelta(timedelta(seconds=index * 0.1))
    out.received_at.GetCurrentTime()
    return pb.BroadcastRequest(audio=out)


def targets(*languages: str) -> pb.BroadcastRequest:
    return pb.BroadcastRequest(targets=pb.SetTargets(languages=languages))


async def sending(*steps: pb.BroadcastRequest | float) -> AsyncIterator[pb.BroadcastRequest]:
    """The steps in turn; a number waits that many seconds."""
    for step in steps:
        if isinstance(step, float):
            await asyncio.sleep(step)
        else:
            yield step


def talk(seconds: float, start: float = 0.0) -> list[pb.BroadcastRequest]:
    return [audio(round(start * 10) + index) for index in range(round(seconds * 10))]


def captions(responses: list[pb.BroadcastResponse], language: str) -> list[str]:
    """The final ones."""
    return [caption.text for caption in shown(responses, language) if caption.is_final]


def shown(responses: list[pb.BroadcastResponse], language: str) -> list[pb.Caption]:
    found = (each.caption for each in responses if each.HasField("caption"))
    return [caption for caption in found if caption.language == language]


def sources(responses: list[pb.BroadcastResponse]) -> list[str]:
    found = (each.source_caption for each in responses if each.HasField("source_caption"))
    return [caption.text for caption in found if caption.is_final]


def voiced(responses: list[pb.BroadcastResponse], language: str) -> bytes:
    found = (each.cue_audio for each in responses if each.HasField("cue_audio"))
    return b"".join(cue.audio for cue in found if cue.language == language)


def kinds(responses: list[pb.BroadcastResponse], language: str) -> list[str]:
    """The cue events of one language, repeated audio told once."""
    out: list[str] = []
    for each in responses:
        kind = each.WhichOneof("response")
        if kind in {"cue_start", "cue_audio", "cue_end"} and getattr(each, kind).language == language:
            out += [kind] if out[-1:] != [kind] else []
    return out


async def test_a_sentence_comes_out_as_text_and_voice_in_every_wanted_language() -> None:
    async with system([Line(1.0, "God is good.")]) as lingocast:
        out = await lingocast.broadcast(sending(config("es", "pt"), *talk(1.5)))
    assert out[0].started.recognition_engine == "fake"
    assert sources(out) == ["God is good."]
    assert captions(out, "es") == ["es:God is good."]
    assert captions(out, "pt") == ["pt:God is good."]
    assert kinds(out, "es") == kinds(out, "pt") == ["cue_start", "cue_audio", "cue_end"]
    assert voiced(out, "es") == b"e" * 9600


async def test_cues_say_which_segment_they_speak_and_when_it_was_said() -> None:
    async with system([Line(2.0, "God is good.")]) as lingocast:
        out = await lingocast.broadcast(sending(config("es", first_segment_id=5), *talk(2.5)))
    start = next(each.cue_start for each in out if each.HasField("cue_start"))
    assert (start.cue_id, start.segment_id, start.language) == ("5-es", 5, "es")
    assert start.span.start_offset.ToMilliseconds() == pytest.approx(1000, abs=1)
    assert start.span.end_offset.ToMilliseconds() == pytest.approx(2000, abs=1)
    assert start.format == FORMAT


async def test_partials_are_shown_to_the_speaker_as_they_come() -> None:
    script = [Line(0.5, "God is", final=False), Line(1.0, "God is good.", final=True)]
    async with system(script) as lingocast:
        out = await lingocast.broadcast(sending(config(), *talk(0.6), 0.3, *talk(0.6, start=0.6)))
    texts = [
        (each.source_caption.text, each.source_caption.is_final) for each in out if each.HasField("source_caption")
    ]
    assert ("God is", False) in texts
    assert texts[-1] == ("God is good.", True)


HILLS = "Hills rise slowly upward beyond Rome nobody ever knows why rivers start small"


async def test_the_open_segment_is_shown_in_translation_but_for_its_last_words() -> None:
    async with system([Line(1.0, HILLS, final=False), Line(3.0, HILLS + " yet.")]) as lingocast:
        out = await lingocast.broadcast(sending(config("es"), *talk(1.2), 0.5, *talk(2.0, start=1.2)))
    found = [(each.text, each.is_final, each.stable_chars) for each in shown(out, "es")]
    assert found == [
        ("es:Hills rise slowly upward beyond Rome nobody ever knows", False, 0),
        (f"es:{HILLS} yet.", True, len(f"es:{HILLS} yet.")),
    ]
    assert [request.partial for request in lingocast.translation.requests] == [True, False]
    assert [request.text for request in lingocast.synthesis.requests] == [f"es:{HILLS} yet."]


async def test_a_draft_with_the_closed_segments_text_is_its_translation() -> None:
    sentence = "Nobody knows the name of it"
    async with system([Line(1.0, sentence, final=False), Line(3.0, sentence)]) as lingocast:
        out = await lingocast.broadcast(sending(config("es", "pt"), *talk(1.2), 0.5, *talk(2.0, start=1.2)))
    assert captions(out, "es") == [f"es:{sentence}"]
    assert captions(out, "pt") == [f"pt:{sentence}"]
    assert [request.partial for request in lingocast.translation.requests] == [True]


async def test_a_draft_that_is_still_under_way_when_its_text_is_closed_is_waited_for() -> None:
    sentence = "Nobody knows the name of it"
    async with system([Line(1.0, sentence, final=False), Line(1.3, sentence)]) as lingocast:
        lingocast.translation.text_delays = {sentence: 1.0}
        out = await lingocast.broadcast(sending(config("es"), *talk(1.1), 0.2, *talk(1.0, start=1.1)))
    assert [(each.text, each.is_final) for each in shown(out, "es")] == [(f"es:{sentence}", True)]
    assert len(lingocast.translation.requests) == 1


async def test_a_draft_that_fails_in_one_language_is_asked_for_again_when_the_segment_closes() -> None:
    sentence = "Nobody knows the name of it"
    async with system([Line(1.0, sentence, final=False), Line(3.0, sentence)]) as lingocast:
        lingocast.translation.failing = {"es"}

        async def steps() -> AsyncIterator[pb.BroadcastRequest]:
            async for step in sending(config("es", "pt"), *talk(1.2), 0.5):
                yield step
            lingocast.translation.failing.clear()
            async for step in sending(*talk(2.0, start=1.2)):
                yield step

        out = await lingocast.broadcast(steps())
    assert captions(out, "es") == [f"es:{sentence}"]
    assert captions(out, "pt") == [f"pt:{sentence}"]
    asked = [(request.partial, list(request.target_languages)) for request in lingocast.translation.requests]
    assert asked == [(True, ["es", "pt"]), (False, ["es"])]
    assert not any(each.HasField("language_status") for each in out), "a draft that fails is no failure"


async def test_a_draft_never_delays_a_final() -> None:
    """The draft would take a minute; the final comes at once, and nothing of the draft is ever shown."""
    async with system([Line(1.0, HILLS, final=False), Line(1.4, HILLS + " yet.")]) as lingocast:
        lingocast.translation.text_delays = {HILLS: 60.0}
        out = await lingocast.broadcast(sending(config("es"), *talk(1.1), 0.3, *talk(1.0, start=1.1)))
    assert [(each.text, each.is_final) for each in shown(out, "es")] == [(f"es:{HILLS} yet.", True)]


async def test_a_session_of_finals_only_has_no_drafts() -> None:
    async with system([Line(1.0, HILLS, final=False), Line(3.0, HILLS)]) as lingocast:
        steps = sending(config("es", final_only=True), *talk(1.2), 0.5, *talk(2.0, start=1.2))
        out = await lingocast.broadcast(steps)
    assert [(each.text, each.is_final) for each in shown(out, "es")] == [(f"es:{HILLS}", True)]
    assert [request.partial for request in lingocast.translation.requests] == [False]


async def test_words_that_were_taken_back_vanish_from_the_translation_too() -> None:
    async with system([Unsure(1.0, HILLS, final=False), Line(3.0, "", final=True)]) as lingocast:
        out = await lingocast.broadcast(sending(config("es"), *talk(1.2), 0.5, *talk(2.0, start=1.2)))
    assert [(each.text, each.is_final) for each in shown(out, "es")] == [
        ("es:Hills rise slowly upward beyond Rome nobody ever knows", False),
        ("", False),
    ]


async def test_a_final_that_contradicts_what_was_closed_corrects_the_captions_and_is_not_spoken() -> None:
    script = [Line(1.0, "I went to sea.", final=False), Line(1.1, "He wants two seas.", final=True)]
    async with system(script) as lingocast:
        out = await lingocast.broadcast(sending(config("es"), *talk(1.05), 0.5, *talk(1.0, start=1.05)))
    assert sources(out) == ["I went to sea.", "He wants two seas."]
    assert captions(out, "es") == ["es:I went to sea.", "es:He wants two seas."]
    assert {each.segment_id for each in shown(out, "es")} == {1}
    assert [request.text for request in lingocast.synthesis.requests] == ["es:I went to sea."]


async def test_the_stability_that_is_asked_for_reaches_the_engine() -> None:
    async with system([], []) as lingocast:
        await lingocast.broadcast(sending(config(min_stability=0.95), *talk(0.2)))
        await lingocast.broadcast(sending(config(), *talk(0.2)))
    assert [options.min_stability for options in lingocast.recognizer.opened] == [0.95, 0.85]


async def test_without_listeners_nothing_is_translated() -> None:
    """T5."""
    async with system([Line(1.0, "God is good.")]) as lingocast:
        out = await lingocast.broadcast(sending(config(), *talk(1.5)))
    assert sources(out) == ["God is good."]
    assert lingocast.translation.requests == []
    assert lingocast.synthesis.requests == []


async def test_all_languages_of_a_segment_are_translated_in_one_call() -> None:
    async with system([Line(1.0, "God is good.")]) as lingocast:
        await lingocast.broadcast(sending(config("es", "pt", "de"), *talk(1.5)))
    assert [list(request.target_languages) for request in lingocast.translation.requests] == [["de", "es", "pt"]]


async def test_captions_stay_in_order_when_translations_overtake_each_other() -> None:
    async with system([Line(1.0, "One. Two. Three.")]) as lingocast:
        lingocast.translation.text_delays = {"One.": 0.4, "Two.": 0.2}
        out = await lingocast.broadcast(sending(config("es"), *talk(1.5)))
    assert captions(out, "es") == ["es:One.", "es:Two.", "es:Three."]
    assert [request.text for request in lingocast.synthesis.requests] == ["es:One.", "es:Two.", "es:Three."]


async def test_a_slow_language_does_not_delay_another() -> None:
    async with system([Line(1.0, "One. Two.")]) as lingocast:
        lingocast.translation.delays = {"pt": 1.0}
        out = await lingocast.broadcast(sending(config("es", "pt"), *talk(1.5)))
    order = [(each.caption.language, each.caption.segment_id) for each in out if each.HasField("caption")]
    assert order == [("es", 1), ("es", 2), ("pt", 1), ("pt", 2)]


async def test_a_failing_translation_is_told_and_leaves_the_other_language_alone() -> None:
    async with system([Line(1.0, "One. Two.")]) as lingocast:
        lingocast.translation.failing = {"es"}
        out = await lingocast.broadcast(sending(config("es", "pt"), *talk(1.5)))
    statuses = [each.language_status for each in out if each.HasField("language_status")]
    assert [(status.language, status.available, status.reason) for status in statuses] == [
        ("es", False, "TRANSLATION_FAILED")
    ]
    assert captions(out, "pt") == ["pt:One.", "pt:Two."]
    dropped = [each.cues_dropped for each in out if each.HasField("cues_dropped")]
    assert [(list(drop.segment_ids), drop.reason) for drop in dropped] == [
        ([1], "TRANSLATION_FAILED"),
        ([2], "TRANSLATION_FAILED"),
    ]


async def test_a_translation_that_nobody_asked_for_is_left_aside() -> None:
    async with system([Line(1.0, "One.")]) as lingocast:
        lingocast.translation.unasked = ["de", "es"]
        out = await lingocast.broadcast(sending(config("es"), *talk(1.5)))
    assert captions(out, "es") == ["es:One."]
    assert captions(out, "de") == []
    assert kinds(out, "es") == ["cue_start", "cue_audio", "cue_end"]


async def test_a_failing_voice_leaves_the_captions_and_is_told_once() -> None:
    async with system([Line(1.0, "One. Two.")]) as lingocast:
        lingocast.synthesis.failing = {"es"}
        out = await lingocast.broadcast(sending(config("es"), *talk(1.5)))
    assert captions(out, "es") == ["es:One.", "es:Two."]
    statuses = [each.language_status for each in out if each.HasField("language_status")]
    assert [(status.available, status.reason) for status in statuses] == [(False, "SYNTHESIS_FAILED")]
    assert kinds(out, "es") == []


async def test_a_voice_that_does_not_begin_in_time_is_asked_for_in_a_hurry() -> None:
    async with system([Line(1.0, "One.")]) as lingocast:
        lingocast.synthesis.silent_unless_hurried = True
        out = await lingocast.broadcast(sending(config("es"), *talk(1.5)))
    assert [request.hurried for request in lingocast.synthesis.requests] == [False, True]
    assert voiced(out, "es") == b"e" * 9600


async def test_more_than_eight_seconds_of_voice_do_not_wait() -> None:
    """The oldest unspoken texts are given up, and told; all captions stay."""
    sentence = "one two three four five six seven eight nine ten."
    script = [Line(float(number), sentence, utterance=number) for number in range(1, 7)]
    async with system(script) as lingocast:
        lingocast.synthesis.silent_unless_hurried = True
        out = await lingocast.broadcast(sending(config("es"), *talk(6.5)))
    assert len(captions(out, "es")) == 6
    dropped = [each.cues_dropped for each in out if each.HasField("cues_dropped")]
    assert {drop.reason for drop in dropped} == {"LAG_LIMIT"}
    gone = [segment for drop in dropped for segment in drop.segment_ids]
    spoken = [each.cue_start.segment_id for each in out if each.HasField("cue_start")]
    assert sorted(gone + spoken) == [1, 2, 3, 4, 5, 6]
    assert spoken[-2:] == [5, 6]


async def test_a_language_that_works_again_is_told() -> None:
    """Once it has worked for two segments in a row."""
    async with system([Line(float(number), f"{number}.", utterance=number) for number in (1, 2, 3)]) as lingocast:
        lingocast.synthesis.failing = {"es"}

        async def steps() -> AsyncIterator[pb.BroadcastRequest]:
            async for step in sending(config("es"), *talk(1.2), 0.5):
                yield step
            lingocast.synthesis.failing.clear()
            async for step in sending(*talk(2.0, start=1.2)):
                yield step

        out = await lingocast.broadcast(steps())
    statuses = [each.language_status.available for each in out if each.HasField("language_status")]
    assert statuses == [False, True]
    assert voiced(out, "es") == b"e" * 19200


async def test_a_voice_that_breaks_half_way_is_closed_properly() -> None:
    async with system([Line(1.0, "One.")]) as lingocast:
        lingocast.synthesis.failing_half_way = {"es"}
        out = await lingocast.broadcast(sending(config("es"), *talk(1.5)))
    assert kinds(out, "es") == ["cue_start", "cue_audio", "cue_end"]
    assert voiced(out, "es") == b"e" * 3200


async def test_a_language_that_is_added_starts_with_the_next_segment() -> None:
    async with system([Line(1.0, "One.", utterance=1), Line(2.0, "Two.", utterance=2)]) as lingocast:
        steps = sending(config("es"), *talk(1.2), 0.3, targets("es", "pt"), 0.1, *talk(1.0, start=1.2))
        out = await lingocast.broadcast(steps)
    assert captions(out, "es") == ["es:One.", "es:Two."]
    assert captions(out, "pt") == ["pt:Two."]


async def test_a_language_that_nobody_wants_any_more_is_not_translated() -> None:
    async with system([Line(1.0, "One.", utterance=1), Line(2.0, "Two.", utterance=2)]) as lingocast:
        steps = sending(config("es", "pt"), *talk(1.2), 0.3, targets("pt"), 0.1, *talk(1.0, start=1.2))
        out = await lingocast.broadcast(steps)
    assert captions(out, "es") == ["es:One."]
    assert captions(out, "pt") == ["pt:One.", "pt:Two."]


async def test_a_language_that_comes_back_goes_on() -> None:
    script = [Line(float(number), f"{number}.", utterance=number) for number in (1, 2, 3)]
    steps: list[pb.BroadcastRequest | float] = [config("es"), *talk(1.2), 0.3]
    steps += [targets(), 0.1, *talk(1.0, start=1.2), 0.3]
    steps += [targets("es"), 0.1, *talk(1.0, start=2.2)]
    async with system(script) as lingocast:
        out = await lingocast.broadcast(sending(*steps))
    assert captions(out, "es") == ["es:1.", "es:3."]
    assert voiced(out, "es") == b"e" * 19200


async def test_the_voice_is_released_at_playing_speed_and_the_stream_ends_when_it_is_played() -> None:
    async with system([Line(1.0, "One.")]) as lingocast:
        lingocast.synthesis.seconds = 2.5
        loop = asyncio.get_running_loop()
        began, arrivals = loop.time(), list[float]()
        async for response in lingocast.stub.Broadcast(sending(config("es"), *talk(1.2))):
            arrivals += [loop.time()] if response.HasField("cue_audio") else []
    assert len(arrivals) == 25
    # Each of 0.1 s, at most 1 s ahead: the last one cannot leave before 1.4 s after the first, which may come late.
    assert arrivals[-1] - began > 1.3


async def test_a_pause_closes_what_was_said() -> None:
    """Silence is added on the recogniser's side, so that any engine ends the utterance."""
    async with system([Line(2.0, "Until here.")]) as lingocast:
        paused = pb.BroadcastRequest(paused=pb.SetPaused(paused=True))
        out: list[str] = []
        call = lingocast.stub.Broadcast(sending(config("es"), *talk(1.0), paused, 2.0))
        async for response in call:
            out += sources([response])
            if out:
                break
        call.cancel()
    assert out == ["Until here."]


async def test_a_pause_told_again_and_again_adds_its_silence_once() -> None:
    paused = pb.BroadcastRequest(paused=pb.SetPaused(paused=True))
    async with system([]) as lingocast:
        await lingocast.broadcast(sending(config(), *talk(1.0), paused, paused, paused))
        assert len(lingocast.recognizer.fed[0]) == 32_000 * (1.0 + 1.2)


async def test_what_is_said_first_after_a_pause_begins_after_it() -> None:
    """The recogniser is given 1 s of speech, 1.2 s of added silence, then a word that begins with the next sample."""
    paused = pb.BroadcastRequest(paused=pb.SetPaused(paused=True))
    async with system([Line(3.2, "Back.")]) as lingocast:
        out = await lingocast.broadcast(sending(config(), *talk(1.0), paused, *talk(1.0, start=30.0)))
    span = next(each.source_caption.span for each in out if each.HasField("source_caption"))
    assert span.start_offset.ToMilliseconds() == pytest.approx(30_000, abs=1)
    assert span.end_offset.ToMilliseconds() == pytest.approx(31_000, abs=1)


async def test_audio_that_stays_away_closes_what_was_said() -> None:
    async with system([Line(2.0, "Until here.")]) as lingocast:
        async for response in lingocast.stub.Broadcast(sending(config(), *talk(1.0), 30.0)):
            if sources([response]):
                break
        assert len(lingocast.recognizer.fed[0]) >= 64_000


async def test_how_the_speaker_sounded_reaches_the_voice() -> None:
    import numpy as np

    at = np.arange(16_000 * 3) / 16_000
    wave = np.sin(2 * np.pi * 150 * at) * (0.05 + np.sin(2 * np.pi * 2 * at) ** 2) * 0.1
    pcm = (wave * 32767).astype("<i2").tobytes()
    chunks = [audio(index, pcm[index * 3200 : (index + 1) * 3200]) for index in range(30)]
    async with system([Line(2.9, "Hear me now.")]) as lingocast:
        await lingocast.broadcast(sending(config("es"), *chunks))
    dynamics = lingocast.synthesis.requests[0].dynamics
    assert dynamics.volume == audio_pb2.VOLUME_CLASS_MEDIUM
    assert dynamics.words_per_minute > 0


async def test_a_recogniser_that_breaks_is_opened_again_and_the_speaker_is_told() -> None:
    lost = Unavailable("RECOGNITION_INTERRUPTED", "lost")
    async with system([lost], [Line(1.0, "Back again.")]) as lingocast:
        out = await lingocast.broadcast(sending(config("es"), *talk(0.3), 1.2, *talk(1.5, start=0.3)))
    assert [each.warning.reason for each in out if each.HasField("warning")] == [
        "RECOGNITION_INTERRUPTED",
        "RECOGNITION_RECOVERED",
    ]
    assert sources(out) == ["Back again."]


async def test_a_recogniser_that_keeps_breaking_ends_the_stream_with_the_reason() -> None:
    lost = Unavailable("TRANSCRIPTION_FAILED", "lost")
    async with system([lost], [lost], [lost], [lost]) as lingocast:
        with pytest.raises(Unavailable) as caught:
            await lingocast.broadcast(
                sending(config("es"), *[step for index in range(40) for step in (audio(index), 0.1)])
            )
    assert caught.value.reason == "TRANSCRIPTION_FAILED"


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ([audio(0)], "MISSING_CONFIG"),
        ([], "MISSING_CONFIG"),
        ([config("es", language="ja")], "UNSUPPORTED_LANGUAGE"),
        ([config("es", language="!!")], "INVALID_LANGUAGE"),
        ([config("es", quality_tier="best")], "INVALID_PARAMETER"),
        ([config("es", min_stability=0.2)], "INVALID_PARAMETER"),
        ([pb.BroadcastRequest(config=pb.BroadcastConfig(source_language="en"))], "INVALID_AUDIO_FORMAT"),
        ([config("es"), audio(0, b"odd")], "INVALID_AUDIO_FORMAT"),
        ([config("es"), audio(5), audio(3)], "INVALID_PARAMETER"),
        ([config("es"), config("es")], "INVALID_PARAMETER"),
        ([config("es"), pb.BroadcastRequest()], "INVALID_PARAMETER"),
        ([config("es"), targets("not a language")], "INVALID_LANGUAGE"),
    ],
)
async def test_bad_input_is_refused_with_its_reason(steps: list[pb.BroadcastRequest], reason: str) -> None:
    async with system([]) as lingocast:
        with pytest.raises(Invalid) as caught:
            await lingocast.broadcast(sending(*steps))
    assert caught.value.reason == reason


def terms(*given: tuple[str, str]) -> translation_pb2.Glossary:
    return translation_pb2.Glossary(
        terms=[translation_pb2.GlossaryTerm(source=source, target=target) for source, target in given]
    )


async def test_the_sessions_terms_go_with_every_segment_until_there_are_others() -> None:
    asked = config("es")
    asked.config.glossary.CopyFrom(terms(("one", "uno")))
    script = [Line(1.0, "One."), Line(2.5, "Two.", utterance=2)]
    async with system(script) as lingocast:

        async def steps() -> AsyncIterator[pb.BroadcastRequest]:
            for request in (asked, *talk(1.5)):
                yield request
            async with asyncio.timeout(20):
                while not lingocast.translation.requests:  # noqa: ASYNC110 - a call through sockets, which tell nobody
                    await asyncio.sleep(0.01)
            for request in (pb.BroadcastRequest(glossary=terms(("two", "dos"), ("three", ""))), *talk(1.5, start=1.5)):
                yield request

        await lingocast.broadcast(steps())
        sent = [request.glossary for request in lingocast.translation.requests]
    assert [[(term.source, term.target) for term in glossary.terms] for glossary in sent] == [
        [("one", "uno")],
        [("two", "dos"), ("three", "")],
    ]
    assert len({glossary.version for glossary in sent}) == 2


async def test_a_glossary_that_cannot_be_is_refused_at_the_start_and_later() -> None:
    at_the_start = config("es")
    at_the_start.config.glossary.CopyFrom(terms(("...", "")))
    later = [config("es"), pb.BroadcastRequest(glossary=terms(("a" * 201, "")))]
    for steps in ([at_the_start], later):
        async with system([]) as lingocast:
            with pytest.raises(Invalid) as caught:
                await lingocast.broadcast(sending(*steps))
        assert caught.value.reason == "INVALID_PARAMETER"


async def test_more_speakers_than_the_service_takes_are_refused() -> None:
    async with system([], [], max_streams=1) as lingocast:
        first = lingocast.stub.Broadcast(sending(config("es"), 5.0))
        await first.read()
        with pytest.raises(Exhausted) as caught:
            await lingocast.broadcast(sending(config("es")))
        first.cancel()
    assert caught.value.reason == "TOO_MANY_STREAMS"


async def test_a_caller_that_goes_away_frees_its_place() -> None:
    async with system([], [], max_streams=1) as lingocast:
        first = lingocast.stub.Broadcast(sending(config("es"), *talk(0.3), 5.0))
        await first.read()
        first.cancel()
        await asyncio.sleep(0.3)
        await lingocast.broadcast(sending(config("es")))


async def test_a_language_is_offered_when_it_is_recognised_translated_and_voiced() -> None:
    async with system() as lingocast:
        answer = await lingocast.stub.ListLanguages(pb.ListLanguagesRequest())
    assert [source.language for source in answer.sources] == ["en"]
    targets_of = {target.language: target.neural_voice for target in answer.sources[0].targets}
    assert targets_of == {"es": False, "pt": True}


async def test_plain_recognition_gives_hypotheses_and_nothing_else() -> None:
    async def steps() -> AsyncIterator[pb.StreamingRecognizeRequest]:
        yield pb.StreamingRecognizeRequest(config=pb.RecognitionConfig(language="en", audio_format=FORMAT))
        for _ in range(12):
            yield pb.StreamingRecognizeRequest(audio=CHUNK)

    async with system([Line(0.5, "God is", final=False), Line(1.0, "God is good.")]) as lingocast:
        out = [response async for response in lingocast.stub.StreamingRecognize(steps())]
    assert [(" ".join(word.text for word in each.words), each.is_final) for each in out] == [
        ("God is", False),
        ("God is good.", True),
    ]
    assert lingocast.translation.requests == []


async def test_whoever_takes_their_time_over_hypotheses_is_told_what_is_wrong_all_the_same() -> None:
    async def steps() -> AsyncIterator[pb.StreamingRecognizeRequest]:
        yield pb.StreamingRecognizeRequest(config=pb.RecognitionConfig(language="en", audio_format=FORMAT))
        yield pb.StreamingRecognizeRequest(audio=CHUNK)
        yield pb.StreamingRecognizeRequest()

    async with system([Line(0.1, "word " * 20_000, utterance=number) for number in range(1, 9)]) as lingocast:
        call = lingocast.stub.StreamingRecognize(steps())
        await asyncio.sleep(1.0)  # More is written meanwhile than is taken.
        async with asyncio.timeout(30.0):
            with pytest.raises(Invalid, match="INVALID_PARAMETER"), rpc_errors():
                async for _ in call:
                    pass
