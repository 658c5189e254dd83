"""The HTTP side of the edge: probes, public facts, pages."""

import asyncio
import html
import json
import re
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
    assert facts["audioFormats"] == ["pcm", "opus"]
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


PAGES = ["/", "/speak", "/s/patient-ark-100", "/s/patient-ark-100/screen", "/s/patient-ark-999", "/nowhere"]
HTML = {"Accept": "text/html,*/*;q=0.8"}


async def test_a_page_comes_with_a_policy_that_lets_nothing_inline_in(running: RunningEdge) -> None:
    await running.speaker()
    for path in PAGES:
        answer = await running.http.get(f"{running.url}{path}", headers=HTML)
        assert answer.status == (404 if "nowhere" in path or "999" in path else 200)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
        assert f"ws://{URL(running.url).authority}" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert answer.headers["Cache-Control"] == "no-cache"
        assert ("microphone=(self)" in answer.headers["Permissions-Policy"]) == (path == "/speak")
        text = await answer.text()
        assert "<style" not in text
        assert "$" not in text


async def test_all_that_pages_name_is_there_and_never_asked_for_twice(running: RunningEdge) -> None:
    await running.speaker()
    named = set()
    for path in PAGES:
        text = await (await running.http.get(f"{running.url}{path}", headers=HTML)).text()
        found = set(re.findall(r'(?:src|href)="(/web/[^"]+)"', text))
        assert len(found) > 5
        named |= found
    for address in named:
        answer = await running.get(address)
        assert answer.status == 200, address
        assert answer.headers["Cache-Control"] == "max-age=31536000, immutable"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        # What could be opened as a page has a policy of its own; of the others there are dozens.
        opened = answer.content_type not in {"text/javascript", "text/css"}
        assert (answer.headers.keys() >= SECURE) == opened, address
        assert sum(len(name) + len(value) + 4 for name, value in answer.headers.items()) < (800 if opened else 400)


async def test_a_page_is_compressed_for_who_can_read_it(running: RunningEdge) -> None:
    for accepted, encoding in (("gzip", "gzip"), ("identity", None)):
        answer = await running.http.get(f"{running.url}/", headers={"Accept-Encoding": accepted})
        assert answer.headers.get("Content-Encoding") == encoding
        assert "Accept-Encoding" in answer.headers["Vary"]
        assert "<h1" in await answer.text()


async def test_a_page_is_in_the_browsers_language_before_any_script_has_come(running: RunningEdge) -> None:
    for accepted, title in (("de-AT", "Jeder Vortrag in Ihrer Sprache"), ("ja", "Every talk in your language")):
        text = await (await running.http.get(f"{running.url}/", headers={"Accept-Language": accepted})).text()
        assert f'<h1 data-t="home.title">{title}</h1>' in text
        assert f'<html lang="{accepted[:2] if accepted != "ja" else "en"}">' in text


async def test_a_page_sends_for_the_words_of_the_browsers_language(running: RunningEdge) -> None:
    for accepted, language in (
        ("es-MX,es;q=0.9,en;q=0.8", "es"),
        ("ja, en;q=0.1, pt-BR;q=0.7", "pt"),
        ("ja", "en"),
        ("", "en"),
        ("*, <>;q=x, de;q=0.5", "de"),
        ("fr; q=0.4, es; q=0.8, de;q=0", "es"),
        ("de;q=0", "en"),
    ):
        answer = await running.http.get(f"{running.url}/", headers={"Accept-Language": accepted})
        assert "Accept-Language" in answer.headers["Vary"]
        words = re.findall(r'modulepreload" href="/web/[^"]+/words/([^"]+)"', await answer.text())
        assert words == [f"{name}.{language}.js" for name in ("common", "home", "problems")]


async def test_a_file_is_asked_for_again_under_any_other_prefix(running: RunningEdge) -> None:
    answer = await running.get("/web/latest/client.js")
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-cache")
    # Other sites build on it.
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    tag = answer.headers["ETag"]
    again = await running.http.get(f"{running.url}/web/0123/client.js", headers={"If-None-Match": tag})
    assert (again.status, await again.read()) == (304, b"")


async def test_a_file_can_be_asked_about_without_getting_it(running: RunningEdge) -> None:
    got = await running.http.get(f"{running.url}/web/latest/style.css", headers={"Accept-Encoding": "identity"})
    asked = await running.http.head(f"{running.url}/web/latest/style.css", headers={"Accept-Encoding": "identity"})
    assert (asked.status, await asked.read()) == (200, b"")
    assert asked.content_length == len(await got.read()) > 1_000


async def test_no_path_leads_out_of_the_folder_of_pages(running: RunningEdge) -> None:
    inside = ("index.html", "pages", "", "style.css%00.js", "/etc/passwd", "%2fetc/passwd")
    outside = ("../pages.py", "%2e%2e/pages.py", "..%2fpages.py", "pages/../../pages.py", "..%5cpages.py")
    for path in ("/web/", "/web/latest", *(f"/web/latest/{path}" for path in inside + outside)):
        answer = await running.http.get(URL(f"{running.url}{path}", encoded=True))
        assert answer.status == 404, path
        assert b"import" not in await answer.read()


async def test_browsers_find_an_icon_where_they_look_unasked(running: RunningEdge) -> None:
    answer = await running.get("/favicon.ico")
    assert (answer.status, answer.content_type) == (200, "image/svg+xml")


async def test_the_form_of_the_first_page_leads_to_a_session_without_scripts_too(running: RunningEdge) -> None:
    for typed, path in (
        ("faithful-shepherd-427", "/s/faithful-shepherd-427"),
        (" Faithful Shepherd  427 ", "/s/faithful-shepherd-427"),
        ("//evil.example/x", "/s/%2F%2Fevil.example%2Fx"),
        ("a\r\nSet-Cookie: a=b", "/s/a-set-cookie%3A-a%3Db"),
    ):
        answer = await running.http.get(f"{running.url}/", params={"session": typed}, allow_redirects=False)
        assert (answer.status, answer.headers["Location"]) == (303, path)
        assert "Set-Cookie" not in answer.headers


async def test_an_empty_form_leads_to_the_first_page(running: RunningEdge) -> None:
    answer = await running.http.get(f"{running.url}/", params={"session": " "}, allow_redirects=False)
    assert answer.status == 200


async def test_the_page_of_a_session_brings_its_public_facts(running: RunningEdge) -> None:
    _, created = await running.speaker(pin="1234")
    session_id = created["sessionId"]
    facts = await (await running.get(f"/api/sessions/{session_id}")).json()
    for path in (f"/s/{session_id}", f"/s/{session_id}/screen"):
        text = await (await running.get(path)).text()
        written = re.search(r'data-facts="([^"]*)"', text)
        assert written
        assert json.loads(html.unescape(written[1])) == facts
        assert "1234" not in text


async def test_a_page_that_was_not_checked_brings_no_facts(running: RunningEdge) -> None:
    running.sessions.fail_with = Unavailable("STORE_UNAVAILABLE", "no")
    assert 'data-facts="null"' in await (await running.get("/s/patient-ark-100")).text()


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
    assert "<script>" not in text
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
