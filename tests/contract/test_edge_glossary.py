"""A session's glossary through the edge: taken, told, passed on, and kept for as long as it must be (S1, L4)."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from chassis.errors import Unavailable
from edge.client import ClientError, Speaker, Term
from tests.fakes.edge import RunningEdge, held, running_edge, running_edges

GRACE = {"source": "grace", "target": "gracia", "language": "es"}
ZION = {"source": "Zion"}
REFRESH = {"action": "refreshConnection", "role": "speaker", "token": "valid-ada"}


@pytest.fixture
async def running() -> AsyncIterator[RunningEdge]:
    async with held(running_edge(tell_loss_after_seconds=60.0)) as edge:
        yield edge


@pytest.mark.parametrize("plain", [True, False], ids=["plain", "v1"])
async def test_a_glossary_is_accepted_and_reaches_the_broadcast(running: RunningEdge, plain: bool) -> None:
    speaker, _ = await running.speaker(plain)
    stream = await running.transcription.stream()
    accepted = await speaker.ask("glossaryAccepted", "setGlossary", terms=[GRACE, ZION])
    assert accepted == {"type": "glossaryAccepted", "version": "29a6dfa844c7965c", "terms": 2}
    await stream.until(lambda: stream.glossary == [("grace", "gracia", "es"), ("Zion", "", "")])
    assert stream.controls[-1].glossary.version == accepted["version"]


async def test_another_glossary_replaces_it_and_an_empty_one_removes_it(running: RunningEdge) -> None:
    speaker, _ = await running.speaker()
    stream = await running.transcription.stream()
    first = await speaker.ask("glossaryAccepted", "setGlossary", terms=[GRACE])
    second = await speaker.ask("glossaryAccepted", "setGlossary", terms=[ZION, ZION])
    assert (second["terms"], second["version"] != first["version"]) == (1, True)
    await stream.until(lambda: stream.glossary == [("Zion", "", "")])
    assert await speaker.ask("glossaryAccepted", "setGlossary", terms=[]) == {
        "type": "glossaryAccepted",
        "version": "",
        "terms": 0,
    }
    await stream.until(lambda: stream.glossary == [])


async def test_five_hundred_terms_go_in_one_message(running: RunningEdge) -> None:
    speaker, _ = await running.speaker()
    terms = [{"source": f"term number {n}", "target": f"término número {n}"} for n in range(500)]
    assert len(json.dumps(terms)) > 4_096
    assert (await speaker.ask("glossaryAccepted", "setGlossary", terms=terms))["terms"] == 500
    stream = await running.transcription.stream()
    await stream.until(lambda: len(stream.glossary) == 500)


async def test_a_wrong_glossary_changes_nothing(running: RunningEdge) -> None:
    speaker, _ = await running.speaker()
    stream = await running.transcription.stream()
    await speaker.ask("glossaryAccepted", "setGlossary", terms=[GRACE])
    await stream.until(lambda: stream.glossary != [])
    await speaker.say("setGlossary", terms=[ZION, {"source": "?"}])
    await speaker.error("INVALID_PARAMETER")
    await speaker.alive()
    assert stream.glossary == [("grace", "gracia", "es")]


async def test_who_sends_glossaries_without_end_is_told_to_wait_and_stays(running: RunningEdge) -> None:
    speaker, _ = await running.speaker()
    stream = await running.transcription.stream()
    for number in range(20):
        await speaker.say("setGlossary", terms=[{"source": f"term {number}"}])
    error = await speaker.error("RATE_LIMIT_EXCEEDED")
    assert error["retryAfter"] >= 1
    await speaker.alive()
    assert stream.glossary != [("term 19", "", "")]


async def test_after_a_loss_of_recognition_the_glossary_is_there_from_the_first_message(running: RunningEdge) -> None:
    speaker, _ = await running.speaker()
    first = await running.transcription.stream()
    await speaker.ask("glossaryAccepted", "setGlossary", terms=[GRACE])
    await first.until(lambda: first.glossary != [])
    first.hang_up(Unavailable("TRANSCRIPTION_FAILED", "lost"))
    second = await running.transcription.stream(2)
    assert [term.source for term in second.config.glossary.terms] == ["grace"]
    await speaker.ask("glossaryAccepted", "setGlossary", terms=[ZION])
    await second.until(lambda: second.glossary == [("Zion", "", "")])


async def test_a_refresh_on_the_same_edge_keeps_it(running: RunningEdge) -> None:
    speaker, created = await running.speaker()
    stream = await running.transcription.stream()
    await speaker.ask("glossaryAccepted", "setGlossary", terms=[GRACE])
    new = await running.open({**REFRESH, "sessionId": created["sessionId"]})
    await new.expect("stateRestored")
    await new.alive()
    await stream.until(lambda: stream.glossary == [("grace", "gracia", "es")])
    assert len(running.transcription.streams) == 1


async def test_a_session_may_begin_with_a_glossary(running: RunningEdge) -> None:
    await running.speaker(glossary=json.dumps([GRACE, ZION]))
    stream = await running.transcription.stream()
    await stream.until(lambda: stream.glossary == [("grace", "gracia", "es"), ("Zion", "", "")])


@pytest.mark.parametrize("plain", [True, False], ids=["plain", "v1"])
@pytest.mark.parametrize(
    ("code", "glossary"),
    [
        ("INVALID_PARAMETER", "grace"),
        ("INVALID_PARAMETER", "{}"),
        ("INVALID_PARAMETER", '["grace"]'),
        ("INVALID_PARAMETER", '[{"source": "..."}]'),
        ("INVALID_PARAMETER", json.dumps([{"source": "x" * 150}] * 15)),
        ("MISSING_PARAMETER", "[{}]"),
        ("INVALID_LANGUAGE", '[{"source": "grace", "language": "spanish"}]'),
    ],
)
async def test_a_session_with_a_wrong_glossary_does_not_begin(
    running: RunningEdge, code: str, glossary: str, plain: bool
) -> None:
    query = {"action": "createSession", "sourceLanguage": "en", "token": "valid-ada", "glossary": glossary}
    _, error = await running.refused(query, plain=plain)
    assert error["code"] == code
    assert not running.edge.broadcasts


async def test_another_edge_does_not_know_it_until_it_is_told() -> None:
    async with running_edges(2) as (one, other):
        speaker, created = await one.speaker(glossary=json.dumps([GRACE]))
        await speaker.alive()
        moved = await other.open({**REFRESH, "sessionId": created["sessionId"]})
        await moved.expect("stateRestored")
        second = await one.transcription.stream(2)
        assert second.glossary == []
        await moved.ask("glossaryAccepted", "setGlossary", terms=[GRACE])
        await second.until(lambda: second.glossary == [("grace", "gracia", "es")])


async def test_the_python_client_sets_it(running: RunningEdge) -> None:
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks, Speaker.open(running.url, "valid-ada") as speaker:
        reading = tasks.create_task(_read(speaker))
        accepted = await speaker.set_glossary([Term("grace", "gracia", "es"), Term("Zion")])
        assert (accepted.terms, accepted.version) == (2, "29a6dfa844c7965c")
        stream = await running.transcription.stream()
        await stream.until(lambda: stream.glossary == [("grace", "gracia", "es"), ("Zion", "", "")])
        with pytest.raises(ClientError, match="INVALID_LANGUAGE"):
            await speaker.set_glossary([Term("grace", language="spanish")])
        reading.cancel()


@pytest.mark.parametrize(
    ("number", "word"),
    [(2, "término"), (200, "término"), (15, "恩典" * 35)],
    ids=["in the query", "on the connection", "too long only when escaped"],
)
async def test_the_python_client_opens_with_it_however_long_it_is(running: RunningEdge, number: int, word: str) -> None:
    terms = [Term(f"{word} {n}", f"term number {n}") for n in range(number)]
    async with asyncio.timeout(60), Speaker.open(running.url, "valid-ada", glossary=terms):
        stream = await running.transcription.stream()
        await stream.until(lambda: len(stream.glossary) == number)
        assert stream.glossary[0] == (f"{word} 0", "term number 0", "")


async def _read(speaker: Speaker) -> None:
    async for _ in speaker:
        pass
