"""Amazon Translate's adapter against its stand-in, over the wire: codes, portions, retries, every error."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
from structlog.testing import capture_logs

from chassis.aws import Misconfigured, session
from chassis.errors import Exhausted, Invalid, LingocastError, Unavailable
from chassis.glossary import Term, glossary
from tests.amazon.signing import Credentials
from tests.amazon.translate import (
    LANGUAGES,
    THROTTLE,
    TranslateStandIn,
    all_lost,
    lost,
    lowered,
    reversed_order,
    spaced,
)
from translation_svc import fidelity
from translation_svc.config import Config
from translation_svc.domain.glossary import terms_for
from translation_svc.engines import open_engine
from translation_svc.engines.aws_translate import AwsTranslator
from translation_svc.engines.aws_translate import open_engine as open_aws


@pytest.fixture(autouse=True, scope="module")
def _credentials() -> Iterator[None]:
    # The process reads its credentials once.
    session.cache_clear()
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}.items():
            environment.setenv(name, value)
        for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE"):
            environment.delenv(name, raising=False)
        yield
    session.cache_clear()


@pytest.fixture
def without_credentials(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    session.cache_clear()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    yield
    session.cache_clear()


def config_of(amazon: TranslateStandIn, **changed: object) -> Config:
    # Patient, so that a busy machine changes no outcome; tests of impatience say otherwise.
    terms: dict[str, object] = {
        "AWS_ENDPOINT_URL_TRANSLATE": amazon.url,
        "AWS_REGION": "us-east-1",
        "aws_request_seconds": 20.0,
        "aws_patience_seconds": 30.0,
    }
    return Config(**{**terms, **changed})  # type: ignore[arg-type]


@asynccontextmanager
async def engine_at(amazon: TranslateStandIn, **changed: object) -> AsyncIterator[AwsTranslator]:
    async with open_aws(config_of(amazon, **changed)) as engine:
        yield engine


async def test_what_is_said_comes_back_translated_and_the_request_was_signed_and_valid() -> None:
    async with TranslateStandIn() as amazon, engine_at(amazon) as engine:
        assert await engine.translate("Hello, my friends.", "en", "es") == "[es] Hello, my friends."
        assert amazon.texts == ["Hello, my friends."]
        assert not amazon.refusals
        assert not amazon.calls[-1].members.keys() & {"Settings", "TerminologyNames"}


async def test_all_of_amazons_languages_are_offered_into_all_others() -> None:
    async with TranslateStandIn() as amazon, engine_at(amazon) as engine:
        pairs = engine.capabilities.pairs
        assert len(pairs) == 75 * 74
        assert {source for source, _ in pairs} == set(LANGUAGES.split())
        # Pages, and no language called "auto".
        assert [call.operation for call in amazon.calls] == ["ListLanguages"] * 2


@pytest.mark.parametrize("ends", [("zh", "zh-TW"), ("en", "fr-CA"), ("es-MX", "pt-PT"), ("he", "no"), ("tl", "fa-AF")])
async def test_languages_go_by_amazons_own_codes(ends: tuple[str, str]) -> None:
    # An Amazon that still writes some of them as it once did.
    old = {"he": "iw", "tl": "fil", "no": "nb"}
    languages = [old.get(code, code) for code in LANGUAGES.split()]
    async with TranslateStandIn(languages=languages) as amazon, engine_at(amazon) as engine:
        await engine.translate("Hello.", *ends)
        asked = amazon.calls[-1].members
    assert (asked["SourceLanguageCode"], asked["TargetLanguageCode"]) == tuple(old.get(code, code) for code in ends)


async def test_new_languages_are_offered_without_a_restart() -> None:
    async with TranslateStandIn(languages=["en", "es"]) as amazon, engine_at(amazon) as engine:
        assert set(engine.capabilities.pairs) == {("en", "es"), ("es", "en")}
        amazon.languages += ["pt", "klingonese"]
        await engine.ask_languages()
        assert ("en", "pt") in engine.capabilities.pairs
        assert len(engine.capabilities.pairs) == 6


async def test_languages_are_asked_for_now_and_then_and_again_after_a_failure() -> None:
    async with TranslateStandIn(languages=["en", "es"]) as amazon:
        # More than one asking has tries.
        amazon.listing_faults.extend(["unavailable"] * 5)
        async with engine_at(amazon, aws_languages_seconds=0.02) as engine, asyncio.timeout(30):
            amazon.languages.append("pt")
            # The engine asks by itself; the condition is its.
            while ("en", "pt") not in engine.capabilities.pairs or len(engine.capabilities.pairs) != 6:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_an_amazon_that_is_away_at_the_start_is_no_reason_not_to_start() -> None:
    async with TranslateStandIn() as amazon:
        amazon.listing_faults.extend(["unavailable"] * 50)
        with capture_logs() as logs:
            async with engine_at(amazon, aws_patience_seconds=0.05) as engine:
                assert len(engine.capabilities.pairs) == 75 * 74
        assert [line["event"] for line in logs].count("languages_not_listed") == 1


async def test_credentials_that_do_not_fit_are_told_at_the_start() -> None:
    async with TranslateStandIn(credentials=Credentials(secret="another")) as amazon:
        with pytest.raises(Misconfigured, match="credentials do not fit"):
            async with engine_at(amazon):
                pytest.fail("opened")


@pytest.mark.usefixtures("without_credentials")
async def test_without_credentials_the_sentence_says_what_to_set() -> None:
    async with TranslateStandIn() as amazon:
        with pytest.raises(Misconfigured, match="AWS_ACCESS_KEY_ID"):
            async with engine_at(amazon):
                pytest.fail("opened")
        assert not amazon.calls


@pytest.mark.parametrize("fault", ["unavailable", "internal", "gateway", "reset", "malformed", THROTTLE])
async def test_what_passes_is_tried_again(fault: str) -> None:
    async with TranslateStandIn() as amazon, engine_at(amazon) as engine:
        amazon.faults.extend([fault] * 2)
        assert await engine.translate("Hello.", "en", "es") == "[es] Hello."
        assert not amazon.faults


async def test_a_request_that_stalls_is_given_up_and_made_again() -> None:
    async with TranslateStandIn() as amazon, engine_at(amazon, aws_request_seconds=1.0) as engine:
        amazon.faults.append("stall")
        assert await engine.translate("Hello.", "en", "es") == "[es] Hello."


@pytest.mark.parametrize(
    ("fault", "kind", "reason"),
    [
        (THROTTLE, Exhausted, "ENGINE_OVERLOADED"),
        ("throttle-generic", Exhausted, "ENGINE_OVERLOADED"),
        ("unavailable", Unavailable, "TRANSLATION_FAILED"),
        ("internal", Unavailable, "TRANSLATION_FAILED"),
        ("gateway", Unavailable, "TRANSLATION_FAILED"),
        ("reset", Unavailable, "TRANSLATION_FAILED"),
        ("malformed", Unavailable, "TRANSLATION_FAILED"),
    ],
)
async def test_what_does_not_pass_in_four_tries_fails_for_now(
    fault: str, kind: type[LingocastError], reason: str
) -> None:
    async with TranslateStandIn() as amazon, engine_at(amazon) as engine:
        amazon.faults.extend([fault] * 100)
        with pytest.raises(kind) as failed:
            await engine.translate("Hello.", "en", "es")
        assert failed.value.reason == reason
        assert not isinstance(failed.value, Misconfigured)
        assert len(amazon.texts) == 4
        assert (failed.value.retry_after is not None) is (kind is Exhausted)
        amazon.faults.clear()
        assert await engine.translate("Hello.", "en", "es") == "[es] Hello."


async def test_an_amazon_that_says_nothing_is_a_timeout_of_the_engine() -> None:
    async with TranslateStandIn() as amazon, engine_at(amazon, aws_patience_seconds=0.3) as engine:
        amazon.faults.extend(["stall"] * 3)
        with pytest.raises(Unavailable) as failed:
            await engine.translate("Hello.", "en", "es")
        assert failed.value.reason == "ENGINE_TIMEOUT"


@pytest.mark.parametrize(
    ("fault", "kind", "reason"),
    [
        ("pair", Invalid, "UNSUPPORTED_LANGUAGE"),
        ("low-confidence", Invalid, "TRANSLATION_FAILED"),
        ("size", Invalid, "TRANSLATION_FAILED"),
        ("invalid", Invalid, "TRANSLATION_FAILED"),
        ("no-terminology", Misconfigured, "TRANSLATION_FAILED"),
        ("denied", Misconfigured, "TRANSLATION_FAILED"),
        ("expired", Misconfigured, "TRANSLATION_FAILED"),
        ("unknown-client", Misconfigured, "TRANSLATION_FAILED"),
        ("unsubscribed", Misconfigured, "TRANSLATION_FAILED"),
        ("empty", Unavailable, "TRANSLATION_FAILED"),
    ],
)
async def test_what_no_second_try_mends_is_not_tried_again(fault: str, kind: type[LingocastError], reason: str) -> None:
    async with TranslateStandIn() as amazon, engine_at(amazon) as engine:
        amazon.faults.append(fault)
        with pytest.raises(kind) as failed:
            await engine.translate("A secret.", "en", "es")
        assert failed.value.reason == reason
        assert "secret" not in str(failed.value)
        assert len(amazon.texts) == 1


async def test_a_long_text_goes_in_portions_of_whole_sentences_and_comes_back_whole() -> None:
    sentence = "我们走到河边，就在那里坐下。"
    text = sentence * 600
    async with TranslateStandIn() as amazon, engine_at(amazon) as engine:
        translated = await engine.translate(text, "zh", "ja")
        assert len(amazon.texts) == 3
        assert all(len(portion.encode()) <= 10_000 and portion.endswith("。") for portion in amazon.texts)
        assert translated.replace("[ja] ", "") == text


async def test_marks_around_placeholders_count_into_a_portion() -> None:
    text = "Xq0x went. " * 900
    async with TranslateStandIn() as amazon, engine_at(amazon) as engine:
        translated = await engine.translate(text.strip(), "en", "es")
        assert len(amazon.texts) > 3
        assert not amazon.refusals
        assert translated.count("Xq0x went.") == 900


async def test_placeholders_are_marked_as_not_to_be_translated() -> None:
    async with TranslateStandIn() as amazon, engine_at(amazon) as engine:
        assert await engine.translate("Xq0x & Zorvak <br> live.", "en", "es") == "[es] Xq0x & Zorvak <br> live."
        no = '<span translate="no">{}</span>'
        assert amazon.texts == [f"{no.format('Xq0x')} &amp; {no.format('Zorvak')} &lt;br&gt; live."]
        # Without any it is plain text, to the last mark.
        assert await engine.translate("Salt & <br>", "en", "es") == "[es] Salt & <br>"
        amazon.mangle = lowered
        assert await engine.translate("Xq0x lives.", "en", "es") == "[es] xq0x lives."


@pytest.mark.parametrize(
    ("mangle", "requests", "translated"),
    [
        (None, 1, "[es] Then Ebenezer sang of gracia to us."),
        (spaced, 1, "[es] Then Ebenezer sang of gracia to us."),
        (lowered, 1, "[es] then Ebenezer sang of gracia to us."),
        (reversed_order, 1, "[es] Then gracia sang of Ebenezer to us."),
        (lost, 2, "[es] Then Ebenezer sang of gracia to us."),
        (all_lost, 5, "[es] Then Ebenezer [es] sang of gracia [es] to us."),
    ],
)
async def test_terms_come_through_whatever_amazon_does_to_their_places(
    mangle: Callable[[str], str] | None, requests: int, translated: str
) -> None:
    terms = terms_for(glossary([Term("Ebenezer"), Term("grace", "gracia")]), "es")
    async with TranslateStandIn(mangle=mangle) as amazon, engine_at(amazon) as engine:
        call = partial(engine.translate, source="en", target="es")
        deadline = asyncio.get_running_loop().time() + 60.0
        assert await fidelity.translate(call, "Then Ebenezer sang of grace to us.", terms, deadline) == translated
        assert len(amazon.texts) == requests


async def test_no_more_requests_are_under_way_than_there_are_places() -> None:
    async with TranslateStandIn(seconds=0.05) as amazon, engine_at(amazon, aws_calls=3) as engine:
        texts = [f"There are {number} houses." for number in range(12)]
        translated = await asyncio.gather(*(engine.translate(text, "en", "es") for text in texts))
        assert translated == [f"[es] {text}" for text in texts]
        assert amazon.most_at_once == 3


async def test_when_too_many_wait_more_are_refused_at_once() -> None:
    async with TranslateStandIn() as amazon:
        amazon.faults.append("stall")
        async with engine_at(amazon, aws_calls=1, aws_waiting=1) as engine, asyncio.TaskGroup() as tasks:
            stalled = tasks.create_task(engine.translate("One.", "en", "es"))
            waiting = tasks.create_task(engine.translate("Two.", "en", "es"))
            async with asyncio.timeout(20):
                while not amazon.texts:  # noqa: ASYNC110 - the stand-in's to say
                    await asyncio.sleep(0.01)
            with pytest.raises(Exhausted, match="ENGINE_OVERLOADED"):
                await engine.translate("Three.", "en", "es")
            stalled.cancel()
            assert await waiting == "[es] Two."


async def test_settings_and_terminologies_go_with_the_request() -> None:
    terminologies = {"names-es": {"Zion": "Sión"}, "names": {"Zion": "ZION"}}
    async with TranslateStandIn(terminologies=terminologies) as amazon:
        changed: dict[str, object] = {
            "aws_formality": "informal",
            "aws_mask_profanity": True,
            "aws_brevity": True,
            "aws_terminologies": "es:names-es, *:names",
        }
        async with engine_at(amazon, **changed) as engine:
            assert await engine.translate("Zion.", "en", "es") == "[es] Sión."
            assert await engine.translate("Zion.", "en", "pt") == "[pt] ZION."
        assert amazon.calls[-1].members["Settings"] == {
            "Formality": "INFORMAL",
            "Profanity": "MASK",
            "Brevity": "ON",
        }
        assert not amazon.refusals


async def test_a_terminology_that_is_not_there_is_a_mistake_of_the_set_up() -> None:
    async with TranslateStandIn() as amazon, engine_at(amazon, aws_terminologies="*:nowhere") as engine:
        with pytest.raises(Misconfigured, match="no custom terminology"):
            await engine.translate("Hello.", "en", "es")


async def test_it_is_opened_by_its_name() -> None:
    async with TranslateStandIn() as amazon, open_engine(config_of(amazon, ENGINES="aws")) as engine:
        assert await engine.translate("Hello.", "en", "cy") == "[cy] Hello."
        assert engine.capabilities.pairs["en", "cy"].engine == "aws-translate"
