"""How often somebody may do something. Verdicts and waits only; nobody is told from here."""

from collections import OrderedDict
from enum import Enum
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

HEARTBEAT_SECONDS: Final = 30.0
HEARTBEATS_IN_HAND: Final = 2
"""A client's timer runs early now and then: that is no heartbeat too many."""
NETWORK_BITS: Final = 64
"""What one subscriber of IPv6 gets, at the least: within it, addresses cost nothing."""


class Verdict(Enum):
    """What becomes of a frame, and of its sender."""

    ADMIT = "admit"
    DROP = "drop"
    WARN = "warn"  # Dropped; tell the sender.
    CLOSE = "close"  # Dropped; the sender has gone on for too long.


class TokenBucket:
    """`rate` tokens a second, at most `burst` in hand; full at first."""

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at: float | None = None

    def take(self, now: float) -> float:
        """Takes a token and returns 0.0; or takes none and returns the seconds until there is one."""
        if self._at is not None:
            self._tokens = min(self._burst, self._tokens + max(0.0, now - self._at) * self._rate)
        self._at = now
        # A token that is whole but for rounding is whole.
        if self._tokens >= 1.0 - 1e-9:
            self._tokens -= 1.0
            return 0.0
        return (1.0 - self._tokens) / self._rate

    def give_back(self) -> None:
        """A token that was taken and not used."""
        self._tokens = min(self._burst, self._tokens + 1.0)


class Buckets:
    """A bucket for each subject. At most `size` of them: then the one that was not asked for longest goes, and who
    was limited by it begins anew."""

    def __init__(self, rate: float, burst: float, size: int = 10_000) -> None:
        self._rate = rate
        self._burst = burst
        self._size = size
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, subject: str, now: float) -> float:
        """As `TokenBucket.take`, of that subject's bucket."""
        bucket = self._buckets.get(subject)
        if bucket is None:
            bucket = self._buckets[subject] = TokenBucket(self._rate, self._burst)
            if len(self._buckets) > self._size:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(subject)
        return bucket.take(now)

    def give_back(self, subject: str) -> None:
        """As `TokenBucket.give_back`, to that subject's bucket."""
        if subject in self._buckets:
            self._buckets[subject].give_back()


class Violation:
    """A run of excesses less than a second apart."""

    __slots__ = ("_last", "_since")

    def __init__(self) -> None:
        self._since = self._last = float("-inf")

    def note(self, now: float) -> float:
        """Another one. Returns for how many seconds the run lasts; 0.0 for its first."""
        if now - self._last >= 1.0:
            self._since = now
        self._last = now
        return now - self._since


class MessagePace:
    """`rate` messages a second, `burst` at once. What comes beyond is dropped, warned of at most once a second, and
    ends the connection when it goes on for `close_after` seconds."""

    __slots__ = ("_bucket", "_close_after", "_violation", "_warned_at", "dropped")

    def __init__(self, rate: float, burst: float, close_after: float) -> None:
        self._bucket = TokenBucket(rate, burst)
        self._close_after = close_after
        self._violation = Violation()
        self._warned_at = float("-inf")
        self.dropped = 0

    def take(self, now: float) -> Verdict:
        if not self._bucket.take(now):
            return Verdict.ADMIT
        self.dropped += 1
        if self._violation.note(now) >= self._close_after:
            return Verdict.CLOSE
        if now - self._warned_at >= 1.0:
            self._warned_at = now
            return Verdict.WARN
        return Verdict.DROP


class HeartbeatPace:
    """Which heartbeats of a connection are expected (one in 30 s), and which the shared limit must be asked for.

    After a refusal nobody is asked until its wait is over: a flood of heartbeats costs the store nothing.
    """

    __slots__ = ("_closed_until", "_expected")

    def __init__(self, every: float = HEARTBEAT_SECONDS, in_hand: int = HEARTBEATS_IN_HAND) -> None:
        self._expected = TokenBucket(1.0 / every, in_hand)
        self._closed_until = float("-inf")

    def expected(self, now: float) -> bool:
        return not self._expected.take(now)

    def refused(self, now: float, wait: float) -> None:
        """The shared limit said no, for `wait` seconds."""
        self._closed_until = now + wait

    def wait(self, now: float) -> float:
        """For how many seconds more nobody needs to be asked; 0.0: ask."""
        return max(0.0, self._closed_until - now)


def limited_as(address: str) -> str:
    """Under which name a client address is limited: IPv6 by its /64, IPv4 within IPv6 as what it is. What is no
    address (a proxy's word) stays as it is."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((parsed, NETWORK_BITS), strict=False))
