"""PINs: kept as salted scrypt hashes, checked off the event loop."""

import hashlib
import hmac
import secrets

from cachetools import LRUCache

from chassis.errors import Denied, Unavailable
from session_svc.worker import Worker

# 4 MB and some 10 ms: a PIN is short and guessing is bounded by the join limit; a stolen table should still cost.
_N, _R, _P = 1 << 12, 8, 1
_KEY_BYTES = 32
_SALT_BYTES = 16


class Pins:
    """Hashes and checks, one at a time, on a thread of its own.

    At most `waiting` wait; more are refused with Unavailable(TOO_MANY_PINS). What was right once is remembered (as a
    keyed hash), so that a congregation joining at once costs one scrypt.
    """

    def __init__(self, waiting: int = 500) -> None:
        self._worker = Worker(
            "pins", waiting, lambda: Unavailable("TOO_MANY_PINS", "too many PINs are waiting to be checked")
        )
        self._secret = secrets.token_bytes(_KEY_BYTES)
        self._right: LRUCache[bytes, bool] = LRUCache(10_000)

    async def hashed(self, pin: str) -> str:
        """What to store; empty for no PIN."""
        return await self._worker.run(_hashed, pin, secrets.token_bytes(_SALT_BYTES)) if pin else ""

    async def check(self, pin_hash: str, pin: str) -> None:
        """Raises Denied(WRONG_PIN) unless the session has no PIN or this is it."""
        if not pin_hash:
            return
        seen = hmac.digest(self._secret, f"{pin_hash}\0{pin}".encode(), "sha256")
        if seen in self._right:
            return
        if not pin or not await self._worker.run(self._verify, pin_hash, pin, seen):
            raise Denied("WRONG_PIN", "the PIN is wrong")

    def close(self) -> None:
        """Ends the thread."""
        self._worker.close()

    def _verify(self, pin_hash: str, pin: str, seen: bytes) -> bool:
        # Looked up again: those who waited behind the first need no scrypt of their own. Only this thread writes.
        if seen not in self._right:
            salt = bytes.fromhex(pin_hash.split("$")[-2])
            if not hmac.compare_digest(_hashed(pin, salt), pin_hash):
                return False
            self._right[seen] = True
        return True


def _hashed(pin: str, salt: bytes) -> str:
    key = hashlib.scrypt(pin.encode(), salt=salt, n=_N, r=_R, p=_P, dklen=_KEY_BYTES)
    return f"scrypt${_N}${_R}${_P}${salt.hex()}${key.hex()}"
