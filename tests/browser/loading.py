"""What a page costs to load: bytes on the wire, requests, and how many of them wait for one another."""

from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.async_api import Page

SLOW_PHONE: Final = 4
"""How much slower than this machine a slow phone is."""
SLOW_LINE: Final = {"offline": False, "latency": 150, "downloadThroughput": 200_000, "uploadThroughput": 93_750}
"""A slow 4G: 1.6 Mbit/s down, 0.75 up, and 150 ms there and back."""


@dataclass
class Load:
    """All requests of a page in the order in which they were made, by Chromium's own account. WebSockets are none."""

    addresses: dict[str, str] = field(default_factory=dict)
    bytes: dict[str, int] = field(default_factory=dict)
    asked_by: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)

    @property
    def total_bytes(self) -> int:
        """Bodies as they travelled, and the heads of the answers."""
        return sum(self.bytes.values())

    def depth(self) -> int:
        """Round trips that must follow each other: 1 is the page alone, 2 the page and what it names, …"""
        return max(map(self._depth, self.addresses.values()), default=0)

    def chain(self) -> list[str]:
        """The longest chain of requests, the page first."""
        at: str | None = max(self.addresses.values(), key=self._depth, default=None)
        chain: list[str] = []
        while at is not None and at not in chain:
            chain.insert(0, at)
            at = self.asked_by.get(at)
        return [urlsplit(address).path for address in chain]

    def _depth(self, address: str, seen: frozenset[str] = frozenset()) -> int:
        by = self.asked_by.get(address)
        return 1 if by is None or by in seen else 1 + self._depth(by, seen | {address})


async def watched(page: Page, *, slow: bool = False) -> Load:
    """Begins to watch; to be called before the page goes anywhere. `slow`: as a slow phone on a slow line."""
    load = Load()
    devtools = await page.context.new_cdp_session(page)

    def asked(event: dict[str, Any]) -> None:
        url = event["request"]["url"].split("#")[0]
        if urlsplit(url).scheme not in ("http", "https"):
            return
        load.addresses[event["requestId"]] = url
        load.kinds[url] = event.get("type", "")
        initiator = event["initiator"]
        frames = initiator.get("stack", {}).get("callFrames", [])
        by = initiator.get("url") or next((frame["url"] for frame in frames if frame["url"]), None)
        if by and by.split("#")[0] != url:
            load.asked_by.setdefault(url, by.split("#")[0])

    def finished(event: dict[str, Any]) -> None:
        if url := load.addresses.get(event["requestId"]):
            load.bytes[url] = load.bytes.get(url, 0) + int(event["encodedDataLength"])

    devtools.on("Network.requestWillBeSent", asked)
    devtools.on("Network.loadingFinished", finished)
    await devtools.send("Network.enable")
    if slow:
        await devtools.send("Network.emulateNetworkConditions", SLOW_LINE)
        await devtools.send("Emulation.setCPUThrottlingRate", {"rate": SLOW_PHONE})
    return load
