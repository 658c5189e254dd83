"""What pages said and asked for behind the visitor's back: errors, breaches of the policy, requests elsewhere.

Any of it fails the test, also when everything that it looks at is right. A test that breaks a connection on purpose
allows the words with which Chromium tells so.
"""

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, ConsoleMessage, Page, Request, WebError, WebSocket

_POLICY = re.compile(r"Content Security Policy|Permissions policy|^Refused to", re.IGNORECASE)
_LOCAL_SCHEMES = ("blob", "data", "about", "chrome-error")


@dataclass
class Watch:
    """All contexts of a test. `requests` and `sockets`: the addresses that were asked for, in order."""

    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    sockets: list[str] = field(default_factory=list)
    _origins: set[str] = field(default_factory=set)
    _allowed: list[re.Pattern[str]] = field(default_factory=list)

    def allow(self, pattern: str) -> None:
        """Lets errors on the console pass whose text holds `pattern` (a regular expression), such as a lost connection
        or a refused request. Exceptions, breaches of the policy and other origins never pass."""
        self._allowed.append(re.compile(pattern, re.IGNORECASE))

    def follow(self, context: BrowserContext, origin: str) -> None:
        """Listens to all pages that the context has and will have. `origin`: where they may ask."""
        self._origins.add(urlsplit(origin).netloc)
        context.on("console", self._console)
        context.on("weberror", self._exception)
        context.on("request", self._request)
        context.on("page", self._page)

    def wrong(self) -> list[str]:
        """What must not have been."""
        return [each for each in self.complaints if not self._passes(each)]

    def check(self) -> None:
        """Raises AssertionError with all that was wrong."""
        wrong = self.wrong()
        assert wrong == [], "\n".join(["the pages did what they must not:", *wrong])

    def _passes(self, complaint: str) -> bool:
        return complaint.startswith("console: ") and any(pattern.search(complaint) for pattern in self._allowed)

    def _console(self, message: ConsoleMessage) -> None:
        where = f"{message.location.get('url', '')}:{message.location.get('lineNumber', '')}"
        if _POLICY.search(message.text):
            self.complaints.append(f"policy: {message.text} ({where})")
        elif message.type == "error":
            self.complaints.append(f"console: {message.text} ({where})")

    def _exception(self, error: WebError) -> None:
        self.complaints.append(f"exception: {error.error.stack or error.error}")

    def _page(self, page: Page) -> None:
        page.on("websocket", self._socket)
        page.on("crash", lambda _: self.complaints.append("crash: a page's process ended"))

    def _request(self, request: Request) -> None:
        self.requests.append(request.url)
        self._must_be_own(request.url)

    def _socket(self, socket: WebSocket) -> None:
        self.sockets.append(socket.url)
        self._must_be_own(socket.url)

    def _must_be_own(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in _LOCAL_SCHEMES and parts.netloc not in self._origins:
            self.complaints.append(f"elsewhere: {parts.scheme}://{parts.netloc}{parts.path}")
