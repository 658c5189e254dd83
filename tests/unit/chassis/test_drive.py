import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest

from chassis.drive import Inbox, drive, told_by


@dataclass
class Recorder:
    """A machine that wants to be woken `wait` seconds after each event, and tells what was done to it."""

    wait: float | None = None
    due: float | None = None
    times: list[float] = field(default_factory=list)

    def receive(self, event: str, now: float) -> Iterable[str]:
        self.times.append(now)
        self.due = None if self.wait is None else now + self.wait
        return [f"received {event}"]

    def tick(self, now: float) -> Iterable[str]:
        assert self.due is not None
        assert now >= self.due
        self.due = None
        return ["ticked"]

    def finish(self, now: float) -> Iterable[str]:
        self.times.append(now)
        return ["finished"]

    def deadline(self) -> float | None:
        return self.due


async def test_events_then_the_finish_are_performed_in_order() -> None:
    inbox, done = Inbox[str](4), list[str]()

    async def perform(action: str) -> None:
        done.append(action)

    for event in ("a", "b"):
        await inbox.put(event)
    inbox.close()
    machine = Recorder()
    await drive(machine, inbox, perform)
    assert done == ["received a", "received b", "finished"]
    assert machine.times == sorted(machine.times)


async def test_a_machine_is_ticked_at_its_deadline_while_nothing_arrives() -> None:
    inbox, done = Inbox[str](4), list[str]()

    async def perform(action: str) -> None:
        done.append(action)
        if action == "ticked":
            inbox.close()

    await inbox.put("a")
    await drive(Recorder(wait=0.01), inbox, perform)
    assert done == ["received a", "ticked", "finished"]


async def test_a_full_inbox_does_not_put_off_a_due_tick() -> None:
    inbox, done = Inbox[str](4), list[str]()

    async def perform(action: str) -> None:
        done.append(action)

    for event in ("a", "b"):
        await inbox.put(event)
    inbox.close()
    await drive(Recorder(wait=0.0), inbox, perform)
    assert done == ["received a", "ticked", "received b", "ticked", "finished"]


async def test_cancelling_the_driver_neither_finishes_nor_swallows() -> None:
    inbox, done = Inbox[str](4), list[str]()

    async def perform(action: str) -> None:
        done.append(action)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await drive(Recorder(), inbox, perform)
    assert done == []


async def test_a_full_inbox_makes_its_writer_wait() -> None:
    inbox = Inbox[int](2)
    assert [inbox.put_nowait(n) for n in (1, 2, 3)] == [True, True, False]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await inbox.put(3)
    assert [await inbox.get(), await inbox.get(), len(inbox)] == [1, 2, 0]


async def test_writers_that_wait_are_let_go_when_the_inbox_closes() -> None:
    inbox = Inbox[int](1)
    await inbox.put(0)
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        for n in (1, 2):
            tasks.create_task(inbox.put(n))
        await asyncio.sleep(0)
        inbox.close()
    assert [n async for n in inbox] == [0]


async def test_a_reader_that_waits_is_told_of_the_end() -> None:
    inbox = Inbox[int](1)

    async def read() -> list[int]:
        return [n async for n in inbox]

    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(read())
        await asyncio.sleep(0)
        inbox.close()
    assert reading.result() == []
    assert inbox.put_nowait(1) is False
    await inbox.put(1)
    assert len(inbox) == 0


async def test_a_reader_who_is_busy_while_the_work_fails_gets_what_was_told_and_then_the_failure() -> None:
    inbox, fails = Inbox[int](4), asyncio.Event()

    async def work() -> None:
        await inbox.put(1)
        await inbox.put(2)
        fails.set()
        raise ValueError("a defect")

    told = told_by(work, inbox)
    assert await anext(told) == 1
    await fails.wait()
    for _ in range(5):
        await asyncio.sleep(0)
    assert await anext(told) == 2
    with pytest.raises(ValueError, match="a defect"):
        await anext(told)


async def test_work_whose_reader_leaves_is_cancelled() -> None:
    inbox, left = Inbox[int](4), asyncio.Event()

    async def work() -> None:
        await inbox.put(1)
        try:
            await asyncio.Event().wait()
        finally:
            left.set()

    told = told_by(work, inbox)
    assert await anext(told) == 1
    await told.aclose()
    assert left.is_set()
