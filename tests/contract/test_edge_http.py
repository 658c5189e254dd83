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
    await running.speaker()
    answer = await running.get(path)
    assert answer.status == 200
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    text = await answer.text()
    assert "<script" not in text
    assert "$" not in text


async def test_the_page_of_a_session_names_it(running: RunningEdge) -> None:
    await running.speaker()
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


SECURE = {"Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "Permissions-Policy"}


@pytest.mark.parametrize(
    ("session_id", "status", "says"),
    [
        ("patient-ark-999", 404, "no session patient-ark-999 at present"),
        ("nonsense", 400, "A session id looks like"),
        ("<script>alert(1)</script>", 400, "A session id looks like"),
        ("%FF%00", 400, "A session id looks like"),
    ],
)
async def test_the_page_of_no_session_says_so_to_people(
    running: RunningEdge, session_id: str, status: int, says: str
) -> None:
    answer = await running.http.get(URL(f"{running.url}/s/{session_id.replace('/', '%2F')}", encoded=True))
    text = await answer.text()
    assert (answer.status, answer.content_type) == (status, "text/html")
    assert says in text
    assert "<script" not in text
    assert answer.headers.keys() >= SECURE


async def test_the_page_of_a_session_that_ended_says_so(running: RunningEdge) -> None:
    _, created = await running.speaker()
    await running.sessions.end_by_itself(created["sessionId"], "expired")
    assert (await running.get(f"/s/{created['sessionId']}")).status == 404


async def test_the_page_of_a_session_comes_while_the_store_is_down(running: RunningEdge) -> None:
    running.sessions.fail_with = Unavailable("STORE_UNAVAILABLE", "no")
    assert (await running.get("/s/patient-ark-100")).status == 200


@pytest.mark.parametrize(
    ("path", "accept", "kind"),
    [
        ("/nowhere", "text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),
        ("/nowhere", "application/json", "application/json"),
        ("/nowhere", "*/*", "application/json"),
        ("/api/nowhere", "text/html", "application/json"),
        ("/s/", "text/html", "text/html"),
        ("/ws/else", "*/*", "application/json"),
    ],
)
async def test_an_address_that_leads_nowhere_is_told_as_the_client_reads(
    running: RunningEdge, path: str, accept: str, kind: str
) -> None:
    answer = await running.http.get(f"{running.url}{path}", headers={"Accept": accept})
    assert (answer.status, answer.content_type) == (404, kind)
    assert "leads nowhere" in await answer.text()
    assert answer.headers.keys() >= SECURE


async def test_a_wrong_method_is_told_with_those_that_are_right(running: RunningEdge) -> None:
    answer = await running.http.post(f"{running.url}/api/languages")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET,HEAD")
    assert (await answer.json())["status"] == 405


async def test_public_facts_may_be_read_by_any_site_without_credentials(running: RunningEdge) -> None:
    _, created = await running.speaker()
    session_id = created["sessionId"]
    origin = {"Origin": "https://church.example"}
    paths = ("/api/languages", f"/api/sessions/{session_id}", f"/api/sessions/{session_id}/qr.svg", "/api/sessions/x")
    for path in paths:
        answer = await running.http.get(f"{running.url}{path}", headers=origin)
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in answer.headers
        asked = await running.http.options(
            f"{running.url}{path}", headers={**origin, "Access-Control-Request-Method": "GET"}
        )
        assert (asked.status, await asked.read()) == (204, b"")
        assert asked.headers["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS"
        assert asked.headers.keys() >= SECURE
    for path in ("/", f"/s/{session_id}", "/healthz"):
        answer = await running.http.get(f"{running.url}{path}", headers=origin)
        assert "Access-Control-Allow-Origin" not in answer.headers


async def test_a_socket_may_be_opened_from_any_site(running: RunningEdge) -> None:
    _, created = await running.speaker()
    query = {"sessionId": created["sessionId"], "targetLanguage": "es"}
    peer = await running.open(query, headers={"Origin": "https://church.example"})
    await peer.expect("sessionJoined")


async def test_lookups_of_one_address_are_limited_and_joining_is_not() -> None:
    async with running_edge(lookups_per_minute=3) as running:
        _, created = await running.speaker()
        session_id = created["sessionId"]
        for path in (f"/api/sessions/{session_id}", f"/api/sessions/{session_id}/qr.svg", f"/s/{session_id}"):
            assert (await running.get(path)).status == 200
        for path in (f"/api/sessions/{session_id}", f"/api/sessions/{session_id}/qr.svg"):
            answer = await running.get(path)
            assert (answer.status, (await answer.json())["code"]) == (429, "RATE_LIMIT_EXCEEDED")
            assert 1 <= int(answer.headers["Retry-After"]) <= 20
        assert (await running.get(f"/s/{session_id}")).status == 200
        assert (await running.get("/api/languages")).status == 200
        await running.listener(session_id)


async def test_lookups_are_not_limited_where_addresses_are_not() -> None:
    async with running_edge(lookups_per_minute=1, limit_addresses=False) as running:
        _, created = await running.speaker()
        for _ in range(5):
            assert (await running.get(f"/api/sessions/{created['sessionId']}")).status == 200


async def test_clients_behind_a_proxy_are_limited_each_and_a_network_of_ipv6_as_one() -> None:
    async with running_edge(lookups_per_minute=1, trusted_proxies=1) as running:
        _, created = await running.speaker()
        url = f"{running.url}/api/sessions/{created['sessionId']}"
        clients = [("2.2.2.2", 200), ("3.3.3.3", 200), ("2.2.2.2", 429), ("2001:db8::1", 200), ("2001:db8::2", 429)]
        for client, status in clients:
            assert (await running.http.get(url, headers={"X-Forwarded-For": client})).status == status
