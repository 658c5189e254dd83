"""Amazon Polly's adapter over the wire: requests as Amazon takes them, what each of its failures becomes (V3)."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from structlog.testing import capture_logs

from chassis import pcm
from chassis.aws import Misconfigured, open_client
from chassis.errors import Exhausted, Invalid, LingocastError, Unavailable
from chassis.language import primary
from synthesis_svc.config import Config
from synthesis_svc.domain.prosody import Delivery, Dynamics, Emotion, Emphasis, Rate, Volume, deliver
from synthesis_svc.domain.sound import active_dbfs
from synthesis_svc.domain.voices import PREMIUM, STANDARD, Casting, Grade, Tier
from synthesis_svc.engines import Order, Synthesizer
from synthesis_svc.engines.aws_polly import Polly, open_engine
from synthesis_svc.engines.polly_calls import tried
from tests.amazon.account import account
from tests.amazon.polly import BILLED_CHARACTERS, TOTAL_CHARACTERS, PollyStandIn
from tests.amazon.polly_voices import VOICES

SENTENCE = "Good morning everyone, and thank you for coming to this meeting today."


@pytest.fixture(autouse=True, scope="module")
def known_account() -> Iterator[None]:
    with account():
        yield


@asynccontextmanager
async def connected(amazon: PollyStandIn, **settings: Any) -> AsyncIterator[Polly]:
    # Long enough for a machine that does much else; tests of stalls choose their own.
    chosen = {"polly_timeout_seconds": 30.0, **settings}
    async with AsyncExitStack() as stack:
        if not amazon.url:
            await stack.enter_async_context(amazon.served())
        yield await stack.enter_async_context(open_engine(Config(AWS_ENDPOINT_URL_POLLY=amazon.url, **chosen)))


def order(engine: Synthesizer, text: str = SENTENCE, language: str = "en", tier: Tier = STANDARD, **more: Any) -> Order:
    voice = Casting(engine.voices, {}).default(language, tier)
    return Order(text, language, voice, more.pop("delivery", Delivery()), tier, **more)


async def spoken(engine: Synthesizer, wanted: Order) -> bytes:
    async with engine.speak(wanted) as speech:
        return b"".join([block async for block in speech.audio])


async def test_all_pages_of_the_voices_are_read_with_their_grades() -> None:
    amazon = PollyStandIn()
    async with connected(amazon) as engine:
        assert len(engine.voices) > 150
        assert len([call for call in amazon.calls if call.operation == "DescribeVoices"]) == 3
        languages = {voice.language for voice in engine.voices}
        assert {"en-US", "zh-CN", "ar", "no-NO", "cy-GB", "hi-IN", "gl"} <= languages
        names = {voice.name for voice in engine.voices}
        assert {"aws-polly/Joanna:generative", "aws-polly/Aditi@hi-IN:standard", "aws-polly/Lucia@gl:neural"} <= names
        assert len(names) == len(engine.voices)


@pytest.mark.parametrize(
    ("language", "tier", "voice_id", "engine_name"),
    [
        ("en", STANDARD, "Danielle", "neural"),
        ("en", PREMIUM, "Danielle", "generative"),
        ("is", PREMIUM, "Dora", "standard"),
        ("pt-PT", PREMIUM, "Ines", "neural"),
        ("cmn", STANDARD, "Zhiyu", "neural"),
    ],
)
async def test_a_tier_gets_its_engine(language: str, tier: Tier, voice_id: str, engine_name: str) -> None:
    amazon = PollyStandIn()
    async with connected(amazon) as engine:
        assert await spoken(engine, order(engine, "One two three.", language, tier))
    asked = amazon.spoken[0]
    assert (asked["VoiceId"], asked["Engine"]) == (voice_id, engine_name)
    assert (asked["OutputFormat"], asked["SampleRate"], asked["TextType"]) == ("pcm", "16000", "ssml")


async def test_a_voice_of_two_languages_is_told_which() -> None:
    amazon = PollyStandIn()
    async with connected(amazon) as engine:
        await spoken(engine, order(engine, "नमस्ते", "hi"))
        await spoken(engine, order(engine, "Hello.", "en-IN"))
    assert amazon.spoken[0]["LanguageCode"] == "hi-IN"
    assert "LanguageCode" not in amazon.spoken[1]


@pytest.mark.parametrize("grade", Grade)
async def test_no_engine_gets_markup_that_it_refuses(grade: Grade) -> None:
    amazon = PollyStandIn()
    tier = Tier("standard", turn=0, patience_seconds=30.0, grades=(grade,))
    manners = [*zip(Volume, Rate, Emotion, strict=False), *zip(Volume, list(Rate)[1:], list(Emotion)[3:], strict=False)]
    async with connected(amazon) as engine:
        for volume, rate, emotion in manners:
            delivery = deliver(Dynamics(volume, rate, emotion, 0.9), tempo=1.2)
            await spoken(engine, order(engine, "Yes, now.", tier=tier, delivery=delivery))
    assert {asked["Engine"] for asked in amazon.spoken} == {grade}
    assert {asked["TextType"] for asked in amazon.spoken} == {"ssml"}
    assert not amazon.refusals


async def test_the_text_is_escaped_and_said() -> None:
    amazon = PollyStandIn()
    text = """<break time="9s"/> & "quotes" 'and' </speak> ]]>"""
    async with connected(amazon) as engine:
        await spoken(engine, order(engine, text))
    assert "".join(ElementTree.fromstring(amazon.spoken[0]["Text"]).itertext()) == text


async def test_a_delivery_goes_out_as_rate_volume_and_breaks() -> None:
    amazon = PollyStandIn()
    async with connected(amazon) as engine:
        delivery = Delivery(1.2, Volume.SOFT, Emphasis.STRONG, pause_seconds=0.3)
        await spoken(engine, order(engine, "One, two.", delivery=delivery))
    assert amazon.spoken[0]["Text"] == (
        '<speak><prosody rate="120%" volume="soft">One, <break time="300ms"/>two.</prosody></speak>'
    )


async def test_emphasis_that_an_engine_does_not_know_is_made_of_volume() -> None:
    async with connected(PollyStandIn()) as engine:
        plain, stressed = [
            await spoken(engine, order(engine, delivery=Delivery(emphasis=emphasis)))
            for emphasis in (Emphasis.NONE, Emphasis.STRONG)
        ]
    assert level(stressed) == pytest.approx(level(plain) + 3.0, abs=0.5)


def level(audio: bytes) -> float:
    found = active_dbfs(pcm.samples(audio))
    assert found is not None
    return found


async def test_silence_at_the_ends_does_not_cost_time_and_pauses_inside_stay() -> None:
    async with connected(PollyStandIn()) as engine:
        audio = await spoken(engine, order(engine, "One, two.", delivery=Delivery(pause_seconds=0.8)))
    loud = np.flatnonzero(np.abs(pcm.samples(audio)) > 0.02)
    assert loud[0] / pcm.SAMPLE_RATE < 0.06
    assert pcm.seconds(audio) - loud[-1] / pcm.SAMPLE_RATE < 0.15
    assert max(np.diff(loud)) / pcm.SAMPLE_RATE == pytest.approx(0.8, abs=0.15)


async def test_audio_leaves_before_the_whole_is_there() -> None:
    amazon = PollyStandIn()
    async with connected(amazon) as engine:
        whole = await spoken(engine, order(engine))
        amazon.faults.append("hold-in-audio")
        async with asyncio.timeout(30), engine.speak(order(engine)) as speech:
            heard = await anext(aiter(speech.audio))
            assert 0 < len(heard) < len(whole) / 2
            amazon.go_on.set()
            heard += b"".join([block async for block in speech.audio])
    assert heard == whole


async def test_the_same_voice_needs_no_second_to_find_its_level_again() -> None:
    amazon = PollyStandIn()
    async with connected(amazon) as engine, asyncio.timeout(30):
        first = await blocks(engine, order(engine))
        later = await blocks(engine, order(engine))
    assert pcm.seconds(first[0]) > 0.8
    assert pcm.seconds(later[0]) < 0.4
    assert b"".join(first) == b"".join(later)


async def blocks(engine: Synthesizer, wanted: Order) -> list[bytes]:
    async with engine.speak(wanted) as speech:
        return [block async for block in speech.audio]


async def test_a_long_text_is_cut_at_sentence_ends_under_the_limits() -> None:
    amazon = PollyStandIn()
    sentence = 'He said "yes", & so on; "no", & so forth. '
    async with connected(amazon) as engine:
        await spoken(engine, order(engine, sentence * 80, delivery=Delivery(tempo=1.5, pause_seconds=0.1)))
    said = ["".join(ElementTree.fromstring(asked["Text"]).itertext()) for asked in amazon.spoken]
    assert "".join(said) == sentence * 80
    assert all(part.endswith("forth. ") for part in said)
    assert all(len(part) <= BILLED_CHARACTERS for part in said)
    assert all(len(asked["Text"]) <= TOTAL_CHARACTERS for asked in amazon.spoken)
    assert len(said) > 1
    assert not amazon.refusals


async def test_markup_refused_is_spoken_as_plain_text() -> None:
    amazon = PollyStandIn()
    async with connected(amazon) as engine:
        amazon.faults.append("ssml")
        assert pcm.seconds(await spoken(engine, order(engine, "Fish & chips."))) > 0.5
    assert [asked["TextType"] for asked in amazon.spoken] == ["ssml", "text"]
    assert amazon.spoken[1]["Text"] == "Fish & chips."


async def test_plain_text_refused_too_is_not_tried_again() -> None:
    amazon = PollyStandIn()
    async with connected(amazon) as engine:
        amazon.faults.extend(["ssml", "ssml"])
        with pytest.raises(Invalid) as refused:
            await spoken(engine, order(engine))
    assert refused.value.reason == "SYNTHESIS_FAILED"
    assert len(amazon.spoken) == 2


@pytest.mark.parametrize("fault", ["throttle", "unavailable", "failure", "gateway", "reset"])
async def test_a_failure_that_passes_is_tried_again(fault: str) -> None:
    amazon = PollyStandIn()
    async with connected(amazon) as engine:
        amazon.faults.append(fault)
        assert await spoken(engine, order(engine))
    assert len(amazon.spoken) == 2


@pytest.mark.parametrize(
    ("fault", "kind", "reason", "tries"),
    [
        ("throttle", Exhausted, "ENGINE_OVERLOADED", 3),
        ("unavailable", Unavailable, "SYNTHESIS_FAILED", 3),
        ("failure", Unavailable, "SYNTHESIS_FAILED", 3),
        ("gateway", Unavailable, "SYNTHESIS_FAILED", 3),
        ("reset", Unavailable, "SYNTHESIS_FAILED", 3),
        ("odd", Unavailable, "SYNTHESIS_FAILED", 1),
        ("denied", Misconfigured, "SYNTHESIS_FAILED", 1),
        ("expired", Misconfigured, "SYNTHESIS_FAILED", 1),
        ("unknown-client", Misconfigured, "SYNTHESIS_FAILED", 1),
        ("unsubscribed", Misconfigured, "SYNTHESIS_FAILED", 1),
        ("length", Invalid, "SYNTHESIS_FAILED", 1),
        ("rate", Invalid, "SYNTHESIS_FAILED", 1),
        ("lexicon", Invalid, "SYNTHESIS_FAILED", 1),
        ("language", Invalid, "UNSUPPORTED_LANGUAGE", 1),
        ("engine", Invalid, "UNSUPPORTED_LANGUAGE", 1),
        ("validation", Invalid, "UNSUPPORTED_LANGUAGE", 1),
    ],
)
async def test_every_failure_has_its_class_and_its_tries(
    fault: str, kind: type[LingocastError], reason: str, tries: int
) -> None:
    amazon = PollyStandIn()
    async with connected(amazon) as engine:
        # Each try may take long here; what is too late for one is another test's.
        amazon.faults.extend([fault] * 4)
        with pytest.raises(kind) as failed:
            async with engine.speak(order(engine)):
                raise AssertionError("the speech was given out before it failed")
    assert type(failed.value) is kind
    assert failed.value.reason == reason
    assert len(amazon.spoken) in ({1, 2, 3} if tries == 3 and kind is Unavailable else {tries})
    assert SENTENCE not in str(failed.value)


async def test_a_voice_that_is_gone_is_the_callers_mistake_only_if_the_caller_named_it() -> None:
    amazon = PollyStandIn()
    async with connected(amazon) as engine:
        amazon.faults.append("validation")
        with pytest.raises(Invalid) as failed:
            await spoken(engine, order(engine, pinned=True))
    assert failed.value.reason == "UNKNOWN_VOICE"


async def test_a_text_without_sound_is_a_cue_without_audio() -> None:
    amazon = PollyStandIn()
    async with connected(amazon) as engine:
        amazon.faults.append("silence")
        assert await spoken(engine, order(engine)) == b""


async def test_no_answer_in_time_is_unavailable() -> None:
    amazon = PollyStandIn()
    async with connected(amazon, polly_timeout_seconds=1.0) as engine, asyncio.timeout(60):
        amazon.faults.append("stall")
        with pytest.raises(Unavailable):
            await spoken(engine, order(engine))
    assert len(amazon.spoken) == 1


@pytest.mark.parametrize("fault", ["stall-in-audio", "reset-in-audio"])
async def test_what_was_heard_stays_and_is_not_said_again(fault: str) -> None:
    amazon = PollyStandIn()
    async with connected(amazon, polly_timeout_seconds=3.0) as engine, asyncio.timeout(60):
        whole = await spoken(engine, order(engine))
        amazon.faults.append(fault)
        heard, failure = await until_it_fails(engine, order(engine))
    assert failure.reason == "SYNTHESIS_FAILED"
    assert 1.0 < pcm.seconds(heard) < 1.6
    assert whole.startswith(heard)
    assert len(amazon.spoken) == 2


async def test_audio_that_trickles_in_is_given_up() -> None:
    async with (
        PollyStandIn().served() as amazon,
        open_client("polly", region="us-east-1", endpoint=amazon.url, timeout=30.0) as client,
        asyncio.timeout(60),
    ):
        engine = Polly(client, Config(polly_timeout_seconds=30.0), reading_seconds=1.0)
        await engine.list_voices()
        amazon.faults.append("trickle")
        heard, _ = await until_it_fails(engine, order(engine))
    assert pcm.seconds(heard) > 1.0


async def test_the_list_of_voices_is_renewed_now_and_then_and_kept_when_it_cannot_be() -> None:
    amazon = PollyStandIn(voices=[voice for voice in VOICES if voice["LanguageCode"] == "en-GB"])
    with capture_logs() as logs:
        async with connected(amazon, polly_voices_seconds=0.02) as engine, asyncio.timeout(30):
            assert {voice.language for voice in engine.voices} == {"en-GB"}
            amazon.listing_faults.extend(["denied"] * 3)
            # The engine asks by itself; the condition is its.
            while amazon.listing_faults:
                assert {voice.language for voice in engine.voices} == {"en-GB"}
                await asyncio.sleep(0.01)
            amazon.voices = VOICES
            while "pt-BR" not in {voice.language for voice in engine.voices}:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    assert [line["event"] for line in logs].count("voices_not_listed") == 3


async def test_an_amazon_that_is_away_at_the_start_is_no_reason_not_to_start() -> None:
    amazon = PollyStandIn(listing_faults=deque(["unavailable"] * 3))
    async with connected(amazon, polly_voices_seconds=0.02) as engine, asyncio.timeout(30):
        # The same voices as later, as far as they are documented.
        known = {voice.name for voice in engine.voices}
        assert {primary(voice.language) for voice in engine.voices} >= {"en", "es", "fr", "it", "pt", "de", "ca", "gl"}
        while len(engine.voices) == len(known):  # noqa: ASYNC110 - the engine's to change
            await asyncio.sleep(0.01)
        assert {voice.name for voice in engine.voices} > known
        assert await spoken(engine, order(engine))


async def test_an_amazon_that_is_silent_at_the_start_delays_it_by_one_try() -> None:
    amazon = PollyStandIn(listing_faults=deque(["stall"] * 3))
    async with connected(amazon, polly_timeout_seconds=1.2) as engine:
        assert engine.voices
    assert len(amazon.listing_faults) == 2


async def test_a_voice_that_is_gone_is_asked_for_soon() -> None:
    amazon = PollyStandIn()
    async with connected(amazon) as engine:
        assert engine._stale_at > asyncio.get_running_loop().time() + 3600.0
        amazon.faults.append("validation")
        with pytest.raises(Invalid):
            await spoken(engine, order(engine))
        assert engine._stale_at <= asyncio.get_running_loop().time()


async def until_it_fails(engine: Synthesizer, wanted: Order) -> tuple[bytes, Unavailable]:
    heard = b""
    async with engine.speak(wanted) as speech:
        try:
            async for block in speech.audio:
                heard += block
        except Unavailable as failure:
            return heard, failure
    raise AssertionError("it did not fail")


async def test_leaving_early_breaks_the_request_off() -> None:
    amazon = PollyStandIn()
    async with connected(amazon) as engine, asyncio.timeout(30):
        amazon.faults.append("hold-in-audio")
        async with engine.speak(order(engine)) as speech:
            assert await anext(aiter(speech.audio))
        await amazon.gone.wait()
        assert await spoken(engine, order(engine))


async def test_being_cancelled_before_the_answer_breaks_the_request_off() -> None:
    amazon = PollyStandIn()
    async with connected(amazon) as engine, asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        amazon.faults.append("stall")
        speaking = tasks.create_task(spoken(engine, order(engine)))
        # On a busy machine a request may take long to arrive.
        while not amazon.spoken:  # noqa: ASYNC110 - the condition is the stand-in's
            await asyncio.sleep(0.01)
        speaking.cancel()
        await amazon.gone.wait()


async def test_requests_at_once_are_bounded_and_the_rest_wait() -> None:
    amazon = PollyStandIn(quota=2)
    async with connected(amazon, polly_connections=2) as engine, asyncio.TaskGroup() as group:
        patient = replace(STANDARD, patience_seconds=60.0)
        cues = [group.create_task(spoken(engine, order(engine, tier=patient))) for _ in range(8)]
    assert all(cue.result() for cue in cues)
    assert amazon.most_at_once == 2
    assert not amazon.refusals


async def test_waiting_longer_than_the_tiers_patience_is_overload() -> None:
    amazon = PollyStandIn()
    impatient = replace(STANDARD, patience_seconds=0.05)
    async with connected(amazon, polly_connections=1) as engine, asyncio.timeout(30):
        amazon.faults.append("hold-in-audio")
        async with engine.speak(order(engine)):
            with pytest.raises(Exhausted) as refused:
                await spoken(engine, order(engine, tier=impatient))
    assert refused.value.reason == "ENGINE_OVERLOADED"


async def test_what_is_late_gets_the_quick_engine_unless_the_voice_was_named() -> None:
    amazon = PollyStandIn()
    async with connected(amazon) as engine:
        async with engine.speak(order(engine, tier=PREMIUM, hurried=True)) as speech:
            assert speech.voice.grade is Grade.NEURAL
        async with engine.speak(order(engine, tier=PREMIUM, hurried=True, pinned=True)) as speech:
            assert speech.voice.grade is Grade.GENERATIVE


@pytest.mark.parametrize("fault", ["denied", "expired", "unsubscribed"])
async def test_what_a_person_has_to_mend_is_told_at_the_start(fault: str) -> None:
    with pytest.raises(Misconfigured):
        async with connected(PollyStandIn(listing_faults=deque([fault]))):
            pytest.fail("opened")


async def test_a_try_that_is_not_even_sent_is_given_up_too() -> None:
    async def hangs() -> None:
        """As the SDK does while it looks for an address or for credentials."""
        await asyncio.Event().wait()

    async with asyncio.timeout(30):
        with pytest.raises(Unavailable):
            await tried(hangs, {}, 0.01)


async def test_without_credentials_it_says_what_is_missing() -> None:
    with account() as environment:
        environment.delenv("AWS_ACCESS_KEY_ID")
        environment.delenv("AWS_SECRET_ACCESS_KEY")
        with pytest.raises(Misconfigured) as failed:
            async with connected(PollyStandIn()):
                pass
    assert "AWS_ACCESS_KEY_ID" in failed.value.message


async def test_without_a_region_it_says_so() -> None:
    with account(region=""), pytest.raises(Misconfigured) as failed:
        async with connected(PollyStandIn()):
            pass
    assert "AWS_REGION" in failed.value.message


async def test_a_wrong_signature_is_a_set_up_to_mend() -> None:
    with account() as environment:
        environment.setenv("AWS_SECRET_ACCESS_KEY", "another")
        with pytest.raises(Misconfigured):
            async with connected(PollyStandIn()):
                pass


async def test_voices_of_the_future_are_left_out() -> None:
    strange = [
        {"Id": "Nova", "LanguageCode": "en-US", "SupportedEngines": ["telepathic", "neural"]},
        {"Id": "Zork", "LanguageCode": "x-elvish-high", "SupportedEngines": ["neural"]},
    ]
    async with connected(PollyStandIn(voices=strange)) as engine:
        assert [voice.name for voice in engine.voices] == ["aws-polly/Nova:neural"]
