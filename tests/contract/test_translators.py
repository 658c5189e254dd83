"""What every translation engine must do, over all there are; and the local engine's programs, killed, hung and full."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from chassis.errors import Exhausted, Invalid, Unavailable
from chassis.glossary import Term, glossary
from tests.amazon.translate import TranslateStandIn
from translation_svc import fidelity
from translation_svc.config import Config
from translation_svc.domain.glossary import terms_for
from translation_svc.domain.masking import PLACEHOLDER
from translation_svc.engines import Translator, open_engine
from translation_svc.engines.local import Hop, LocalTranslator
from translation_svc.engines.local import open_engine as open_local
from translation_svc.engines.pipe import Pipe
from translation_svc.flights import Flights

ROOT = Path(__file__).resolve().parents[2]
ENGINES = [pytest.param("local", marks=pytest.mark.local_engines), "aws", "scripted"]
LONG = "We walked down to the river, and there we sat. " * 200
TALK = "Content like data and models is organized into projects. Each project is specific to one country."


@pytest.fixture(params=ENGINES)
async def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Translator]:
    if request.param == "aws":
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "test")
        async with TranslateStandIn() as amazon:
            # Patient: a busy machine is no fault of the engine.
            config = Config(
                ENGINES="aws",
                AWS_ENDPOINT_URL_TRANSLATE=amazon.url,
                AWS_REGION="us-east-1",
                aws_request_seconds=20.0,
                aws_patience_seconds=30.0,
            )
            async with open_engine(config) as opened:
                yield opened
            assert not amazon.refusals
        return
    async with open_engine(Config(ENGINES=request.param, warm=())) as opened:
        yield opened


@pytest.fixture
async def local() -> AsyncIterator[LocalTranslator]:
    async with open_local(Config(warm=())) as opened:
        yield opened


async def test_pairs_are_named_by_their_ends_and_never_lead_home(engine: Translator) -> None:
    for (source, target), pair in engine.capabilities.pairs.items():
        assert (pair.source, pair.target) == (source, target)
        assert source != target
        assert not {source, target} & set(pair.via)
        assert pair.engine


async def test_english_reaches_the_first_class_languages(engine: Translator) -> None:
    targets = {target for source, target in engine.capabilities.pairs if source == "en"}
    assert {"pt", "es", "ca", "fr", "it"} <= targets


@pytest.mark.parametrize("text", ["Hello, my friends.", "and then", "42.", "...", "?", "Thank you"])
async def test_marks_at_the_end_are_the_speakers(engine: Translator, text: str) -> None:
    marks = text[len(text.rstrip(".?!")) :]
    for target in ("pt", "es"):
        translated = await engine.translate(text, "en", target)
        assert translated[len(translated.rstrip(".?!")) :] == marks


async def test_no_sentence_is_dropped(engine: Translator) -> None:
    translated = await engine.translate("The house is red. The tree is green. The sky is blue.", "en", "es")
    assert translated.count(".") == 3


async def test_a_long_text_arrives_whole(engine: Translator) -> None:
    async with asyncio.timeout(60):
        translated = await engine.translate(LONG.strip(), "en", "pt")
    assert translated.count(".") == 200


async def test_the_same_text_gives_the_same_translation(engine: Translator) -> None:
    assert await engine.translate(TALK, "en", "es") == await engine.translate(TALK, "en", "es")


async def test_many_at_once_do_not_mix(engine: Translator) -> None:
    texts = [f"There are {number} houses." for number in range(10, 40)]
    translated = await asyncio.gather(*(engine.translate(text, "en", "es") for text in texts))
    assert [int("".join(filter(str.isdigit, text))) for text in translated] == list(range(10, 40))


@pytest.mark.parametrize(
    ("text", "target", "parts"),
    [
        ("Today Kalumbo talks about the feast of booths.", "es", ["Kalumbo", "fiesta de las cabañas"]),
        ("The feast of booths is a gift to all of us.", "pt", ["festa das cabanas"]),
        ("Read John 3:16 and 1 Cor 13:4-7 with Kalumbo at 10:30.", "fr", ["3:16", "13:4-7", "Kalumbo", "10:30"]),
        ("Of 5,000 people, 12 stayed in Ark City for 40 days.", "it", ["12", "Ark City", "40"]),
    ],
)
async def test_terms_and_figures_come_through_every_engine(
    engine: Translator, text: str, target: str, parts: list[str]
) -> None:
    given = [
        Term("Kalumbo"),
        Term("Ark City"),
        Term("feast of booths", "fiesta de las cabañas", "es"),
        Term("feast of booths", "festa das cabanas", "pt"),
    ]
    deadline = asyncio.get_running_loop().time() + 60.0
    terms = terms_for(glossary(given), target)
    translated = await fidelity.translate(partial(engine.translate, source="en", target=target), text, terms, deadline)
    for part in parts:
        assert part.lower() in translated.lower()
    assert not PLACEHOLDER.search(translated)


async def test_an_unknown_pair_is_refused_for_good(engine: Translator) -> None:
    with pytest.raises(Invalid) as refusal:
        await engine.translate("Hello.", "en", "tlh")
    assert refusal.value.reason == "UNSUPPORTED_LANGUAGE"


async def test_a_cancelled_caller_leaves_the_engine_usable(engine: Translator) -> None:
    async with asyncio.TaskGroup() as tasks:
        leaving = [tasks.create_task(engine.translate(f"We go {n} times.", "en", "es")) for n in range(5)]
        await asyncio.sleep(0)
        for task in leaving:
            task.cancel()
    assert "7" in await engine.translate("There are 7 houses.", "en", "es")


async def test_the_scripted_engine_is_slow_and_fails_where_told() -> None:
    config = Config(ENGINES="scripted", scripted_failing=("fr",), scripted_slow={"de": 3600.0})
    async with open_engine(config) as engine:
        assert await engine.translate("Hello there.", "en", "es") == "[es] Hello there."
        with pytest.raises(Unavailable, match="TRANSLATION_FAILED"):
            await engine.translate("Hello.", "en", "fr")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await engine.translate("Hello.", "en", "de")


# The local engine, really translating.


@pytest.mark.local_engines
@pytest.mark.parametrize(
    ("text", "target", "expected"),
    [
        ("Thank you.", "pt", "Obrigado."),
        ("Thank you.", "es", "Gracias."),
        ("Thank you, John.", "pt", "Obrigado, John."),
        ("Amen.", "pt", "Amém."),
        ("One.", "pt", "Um."),
        ("Yes. No.", "fr", "Oui. Non."),
        ("Good evening, everybody.", "es", "Buenas noches, todos."),
        ("Why are you here?", "es", "¿Por qué está aquí?"),
        ("John 3:16.", "es", "Juan 3:16."),
        ("In the United States.", "es", "En los Estados Unidos."),
        ("Hello, my friends.", "fr", "Salut, mes amis."),
        ("Hello, my friends.", "it", "Ciao, i miei amici."),
        ("Hello, my friends.", "ca", "Hola, els meus amics."),
        ("Hello, my friends.", "gl", "Ola, os meus amigos."),
    ],
)
async def test_what_people_say_comes_out_right(local: LocalTranslator, text: str, target: str, expected: str) -> None:
    assert await local.translate(text, "en", target) == expected


@pytest.mark.local_engines
@pytest.mark.parametrize("target", ["es", "ca", "gl", "fr", "it", "en"])
async def test_portuguese_goes_wherever_english_does(local: LocalTranslator, target: str) -> None:
    assert await local.translate("Obrigado.", "pt", target) != "Obrigado."


@pytest.mark.local_engines
@pytest.mark.parametrize("hop", [("pt", "es"), ("es", "pt"), ("es", "ca"), ("ca", "es"), ("es", "gl"), ("gl", "es")])
@pytest.mark.parametrize(
    "text",
    [
        r"[zqa] {zqb} ^zqc$ zqd/zqe zqf\zqg <zqh> zqi@zqj.",
        "zqa * # zqb ~zqc 50% &amp; [zqd",
        r"\[zqa\] ^$ {} <> []",
        "zqa@zqb.org zqc://zqd zqe-to-zqf",
    ],
)
async def test_apertiums_own_marks_survive_in_a_text(local: LocalTranslator, hop: tuple[str, str], text: str) -> None:
    assert await local.translate(text, *hop) == text


async def test_english_into_many_languages_is_one_english_to_portuguese() -> None:
    asked: list[tuple[str, str]] = []

    def hop(source: str, target: str) -> Hop:
        async def translate(_: Pipe, text: str) -> str:
            asked.append((source, target))
            await asyncio.sleep(0.01)
            return f"{text} {target}"

        return Hop(source, target, "fake", Pipe("none", [["cat"]], queue=1, idle_seconds=1.0), translate)

    hops = [hop(*ends) for ends in (("en", "pt"), ("pt", "es"), ("es", "ca"), ("es", "fr"))]
    async with Flights[tuple[str, str, str], str]() as flights:
        engine = LocalTranslator(hops, flights)
        translated = await asyncio.gather(*(engine.translate("hi", "en", to) for to in ("fr", "ca", "es", "pt")))
    assert translated == ["hi pt es fr", "hi pt es ca", "hi pt es", "hi pt"]
    assert sorted(asked) == [("en", "pt"), ("es", "ca"), ("es", "fr"), ("pt", "es")]


@pytest.mark.local_engines
async def test_after_its_programs_were_killed_the_next_text_is_translated(local: LocalTranslator) -> None:
    await local.translate("The house is red.", "en", "es")
    groups = local.process_groups()
    assert len(groups) == 2
    for group in groups:
        os.killpg(group, signal.SIGKILL)
    assert await local.translate("Thank you.", "en", "es") == "Gracias."


@pytest.mark.local_engines
async def test_programs_are_ended_with_the_engine() -> None:
    async with open_local(Config(warm=())) as engine:
        await engine.translate("The house is red.", "en", "es")
        groups = engine.process_groups()
    assert len(groups) == 2
    await until(lambda: not any(map(alive, groups)))


@pytest.mark.local_engines
async def test_without_a_model_the_pairs_that_need_it_are_not_offered(tmp_path: Path) -> None:
    async with open_local(Config(LINGOCAST_DATA=tmp_path, warm=())) as engine:
        assert ("en", "pt") not in engine.capabilities.pairs
        assert ("pt", "es") in engine.capabilities.pairs


@pytest.mark.local_engines
async def test_without_apertium_the_pairs_that_need_it_are_not_offered(tmp_path: Path) -> None:
    async with open_local(Config(apertium_modes=tmp_path, warm=())) as engine:
        assert set(engine.capabilities.pairs) >= {("en", "pt"), ("pt", "en")}
        assert ("en", "gl") not in engine.capabilities.pairs


async def test_with_nothing_at_all_the_engine_does_not_open(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="NO_TRANSLATION_ENGINE"):
        async with open_local(Config(LINGOCAST_DATA=tmp_path, apertium_modes=tmp_path)):
            pytest.fail("opened")


# The programs behind it, played by sed: with -z it too answers texts that end in null characters.


@asynccontextmanager
async def running(
    script: str, *, queue: int = 8, idle_seconds: float = 60.0, answer_seconds: float = 5.0
) -> AsyncIterator[Pipe]:
    pipe = Pipe(
        "sed",
        [["cat"], ["sed", "-zu", script]],
        queue=queue,
        idle_seconds=idle_seconds,
        answer_seconds=answer_seconds,
    )
    async with asyncio.TaskGroup() as tasks:
        server = tasks.create_task(pipe.run())
        try:
            yield pipe
        finally:
            server.cancel()


def alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        # Processes end without telling us.
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_pipe_answers_each_question_with_its_own_answer() -> None:
    async with running("s/$/!/") as pipe:
        assert await asyncio.gather(*(pipe.ask(str(n)) for n in range(8))) == [f"{n}!" for n in range(8)]


async def test_a_pipe_carries_empty_and_huge_texts_and_null_characters() -> None:
    async with running("s/$/!/") as pipe:
        assert await pipe.ask("") == "!"
        assert await pipe.ask("é" * 300_000) == "é" * 300_000 + "!"
        assert await pipe.ask("a\0b") == "a b!"


async def test_programs_start_with_the_first_question_and_end_when_idle() -> None:
    async with running("s/$/!/", idle_seconds=0.05) as pipe:
        assert pipe.process_group is None
        await pipe.ask("a")
        await until(lambda: pipe.process_group is None)
        assert await pipe.ask("b") == "b!"


async def test_a_program_that_was_killed_is_started_again() -> None:
    async with running("s/$/!/") as pipe:
        await pipe.ask("a")
        assert pipe.process_group is not None
        os.killpg(pipe.process_group, signal.SIGKILL)
        assert await pipe.ask("b") == "b!"


async def test_a_text_that_ends_the_program_fails_alone() -> None:
    async with running("/poison/Q") as pipe:
        outcomes = await asyncio.gather(*map(pipe.ask, ("a", "poison", "b")), return_exceptions=True)
    assert (outcomes[0], outcomes[2]) == ("a", "b")
    assert isinstance(outcomes[1], Unavailable)
    assert outcomes[1].reason == "TRANSLATION_FAILED"


async def test_a_text_that_hangs_the_program_fails_alone() -> None:
    async with running("/hang/e sleep 3600", answer_seconds=0.5) as pipe:
        await pipe.ask("a")
        group = pipe.process_group
        outcomes = await asyncio.gather(*map(pipe.ask, ("hang", "b")), return_exceptions=True)
        assert group is not None
        await until(lambda: not alive(group))
    assert isinstance(outcomes[0], Unavailable)
    assert outcomes[0].reason == "ENGINE_TIMEOUT"
    assert outcomes[1] == "b"


async def test_when_too_many_wait_more_are_refused_at_once() -> None:
    async with running("s/$/!/", queue=2) as pipe:
        await pipe.ask("a")
        # All ask before the pipe runs again: two find a place.
        outcomes = await asyncio.gather(*map(pipe.ask, "bcde"), return_exceptions=True)
        assert outcomes[:2] == ["b!", "c!"]
        assert [error.reason for error in outcomes[2:] if isinstance(error, Exhausted)] == ["ENGINE_OVERLOADED"] * 2
        assert await pipe.ask("f") == "f!"


async def test_a_question_whose_caller_left_is_not_put() -> None:
    async with running("s/^/./;w /dev/stderr") as pipe, asyncio.TaskGroup() as tasks:
        leaving = tasks.create_task(pipe.ask("a"))
        await asyncio.sleep(0)
        leaving.cancel()
        assert await pipe.ask("b") == ".b"


async def test_programs_end_when_the_service_is_killed() -> None:
    script = (
        "import asyncio\n"
        "from translation_svc.engines.pipe import Pipe\n"
        "async def main():\n"
        "    pipe = Pipe('sed', [['cat'], ['sed', '-zu', 's/a/b/']], queue=1, idle_seconds=60)\n"
        "    async with asyncio.TaskGroup() as tasks:\n"
        "        tasks.create_task(pipe.run())\n"
        "        await pipe.ask('a')\n"
        "        print('group', pipe.process_group, flush=True)\n"
        "        await asyncio.sleep(3600)\n"
        "asyncio.run(main())\n"
    )
    service = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert service.stdout is not None
    # Log lines come before it.
    async with asyncio.timeout(20):
        while not (line := await service.stdout.readline()).startswith(b"group "):
            assert line
    group = int(line.split()[1])
    assert alive(group)
    service.send_signal(signal.SIGKILL)
    await service.wait()
    await until(lambda: not alive(group))


async def test_a_woken_pipe_runs_before_it_is_asked() -> None:
    async with running("s/$/!/") as pipe:
        pipe.wake()
        await until(lambda: pipe.process_group is not None)
        group = pipe.process_group
        pipe.wake()
        assert await pipe.ask("a") == "a!"
        assert pipe.process_group == group
