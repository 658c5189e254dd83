"""What a browser may do with our pages."""

import pytest

from edge.policy import for_page


def directives(policy: str) -> dict[str, str]:
    return {name: value for name, _, value in (part.partition(" ") for part in policy.split("; "))}


def test_a_page_runs_and_loads_what_is_its_own_and_nothing_inline() -> None:
    policy = directives(for_page("talks.example")["Content-Security-Policy"])
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["worker-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert not [value for value in policy.values() if "unsafe" in value or "*" in value or "data:" in value]


def test_sockets_are_named_for_browsers_that_take_them_for_foreign() -> None:
    policy = directives(for_page("talks.example:8080", "https://public.example")["Content-Security-Policy"])
    assert policy["connect-src"].split() == [
        "'self'",
        *("ws://public.example", "wss://public.example", "ws://talks.example:8080", "wss://talks.example:8080"),
    ]


@pytest.mark.parametrize("host", ["[::1]:8080", "127.0.0.1", "localhost:1", "under_score.example"])
def test_any_name_of_a_host_is_taken(host: str) -> None:
    assert f"ws://{host} wss://{host}" in for_page(host)["Content-Security-Policy"]


@pytest.mark.parametrize("host", ["", "a; script-src *", "a b", "a,b", "*", "user@a", "a/b", "a:", "[::1", "ä.example"])
def test_a_host_that_is_none_opens_nothing(host: str) -> None:
    assert directives(for_page(host)["Content-Security-Policy"])["connect-src"] == "'self'"


def test_the_microphone_is_for_the_page_that_needs_it_alone() -> None:
    assert "microphone=(self)" in for_page("a", microphone=True)["Permissions-Policy"]
    assert "microphone=()" in for_page("a")["Permissions-Policy"]
