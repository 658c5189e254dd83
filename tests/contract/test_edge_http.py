"""The HTTP side of the edge: probes, public facts, pages."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from yarl import URL

from chassis.errors import Unavailable
from tests.fakes.edge import RunningEdge, held, running_edge


@pytest.fixture
async def running() -> AsyncIterator[RunningEdge]:
    async with held(running_edge()) as edge:
        yield edge


async def test_probes_answer(running: RunningEdge) -> None:
    assert (await running.get("/healthz")).status == 200
    assert (await running.get("/readyz")).status == 200


async def test_languages_are_named_in_themselves(running: RunningEdge) -> None:
    offered = await (await running.get("/api/languages")).json()
    english = offered["sources"][0]
    assert (english["code"], english["name"]) == ("en", "English")
    assert {"code": "es", "name": "español"} in english["targets"]


async def test_a_session_shows_public_facts_only(running: RunningEdge) -> None:
    _, created = await running.speaker(pin="1234")
    answer = await running.get(f"/api/sessions/{created['sessionId']}")
    facts = await answer.json()
    assert facts["hasPin"] is True
    assert facts["targetLanguages"] == ["es", "fr", "pt"]
    text = await answer.text()
    assert "ada" not in text
    assert created["connectionId"] not in text
    assert "1234" not in text


@pytest.mark.parametrize(("session_id", "status"), [("patient-ark-999", 404), ("nonsense", 400)])
async def test_a_session_that_is_not_there_is_told_as_json(running: RunningEdge, session_id: str, status: int) -> None:
    answer = await running.get(f"/api/sessions/{session_id}")
    assert answer.status == status
    assert (await answer.json())["status"] == status


async def test_a_session_has_a_qr_code(running: RunningEdge) -> None:
    answer = await running.get("/api/sessions/patient-ark-100/qr.svg")
    assert answer.content_type == "image/svg+xml"
    assert b"<svg" in await answer.read()


@pytest.mark.parametrize("path", ["/", "/speak", "/s/patient-ark-100", "/style.css"])
async def test_pages_come_with_security_headers_and_without_inline_script(running: RunningEdge, path: str) -> None:
    answer = await running.get(path)
    assert answer.status == 200
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    text = await answer.text()
    assert "<script" not in text
    assert "$" not in text


async def test_the_page_of_a_session_names_it(running: RunningEdge) -> None:
    assert "patient-ark-100" in await (await running.get("/s/patient-ark-100")).text()


async def test_keys_of_the_local_issuer_are_published(running: RunningEdge) -> None:
    assert await (await running.get("/.well-known/jwks.json")).json() == {"keys": []}


async def test_an_edge_that_knows_no_languages_is_not_ready(running: RunningEdge) -> None:
    running.edge.languages.reachable = False
    assert (await running.get("/readyz")).status == 503


async def test_a_store_that_is_down_is_told_as_503(running: RunningEdge) -> None:
    running.sessions.fail_with = Unavailable("STORE_UNAVAILABLE", "no")
    assert (await running.get("/api/sessions/patient-ark-100")).status == 503


async def test_a_join_link_too_long_to_draw_is_refused(running: RunningEdge) -> None:
    url = f"{running.url}/api/sessions/patient-ark-100/qr.svg"
    answer = await running.http.get(url, headers={"Host": "a" * 2_500})
    assert answer.status == 400
    assert (await answer.json())["code"] == "INVALID_PARAMETER"


async def test_a_refusal_that_knows_when_to_come_again_says_so_in_the_header(running: RunningEdge) -> None:
    running.sessions.fail_with = Unavailable("SERVICE_UNAVAILABLE", "busy", retry_after=timedelta(seconds=7))
    answer = await running.get("/api/sessions/patient-ark-100")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "7")


async def test_the_log_of_the_library_names_no_client(running: RunningEdge, caplog: pytest.LogCaptureFixture) -> None:
    secret = "x" * 20_000
    assert (await running.get(f"/ws?token={secret}")).status == 400
    headers = {"Sec-WebSocket-Protocol": "bearer, secret-token"}
    query = {"sessionId": "patient-ark-999", "targetLanguage": "es"}
    assert (await running.refused(query, plain=True, headers=headers))[0] == 404
    assert "xxx" not in caplog.text
    assert "secret-token" not in caplog.text
    assert "127.0.0.1" not in caplog.text


@pytest.mark.parametrize("path", ["/", "/s/patient-ark-100", "/api/sessions/patient-ark-100/qr.svg"])
async def test_a_host_that_is_no_text_is_refused_and_not_our_failure(running: RunningEdge, path: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", URL(running.url).port)
    writer.write(f"GET {path} HTTP/1.1\r\nConnection: close\r\nHost: ".encode() + b"\xff\r\n\r\n")
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"INVALID_PARAMETER" in answer
