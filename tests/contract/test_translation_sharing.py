"""Translations that instances share in a DynamoDB table: never late, never an error, never longer than their hour."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from structlog.testing import capture_logs

from chassis.dynamodb import DynamoDB, from_attributes, open_dynamodb, to_attributes
from chassis.errors import Unavailable
from chassis.probing import free_port
from tests.contract.test_translation_service import BrokenCache, FakeTranslator, service, texts, translate
from tests.databases import DYNAMODBS, environment_of, settings_of, tables_of
from translation_svc.cache import Remembered
from translation_svc.config import Config
from translation_svc.shared import SharedCache, open_shared
from translation_svc.tables import CACHED_TRANSLATIONS, TABLES

HOLA = Remembered("Hola, às ☀.", "firefox")


class Clock:
    """Stands still until told."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Rig:
    """The table, two instances over it, and their clock."""

    database: DynamoDB
    here: SharedCache
    there: SharedCache
    clock: Clock
    config: Config

    async def item(self, key: str) -> dict[str, Any]:
        table = self.database.table(CACHED_TRANSLATIONS.name)
        answer = await self.database.request("get_item", TableName=table, Key=to_attributes({"cacheKey": key}))
        return from_attributes(answer.get("Item", {}))


def config_of(name: str, **changed: Any) -> Config:
    # Longer than the settings allow: a busy machine is no fault here, and the bound has a test of its own.
    return Config(cache_table=True, **settings_of(name)).model_copy(update={"cache_read_seconds": 20.0, **changed})


@pytest.fixture(params=DYNAMODBS)
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    config, clock = config_of(request.param), Clock(1_000_000.5)
    async with (
        tables_of(config, *TABLES),
        open_dynamodb(config) as database,
        open_shared(config, Clock(0.0), clock) as here,
        open_shared(config, Clock(0.0), clock) as there,
    ):
        yield Rig(database, here, there, clock, config)


async def found(cache: SharedCache, key: str) -> Remembered:
    """Waits until another instance's write is there."""
    async with asyncio.timeout(20):
        # Another instance's write tells nobody here.
        while (remembered := await cache.get(key)) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return remembered


async def test_what_one_instance_made_another_finds(rig: Rig) -> None:
    assert await rig.there.get("en:es:abc") is None
    await rig.here.put("en:es:abc", HOLA)
    assert await found(rig.there, "en:es:abc") == HOLA


async def test_an_hour_after_it_was_made_it_is_forgotten_although_the_record_is_there(rig: Rig) -> None:
    await rig.here.put("en:es:abc", HOLA)
    await found(rig.there, "en:es:abc")
    rig.clock.now += 3599
    assert await rig.there.get("en:es:abc") == HOLA
    rig.clock.now += 1
    assert await rig.there.get("en:es:abc") is None
    assert (await rig.item("en:es:abc"))["ttl"] == 1_003_600


