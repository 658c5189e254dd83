"""Calls of Amazon Polly: tried again where that may help, their failures turned into ours."""

import asyncio
import random
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final

import aiohttp

from chassis import pcm
from chassis.aws import FAILURES, Failure, Meaning, Misconfigured, failure_of
from chassis.errors import Exhausted, LingocastError, Unavailable
from chassis.telemetry import Attribute, Metric, meter
from synthesis_svc.domain import polly

SERVICE: Final = "Amazon Polly"
# What reading a stream raises beside what calls raise.
POLLY_FAILURES: Final = (*FAILURES, aiohttp.ClientError)
# A tenth of a second of audio: what is there is taken, up to so much.
_BLOCK_BYTES: Final = pcm.byte_count(0.1)

_retries = meter.create_counter(Metric.ENGINE_RETRIES)


class RefusedError(Exception):
    """Amazon's no to this request; what that means depends on what was asked."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.code)
        self.failure = failure


async def tried(call: Any, request: Mapping[str, str], seconds: float) -> Any:
    """Calls, several times where that may help. Raises Unavailable, Exhausted, Misconfigured or RefusedError.

    `seconds`: that a try may take until its answer begins. The SDK's own time-outs are not for all of it: looking for
    the address and for credentials have none.
    """
    begun = _now()
    for number in range(1, polly.TRIES + 1):
        try:
            async with asyncio.timeout(seconds):
                return await call(**request)
        except POLLY_FAILURES as error:
            failure = failure_of(error, SERVICE)
            raised = mistake(failure)
            if failure.meaning not in (Meaning.THROTTLED, Meaning.LATER):
                raise raised from error
            throttled = failure.meaning is Meaning.THROTTLED
            pause = polly.pause_before_try(number, _now() - begun, throttled, random.random())
            if pause is None:
                raise raised from error
        _retries.add(1, {Attribute.ENGINE.value: polly.NAME, Attribute.REASON.value: failure.code or "NO_ANSWER"})
        await asyncio.sleep(pause)
    raise AssertionError("the last try has no pause")


def mistake(failure: Failure) -> LingocastError | RefusedError:
    """What a failed call raises."""
    match failure.meaning:
        case Meaning.THROTTLED:
            return Exhausted("ENGINE_OVERLOADED", failure.message)
        case Meaning.LACKING:
            return Misconfigured("SYNTHESIS_FAILED", failure.message)
        case Meaning.REFUSED:
            return RefusedError(failure)
    return Unavailable("SYNTHESIS_FAILED", failure.message)


async def blocks(body: Any, most_seconds: float) -> AsyncGenerator[bytes, None]:
    """The audio as it comes, whole samples. Raises Unavailable(SYNTHESIS_FAILED) when it stalls or breaks off."""
    rest = b""
    waited = 0.0
    while True:
        asked = _now()
        try:
            block = await body.read(_BLOCK_BYTES)
        except POLLY_FAILURES as error:
            raise Unavailable("SYNTHESIS_FAILED", f"{SERVICE} broke off") from error
        waited += _now() - asked
        if not block:
            return
        if waited > most_seconds:
            raise Unavailable("SYNTHESIS_FAILED", f"{SERVICE} is too slow")
        block = rest + block
        rest = block[len(block) // 2 * 2 :]
        yield block[: len(block) // 2 * 2]


def _now() -> float:
    return asyncio.get_running_loop().time()
