"""Keeps aiohttp's own log lines from naming clients: addresses, tokens in a request line, subprotocols they offer."""

import logging
from typing import Final

from aiohttp.http_exceptions import HttpProcessingError

HTTP_LOGGER: Final = logging.getLogger("edge.http")
"""For aiohttp's server in the place of its own logger, whose every error line begins with the client's address."""


class _Discreet(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        # A request that is no HTTP is its sender's fault, and its text, a token perhaps, is in the exception.
        if isinstance(error, HttpProcessingError):
            return False
        record.msg, record.args = "request_failed", ()
        return True


def hush() -> None:
    """From now on in this process. Repeating it changes nothing."""
    if not HTTP_LOGGER.filters:
        HTTP_LOGGER.addFilter(_Discreet())
    # Its warnings name the peer and all that it offered as subprotocols; some clients put their token there.
    logging.getLogger("aiohttp.websocket").setLevel(logging.ERROR)
