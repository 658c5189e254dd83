"""How often something is tried again, and how long between: exponential backoff with full jitter."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """At most `tries` in all, and at most `seconds` for all of them and the waits between.

    The wait before the n-th further try is random, from 0 to `backoff` x 2^(n-1) seconds: calls that failed together
    must not come back together.
    """

    tries: int = 3
    backoff: float = 0.1
    seconds: float = 1.5

    def wait(self, failures: int, left: float, random: float) -> float | None:
        """Seconds until the next try, after so many failures (one or more); None to give up.

        `left`: what is left of `seconds`; `random`: from 0.0 to 1.0.
        """
        wait = self.backoff * 2.0 ** (failures - 1) * random
        return wait if failures < self.tries and wait < left else None
