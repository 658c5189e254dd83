"""What every synthesis engine must do, over all there are; and what the local one does when a part is missing, full or
cancelled."""

import asyncio
import os
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import pytest_asyncio

from chassis import pcm
from chassis.errors import Exhausted, Unavailable
from chassis.language import primary
from synthesis_svc.config import Config
from synthesis_svc.domain.prosody import Delivery, Dynamics, Emotion, Rate, Volume, deliver
from synthesis_svc.domain.sound import active_dbfs
from synthesis_svc.domain.speakable import tidy
from synthesis_svc.domain.voices import PREMIUM, STANDARD, Casting, Tier
from synthesis_svc.engines import Order, Synthesizer, open_engine
from synthesis_svc.engines.espeak import listed, open_espeak
from synthesis_svc.engines.kokoro import accent, open_kokoro
from synthesis_svc.engines.kokoro_model import open_tokenizer
from synthesis_svc.engines.local import Local
from synthesis_svc.engines.local import open_engine as open_local
from tests.amazon.account import account
from tests.amazon.polly import PollyStandIn

pytestmark = pytest.mark.asyncio(loop_scope="module")

ENGINES = [pytest.param("local", marks=pytest.mark.local_engines), "aws", "scripted"]
SENTENCE = "Bom dia a todos, meus amigos."
AWKWARD = [
    "a < b & c > d, \"quoted\" and 'single' </speak>",
    "Olá 👋🏽, mundo 🌍!",
    "1 2 3, 45.67, 1985",
    '[[h@l\'oU]] <break time="9s"/>',
    "مرحبا بكم في هذا المكان الجميل.",
    "x",
]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=ENGINES)
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[Synthesizer]:
    async with AsyncExitStack() as stack:
        settings = {"ENGINES": request.param}
        if request.param == "aws":
            stack.enter_context(account())
            amazon = await stack.enter_async_context(PollyStandIn().served())
            settings |= {"AWS_ENDPOINT_URL_POLLY": amazon.url, "polly_timeout_seconds": "30"}
        yield await stack.enter_async_context(open_engine(Config.model_validate(settings)))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def local() -> AsyncIterator[Local]:
    async with open_local(Config()) as opened:
        yield opened


def order(
    engine: Synthesizer,
    text: str,
    language: str = "pt",
    *,
    delivery: Delivery | None = None,
    tier: Tier = PREMIUM,
    pinned: bool = True,
) -> Order:
    """For the default voice and no other, however busy the machine is that runs the tests."""
    voice = Casting(engine.voices, {}).default(language)
    return Order(tidy(text), language, voice, delivery or Delivery(), tier, pinned)


async def spoken(engine: Synthesizer, wanted: Order) -> bytes:
    async with engine.speak(wanted) as speech:
        return b"".join([block async for block in speech.audio])


def level(audio: bytes) -> float:
    found = active_dbfs(pcm.samples(audio))
    assert found is not None
    return found


async def test_voices_have_names_of_their_own(engine: Synthesizer) -> None:
    names = [voice.name for voice in engine.voices]
    assert len(set(names)) == len(names)
    assert all(voice.name.startswith(f"{voice.engine}/") for voice in engine.voices)


async def test_the_first_class_languages_have_voices(engine: Synthesizer) -> None:
    assert {"en", "es", "fr", "it", "pt", "de", "ca", "gl"} <= {primary(voice.language) for voice in engine.voices}


@pytest.mark.parametrize("language", ["pt", "de"])
async def test_a_sentence_sounds_for_as_long_as_it_takes_to_say(engine: Synthesizer, language: str) -> None:
    audio = await spoken(engine, order(engine, SENTENCE, language))
    assert len(audio) % 2 == 0
    assert 1.0 < pcm.seconds(audio) < 4.0


@pytest.mark.parametrize("language", ["pt", "de"])
async def test_a_higher_tempo_is_shorter_and_a_lower_one_longer(engine: Synthesizer, language: str) -> None:
    slow, normal, fast = [
        pcm.seconds(await spoken(engine, order(engine, SENTENCE, language, delivery=Delivery(tempo=tempo))))
        for tempo in (0.85, 1.0, 1.5)
    ]
    assert slow > 1.05 * normal
    assert fast < 0.8 * normal


@pytest.mark.parametrize("language", ["pt", "de"])
async def test_volume_classes_are_heard(engine: Synthesizer, language: str) -> None:
    whisper, soft, medium, loud = [
        level(await spoken(engine, order(engine, SENTENCE, language, delivery=Delivery(volume=volume))))
        for volume in (Volume.WHISPER, Volume.SOFT, Volume.MEDIUM, Volume.LOUD)
    ]
    assert medium == pytest.approx(-20.0, abs=1.5)
    # A voice's own level is told from as much of it as has come when it begins: on a busy machine that differs.
    assert [medium - whisper, medium - soft] == pytest.approx([12, 6], abs=1.5)
    assert loud > medium + 4.0


