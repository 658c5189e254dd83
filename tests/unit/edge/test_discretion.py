"""What the HTTP library logs of a client: nothing that tells who it is."""

import logging
import sys

import pytest
from aiohttp.http_exceptions import BadHttpMessage, LineTooLong

from edge.discretion import HTTP_LOGGER, hush


@pytest.fixture(autouse=True)
def _hushed() -> None:
    hush()


def log_failure(error: Exception) -> None:
    try:
        raise error
    except Exception:  # noqa: BLE001 - as aiohttp does it
        HTTP_LOGGER.exception("Error handling request from %s", "203.0.113.9", exc_info=sys.exc_info())


def test_a_failed_request_is_logged_without_its_address(caplog: pytest.LogCaptureFixture) -> None:
    log_failure(RuntimeError("a mistake of ours"))
    assert "a mistake of ours" in caplog.text
    assert "203.0.113.9" not in caplog.text


@pytest.mark.parametrize("error", [BadHttpMessage("token=abc"), LineTooLong(b"GET /ws?token=abc")])
def test_what_is_no_http_leaves_no_line(caplog: pytest.LogCaptureFixture, error: Exception) -> None:
    log_failure(error)
    assert not caplog.records


def test_hushing_twice_changes_nothing() -> None:
    hush()
    assert len(HTTP_LOGGER.filters) == 1
    assert not logging.getLogger("aiohttp.websocket").isEnabledFor(logging.WARNING)