async def test_what_waits_is_written_before_the_end(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("translation_svc.shared._DRAIN_SECONDS", 20.0)  # Of a busy machine.
    async with open_shared(rig.config, Clock(0.0), rig.clock) as leaving:
        for number in range(5):
            await leaving.put(f"en:es:{number}", HOLA)
    assert [(await rig.item(f"en:es:{number}"))["translation"] for number in range(5)] == [HOLA.text] * 5


class Deaf:
    """A database that answers when told, or fails; counts what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers = asyncio.Event()
        self.asks = asyncio.Condition()
        self.fails = False

    def table(self, name: str) -> str:
        return name

    async def request(self, operation: str, *, timeout: float | None = None, **_: Any) -> dict[str, Any]:
        self.asked.append(operation)
        async with self.asks:
            self.asks.notify_all()
        try:
            async with asyncio.timeout(timeout):
                if not self.fails:
                    await self.answers.wait()
        except TimeoutError:
            pass
        else:
            if not self.fails:
                return {}
        raise Unavailable("STORE_UNAVAILABLE", "no answer")

    async def until(self, times: int) -> None:
        """Waits until it was asked so often."""
        async with self.asks:
            await self.asks.wait_for(lambda: len(self.asked) >= times)


def deaf(now: Clock | None = None, **changed: Any) -> tuple[Deaf, SharedCache]:
    database = Deaf()
    config = Config(cache_table=True, **{"cache_read_seconds": 0.02, **changed})
    return database, SharedCache(database, config, now or Clock(0.0), Clock(0.0))  # type: ignore[arg-type]


@asynccontextmanager
async def writing(cache: SharedCache) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(cache.run())
        yield
        task.cancel()


async def test_a_table_that_does_not_answer_is_a_miss_in_a_bounded_time() -> None:
    database, cache = deaf()
    async with asyncio.timeout(20):
        assert await cache.get("key") is None
    assert database.asked == ["get_item"]


async def test_writing_never_waits_and_what_does_not_fit_is_dropped() -> None:
    database, cache = deaf(cache_writes_waiting=3)
    for number in range(10):
        await cache.put(f"key-{number}", HOLA)
    database.answers.set()
    cache.close()
    async with asyncio.timeout(20):
        await cache.run()
    assert database.asked == ["put_item"] * 3


async def test_what_waits_to_be_written_is_not_written_twice() -> None:
    database, cache = deaf()
    database.answers.set()
    for _ in range(5):
        await cache.put("key", HOLA)
    cache.close()
    await cache.run()
    assert database.asked == ["put_item"]


async def test_a_table_that_fails_is_left_alone_and_then_tried_by_one_look() -> None:
    now = Clock(0.0)
    database, cache = deaf(now)
    database.fails = True
    with capture_logs() as logs:
        for _ in range(20):
            assert await cache.get("key") is None
        assert len(database.asked) == 5
        now.now = 30.0
        database.fails = False
        database.answers.set()
        for _ in range(3):
            assert await cache.get("key") is None
    assert len(database.asked) == 8
    # One line for each change, none for each miss.
    assert [(line["event"], line["state"]) for line in logs] == [
        ("breaker_changed", "open"),
        ("breaker_changed", "half_open"),
        ("breaker_changed", "closed"),
    ]


async def test_writes_that_fail_open_the_breaker_too_and_do_not_end_the_writing() -> None:
    now = Clock(0.0)
    database, cache = deaf(now)
    database.fails = True
    for number in range(8):
        await cache.put(f"key-{number}", HOLA)
    async with writing(cache), asyncio.timeout(20):
        await database.until(5)
        assert await cache.get("key-0") is None
        assert database.asked == ["put_item"] * 5
        now.now = 30.0
        database.fails = False
        database.answers.set()
        await cache.put("later", HOLA)
        await database.until(6)


# In the service.


class Elsewhere:
    """What other instances made. A look-up waits until `looks` of them are under way."""

    def __init__(self, looks: int = 1, **made: str) -> None:
        self.made = {f"en:{target}": Remembered(text, "elsewhere") for target, text in made.items()}
        self.looked, self.put_keys = list[str](), list[str]()
        self._together = asyncio.Barrier(looks)

    async def get(self, key: str) -> Remembered | None:
        self.looked.append(key)
        await self._together.wait()
        return self.made.get(key.rpartition(":")[0])

    async def put(self, key: str, translation: Remembered) -> None:
        self.put_keys.append(key.rpartition(":")[0])


async def test_what_another_instance_made_needs_no_engine_and_is_looked_up_for_all_languages_at_once() -> None:
    engine, elsewhere = FakeTranslator(), Elsewhere(looks=3, es="Hola.", fr="Salut.")
    async with service(engine, shared=elsewhere) as stub:
        responses = {one.language: one.translation for one in await translate(stub, "es", "fr", "pt")}
    assert {language: one.text for language, one in responses.items()} == {
        "es": "Hola.",
        "fr": "Salut.",
        "pt": "pt(Hello.)",
    }
    assert [responses[language].from_cache for language in ("es", "fr", "pt")] == [True, True, False]
    assert [target for _, _, target in engine.calls] == ["pt"]
    # Its hour began where it was made: it is neither written again nor kept here.
    assert elsewhere.put_keys == ["en:pt"]


async def test_what_is_remembered_here_is_not_looked_up_elsewhere() -> None:
    elsewhere = Elsewhere()
    async with service(FakeTranslator(), shared=elsewhere) as stub:
        await translate(stub, "es")
        assert (await translate(stub, "es"))[0].translation.from_cache
    assert len(elsewhere.looked) == 1


async def test_what_is_still_spoken_is_neither_looked_up_nor_shared() -> None:
    elsewhere = Elsewhere(es="Hola.")
    async with service(FakeTranslator(), shared=elsewhere) as stub:
        assert texts(await translate(stub, "es", partial_text=True)) == {"es": "es(Hello.)"}
    assert (elsewhere.looked, elsewhere.put_keys) == ([], [])


async def test_a_fault_of_the_shared_layer_is_a_miss() -> None:
    async with service(FakeTranslator(), shared=BrokenCache()) as stub:
        assert texts(await translate(stub, "es", "fr")) == {"es": "es(Hello.)", "fr": "fr(Hello.)"}


async def test_nobody_there_is_warned_of_once_and_then_missed() -> None:
    config = Config(
        cache_table=True,
        dynamodb_endpoint=f"http://127.0.0.1:{free_port()}",
        aws_region="us-east-1",
    )
    settings_of(DYNAMODBS[0])  # Sets credentials.
    with capture_logs() as logs:
        async with asyncio.timeout(30), open_shared(config, Clock(0.0), Clock(0.0)) as cache:
            await cache.put("key", HOLA)
            assert [await cache.get("key") for _ in range(10)] == [None] * 10
    assert [line["event"] for line in logs].count("cache_table_unusable") == 1


def test_the_command_makes_the_table_and_says_what_is_there() -> None:
    environment = environment_of(config_of(DYNAMODBS[0]))

    def tables(command: str) -> subprocess.CompletedProcess[str]:
        credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "PATH": ""}
        return subprocess.run(
            [sys.executable, "-m", "translation_svc.tables", command],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            env={**credentials, **environment},
        )

    assert tables("describe").returncode == 1
    made = tables("create")
    assert made.returncode == 0, made.stderr
    assert tables("create").returncode == 0
    told = tables("describe")
    assert told.returncode == 0
    assert f"{environment['DYNAMODB_PREFIX']}CachedTranslations  ACTIVE" in told.stdout
    assert "cacheKey" in told.stdout