@pytest.mark.parametrize("emotion", Emotion)
async def test_no_delivery_is_refused(engine: Synthesizer, emotion: Emotion) -> None:
    delivery = deliver(Dynamics(Volume.LOUD, Rate.VERY_FAST, emotion, 0.9), tempo=1.25)
    assert await spoken(engine, order(engine, SENTENCE, "de", delivery=delivery))


async def test_a_sad_voice_takes_longer(engine: Synthesizer) -> None:
    sad = await spoken(engine, order(engine, SENTENCE, delivery=deliver(Dynamics(emotion=Emotion.SAD))))
    assert len(sad) > 1.05 * len(await spoken(engine, order(engine, SENTENCE)))


@pytest.mark.parametrize("text", AWKWARD)
@pytest.mark.parametrize("language", ["en", "de", "ar"])
async def test_any_text_is_spoken(engine: Synthesizer, text: str, language: str) -> None:
    audio = await spoken(engine, order(engine, text, language))
    assert pcm.seconds(audio) < 30.0


async def test_markup_in_the_text_does_not_command_the_voice(engine: Synthesizer) -> None:
    plain = await spoken(engine, order(engine, "Bis morgen, 9s.", "de"))
    marked = await spoken(engine, order(engine, 'Bis morgen, <break time="9s"/>.', "de"))
    assert pcm.seconds(marked) < pcm.seconds(plain) + 8.0


async def test_a_very_long_text_is_spoken_to_its_end(engine: Synthesizer) -> None:
    short = await spoken(engine, order(engine, "Die Stadt ist voll von Menschen. " * 5, "de"))
    long = await spoken(engine, order(engine, "Die Stadt ist voll von Menschen. " * 100, "de"))
    assert len(long) == pytest.approx(20 * len(short), rel=0.1)


async def test_cues_are_spoken_side_by_side(engine: Synthesizer) -> None:
    languages = ["de", "is", "nl", "sv", "pl", "ro"]
    async with asyncio.TaskGroup() as group:
        cues = [group.create_task(spoken(engine, order(engine, SENTENCE, language))) for language in languages]
    assert all(pcm.seconds(cue.result()) > 0.8 for cue in cues)


async def test_the_same_text_again_is_the_same_audio(engine: Synthesizer) -> None:
    wanted = order(engine, SENTENCE, "de")
    assert await spoken(engine, wanted) == await spoken(engine, wanted)


async def test_leaving_early_stops_the_work(engine: Synthesizer) -> None:
    async with engine.speak(order(engine, SENTENCE * 20, "de")) as speech:
        assert await anext(speech.audio)
    assert await spoken(engine, order(engine, SENTENCE, "de"))


async def test_the_script_delays_and_fails_by_language() -> None:
    config = Config(ENGINES="scripted", scripted_failing="fr, it", scripted_slow="de:60")
    async with open_engine(config) as engine:
        with pytest.raises(Unavailable) as failed:
            await spoken(engine, order(engine, "Bonjour.", "fr"))
        assert failed.value.reason == "SYNTHESIS_FAILED"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await spoken(engine, order(engine, "Hallo.", "de"))
        assert await spoken(engine, order(engine, "Hola.", "es"))


@pytest.mark.local_engines
async def test_kokoro_speaks_the_first_audio_before_the_whole_is_done(local: Local) -> None:
    async with local.speak(
        order(local, "Bom dia a todos, e obrigado por virem. A cidade está cheia de gente.")
    ) as speech:
        blocks = [block async for block in speech.audio]
    assert speech.voice.name == "kokoro/pf_dora"
    assert len(blocks) > 1
    assert len(blocks[0]) < sum(map(len, blocks)) / 2


@pytest.mark.parametrize(
    ("language", "espeaks_name"),
    [("en", "en-us"), ("en-GB", "en-gb"), ("es", "es"), ("es-MX", "es-419"), ("fr", "fr-fr"), ("fr-CA", "fr-fr"),
     ("pt", "pt-br"), ("pt-BR", "pt-br"), ("pt-PT", "pt"), ("it", "it"), ("ca", "ca"), ("gl", "es")],
)  # fmt: skip
async def test_the_accent_is_that_of_the_region(language: str, espeaks_name: str) -> None:
    assert accent(language) == espeaks_name


