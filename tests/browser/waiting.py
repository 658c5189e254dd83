"""Waiting for what happens elsewhere, in a page or in another process."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def until(look: Callable[[], Awaitable[T | None]], what: str, seconds: float = 30.0) -> T:
    """Looks again and again, and returns the first answer that is true. Raises TimeoutError that says what was waited
    for, and what was seen last."""
    seen: object = None
    try:
        async with asyncio.timeout(seconds):
            while True:
                answer = seen = await look()
                if answer:
                    return answer
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise TimeoutError(f"{what} did not come within {seconds:g} s; last seen: {str(seen)[:500]}") from None
