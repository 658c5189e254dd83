"""What to do when a connection ends or cannot be made: go on, try again, or give up. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from edge.client.messages import ClientError, ErrorEvent


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds that a connection works with. `patience` is how long it goes on trying after a loss."""

    heartbeat: float = 30.0
    silence: float = 75.0  # Two heartbeats without any answer, and a bit.
    answer: float = 10.0
    ending: float = 60.0  # The server delivers what was said before it ends a session.
    first_retry: float = 1.0
    last_retry: float = 30.0
    patience: float = 300.0
    drain: float = 5.0  # How long the old connection may still bring audio beside the new one.
    goodbye: float = 3.0


class Ending(Enum):
    """What the end of a connection means for who held it."""

    FINISHED = "finished"
    LOST = "lost"


# Close codes after which trying again cannot help: code, status and sentence where no error message came before.
_FINAL: Final[Mapping[int, tuple[str, int, str]]] = {
    1008: ("UNAUTHORIZED_ACTION", 403, "the server closed the connection for a breach of its rules"),
    1009: ("MESSAGE_TOO_LARGE", 413, "messages were too large"),
    4001: ("INVALID_TOKEN", 401, "the token was not accepted"),
    4004: ("SESSION_NOT_FOUND", 404, "there is no such session"),
    4029: ("RATE_LIMIT_EXCEEDED", 429, "too much, too fast"),
    4503: ("SESSION_FULL", 503, "the session is full"),
}


def ending(code: int | None, *, told_ended: bool, refreshing: bool, error: ErrorEvent | None) -> Ending:
    """What a close means. `told_ended`: sessionEnded came before; `error`: the last error that did.

    Raises ClientError where going on is not possible.
    """
    if told_ended or code == 4000:
        return Ending.FINISHED
    if code == 1000 and not refreshing:
        # Another connection took this one's place, or the server wants no more.
        return Ending.FINISHED
    final = _FINAL.get(code) if code is not None else None
    if final is None:
        return Ending.LOST
    raise error.as_exception() if error is not None else ClientError(*final)


def may_pass(error: ClientError) -> bool:
    """True when the same connection attempt may succeed later."""
    return error.status == 429 or error.status >= 500


def retry_delay(attempt: int, timing: Timing, chance: float, retry_after: float | None = None) -> float:
    """Seconds before attempt 0, 1, 2 …: doubling to a limit, never sooner than the server asked.

    `chance` 0.0 to 1.0 takes up to half of it off: listeners who lost the same server do not return as one.
    """
    most: float = min(timing.first_retry * 2 ** min(attempt, 16), timing.last_retry)
    return max(most * (1.0 - chance / 2), retry_after or 0.0)