@pytest.mark.local_engines
async def test_a_plain_voice_speaks_what_kokoro_would_keep_waiting(local: Local) -> None:
    impatient = Tier("standard", turn=1, patience_seconds=0.0)
    busy = order(local, SENTENCE * 3)
    async with local.speak(busy) as first, local.speak(order(local, SENTENCE, tier=impatient, pinned=False)) as second:
        assert first.voice.engine == "kokoro"
        assert second.voice.engine == "espeak-ng"
        assert second.voice.language == "pt"
        assert [block async for block in second.audio]


@pytest.mark.local_engines
async def test_a_plain_voice_speaks_what_is_late_already(local: Local) -> None:
    async with local.speak(replace(order(local, "Bom dia.", pinned=False), hurried=True)) as speech:
        assert speech.voice.engine == "espeak-ng"
        assert [block async for block in speech.audio]


@pytest.mark.local_engines
async def test_languages_with_plain_voices_do_not_wait_for_those_with_neural_ones(local: Local) -> None:
    kokoro = local._kokoro
    assert kokoro is not None
    async with local.speak(order(local, SENTENCE * 40)) as busy:
        assert busy.voice.engine == "kokoro"
        async with asyncio.TaskGroup() as group:
            cues = [group.create_task(spoken(local, order(local, SENTENCE, code))) for code in ("de", "nl", "sv")]
        assert all(cue.result() for cue in cues)
        assert kokoro.queued > 2


@pytest.mark.local_engines
async def test_feeds_that_are_too_many_are_all_spoken_and_keep_their_voices(local: Local) -> None:
    hasty = Tier("standard", turn=1, patience_seconds=0.5)
    rounds: list[list[str]] = []
    for _ in range(3):
        async with asyncio.TaskGroup() as group:
            feeds = [
                replace(order(local, "Bom dia.", tier=hasty, pinned=False), feed=f"too many {number}")
                for number in range(6)
            ]
            cues = [group.create_task(voiced(local, feed)) for feed in feeds]
        rounds.append([cue.result() for cue in cues])
    # How fast this machine is at each moment decides who must give way; test_seats says exactly how often one may.
    changes = sum(before != after for voices in zip(*rounds, strict=True) for before, after in pairwise(voices))
    assert changes <= len(rounds[0]), "half of what may change"


async def voiced(engine: Synthesizer, wanted: Order) -> str:
    async with engine.speak(wanted) as speech:
        assert [block async for block in speech.audio]
    return speech.voice.engine


@pytest.mark.local_engines
async def test_a_voice_that_the_caller_named_is_kept(local: Local) -> None:
    voice = Casting(local.voices, {}).named("kokoro/pm_alex", "pt")
    impatient = Tier("standard", turn=1, patience_seconds=0.0)
    async with (
        local.speak(order(local, SENTENCE * 3)),
        local.speak(Order("Bom dia.", "pt", voice, Delivery(), impatient, pinned=True)) as speech,
    ):
        assert speech.voice == voice
        assert [block async for block in speech.audio]


@pytest.mark.local_engines
@pytest.mark.skipif(sys.platform != "linux", reason="niceness of threads is Linux's")
async def test_all_threads_of_kokoro_stand_back_for_recognition() -> None:
    before = set(os.listdir("/proc/self/task"))
    async with open_kokoro(Config(kokoro_niceness=7)):
        made = set(os.listdir("/proc/self/task")) - before
        niceness = [os.getpriority(os.PRIO_PROCESS, int(thread)) for thread in made]
    assert len(niceness) >= 2
    assert set(niceness) == {os.nice(0) + 7}


@pytest.mark.local_engines
@pytest.mark.skipif(sys.platform != "linux", reason="what is loaded is read as Linux tells it")
async def test_no_accent_is_loaded_twice() -> None:
    codes = ("en", "en-GB", "es", "es-MX", "fr", "fr-BE", "fr-CH", "it", "ca", "pt", "pt-PT")
    tokenizer = open_tokenizer()

    def loaded_when_all_have_spoken() -> int:
        assert all(tokenizer.phonemize("Santa Maria.", accent(code)) for code in codes)
        return sum("espeak" in line for line in Path("/proc/self/maps").read_text().splitlines())

    once = loaded_when_all_have_spoken()
    assert loaded_when_all_have_spoken() == once


@pytest.mark.local_engines
async def test_cues_left_before_their_turn_are_not_computed() -> None:
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(open_local(Config()))
        kokoro = engine._kokoro
        assert kokoro is not None
        async with engine.speak(order(engine, SENTENCE * 40)):
            assert kokoro.queued > 5
        await asyncio.sleep(0)
        assert kokoro.queued <= 1  # What a worker has begun cannot be stopped.


