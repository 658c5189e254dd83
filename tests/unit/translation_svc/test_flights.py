"""One call for many callers."""

import asyncio

import pytest

from translation_svc.flights import Flights


class Call:
    """Counts its calls and answers when told."""

    def __init__(self) -> None:
        self.calls = 0
        self.ended = 0
        self.answer = asyncio.Event()

    async def __call__(self) -> str:
        self.calls += 1
        try:
            await self.answer.wait()
        finally:
            self.ended += 1
        return "Hola."


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_callers_of_the_same_share_one_call() -> None:
    call = Call()
    async with Flights[str, str]() as flights, asyncio.TaskGroup() as tasks:
        callers = [tasks.create_task(flights.share("a", call)) for _ in range(3)]
        await settle()
        call.answer.set()
    assert [caller.result() for caller in callers] == ["Hola."] * 3
    assert call.calls == 1


async def test_callers_of_something_else_do_not() -> None:
    call = Call()
    call.answer.set()
    async with Flights[str, str]() as flights, asyncio.TaskGroup() as tasks:
        tasks.create_task(flights.share("a", call))
        tasks.create_task(flights.share("b", call))
    assert call.calls == 2


async def test_a_flight_that_has_landed_takes_no_more_passengers() -> None:
    call = Call()
    call.answer.set()
    async with Flights[str, str]() as flights:
        await flights.share("a", call)
        await flights.share("a", call)
        assert len(flights) == 0
    assert call.calls == 2


async def test_a_cancelled_caller_takes_nothing_from_another() -> None:
    call = Call()
    async with Flights[str, str]() as flights, asyncio.TaskGroup() as tasks:
        # The first started the call; it is the second that stays.
        first, second = (tasks.create_task(flights.share("a", call)) for _ in range(2))
        await settle()
        first.cancel()
        await settle()
        call.answer.set()
    assert first.cancelled()
    assert second.result() == "Hola."


async def test_the_last_to_leave_ends_the_call() -> None:
    call = Call()
    async with Flights[str, str]() as flights, asyncio.TaskGroup() as tasks:
        callers = [tasks.create_task(flights.share("a", call)) for _ in range(2)]
        await settle()
        for caller in callers:
            caller.cancel()
        await settle()
        assert len(flights) == 0
    assert (call.calls, call.ended) == (1, 1)


async def test_after_a_call_was_ended_the_next_caller_gets_a_new_one() -> None:
    call = Call()
    async with Flights[str, str]() as flights, asyncio.TaskGroup() as tasks:
        first = tasks.create_task(flights.share("a", call))
        await settle()
        first.cancel()
        second = tasks.create_task(flights.share("a", call))
        await settle()
        call.answer.set()
    assert second.result() == "Hola."
    assert call.calls == 2


async def test_a_failure_reaches_all_who_wait_and_nobody_else() -> None:
    async def fail() -> str:
        await asyncio.sleep(0)
        raise OSError("down")

    call = Call()
    call.answer.set()
    async with Flights[str, str]() as flights:
        outcomes = await asyncio.gather(
            flights.share("a", fail), flights.share("a", fail), flights.share("b", call), return_exceptions=True
        )
        assert [type(outcome) for outcome in outcomes] == [OSError, OSError, str]


async def test_a_failure_that_nobody_waits_for_harms_nobody() -> None:
    async def fail() -> str:
        raise OSError("down")

    async with Flights[str, str]() as flights:
        flight = flights.board("a", fail)
        await settle()
        flights.leave("a", flight)
    with pytest.raises(OSError, match="down"):
        flight.landed.result()