@pytest.mark.local_engines
async def test_more_text_than_the_queue_holds_goes_to_the_plain_voice_or_is_refused() -> None:
    async with open_local(Config(kokoro_max_pieces=2)) as engine:
        wanted = order(engine, SENTENCE * 10, pinned=False)
        async with engine.speak(wanted) as speech:
            assert speech.voice.engine == "espeak-ng"
        with pytest.raises(Exhausted) as refused:
            async with engine.speak(Order(wanted.text, "pt", wanted.voice, Delivery(), STANDARD, pinned=True)):
                pass
        assert refused.value.reason == "ENGINE_OVERLOADED"


@pytest.mark.local_engines
async def test_without_kokoros_model_espeak_speaks_alone(tmp_path: Path) -> None:
    async with open_local(Config(data=tmp_path)) as engine:
        assert {voice.engine for voice in engine.voices} == {"espeak-ng"}
        assert await spoken(engine, order(engine, SENTENCE))


@pytest.mark.local_engines
async def test_without_espeak_kokoro_speaks_alone() -> None:
    async with open_local(Config(espeak_program="no-such-program")) as engine:
        assert {voice.engine for voice in engine.voices} == {"kokoro"}
        assert await spoken(engine, order(engine, "Bom dia."))


async def test_without_any_engine_the_service_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as refused:
        async with open_local(Config(data=tmp_path, espeak_program="no-such-program")):
            pass
    assert refused.value.reason == "NO_ENGINE"
    assert "apt-get install espeak-ng" in refused.value.message
    assert "make models" in refused.value.message


def program(folder: Path, script: str) -> str:
    """A stand-in for espeak-ng that lists one voice, then does as scripted."""
    path = folder / "espeak-ng"
    listing = "Pty Language Age/Gender VoiceName File\\n 5  de  --/M  German  gmw/de\\n"
    path.write_text(f'#!/bin/sh\nif [ "$1" = "--voices" ]; then printf "{listing}"; exit 0; fi\n{script}\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.mark.local_engines
async def test_ssml_refused_is_spoken_as_plain_text(tmp_path: Path) -> None:
    script = 'for word in "$@"; do [ "$word" = "-m" ] && exit 1; done; exec espeak-ng "$@"'
    async with open_espeak(Config(espeak_program=program(tmp_path, script))) as engine:
        slow, fast = [
            await spoken(engine, order(engine, "Guten Morgen.", "de", delivery=Delivery(tempo=tempo)))
            for tempo in (1.0, 1.4)
        ]
    assert pcm.seconds(slow) > 0.4
    assert len(fast) < 0.9 * len(slow)


async def test_a_program_that_fails_is_unavailable(tmp_path: Path) -> None:
    async with open_espeak(Config(espeak_program=program(tmp_path, "exit 3"))) as engine:
        with pytest.raises(Unavailable) as failed:
            await spoken(engine, order(engine, "Guten Morgen.", "de"))
    assert failed.value.reason == "SYNTHESIS_FAILED"


async def test_a_cancelled_cue_leaves_no_process_behind(tmp_path: Path) -> None:
    script = f"echo $$ > {tmp_path}/pid; exec sleep 60"
    async with open_espeak(Config(espeak_program=program(tmp_path, script))) as engine:
        cue = asyncio.get_running_loop().create_task(spoken(engine, order(engine, "Guten Morgen.", "de")))
        pid_file = tmp_path / "pid"
        # Written by another process, which can set no event of ours.
        async with asyncio.timeout(30):
            while not (pid_file.exists() and pid_file.read_text().strip()):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        cue.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cue
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)


async def test_espeaks_listing_is_read_by_its_columns() -> None:
    listing = (
        "Pty Language       Age/Gender VoiceName          File                 Other Languages\n"
        " 5  pt              --/M      Portuguese_(Portugal) roa/pt               (pt-pt 5)\n"
        " 5  pt-br           --/M      Portuguese_(Brazil) roa/pt-BR            (pt 6)\n"
        " 5  en-gb-x-rp      --/M      English_(Received_Pronunciation) gmw/en-GB-x-rp (en-gb 4)(en 5)\n"
        " 5  es              --/M      Spanish_(Spain)    roa/es               \n"
    )
    assert [(voice.name, voice.language) for voice, _ in listed(listing)] == [
        ("espeak-ng/pt", "pt-PT"),
        ("espeak-ng/pt-br", "pt"),
        ("espeak-ng/es", "es"),
        ("espeak-ng/es@gl", "gl"),
        ("espeak-ng/es@ca", "ca"),
    ]
