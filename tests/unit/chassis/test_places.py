"""Places: so many at once, so many that wait, the rest refused."""

import asyncio

import pytest

from chassis.errors import Exhausted
from chassis.places import Places


def full() -> Exhausted:
    return Exhausted("ENGINE_OVERLOADED", "too much is waiting")


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_who_finds_places_and_waiting_room_full_is_refused_at_once() -> None:
    places = Places(1, 1, full)
    came: list[str] = []

    async def waiting() -> None:
        async with places.one(now() + 30):
            came.append("second")

    async with asyncio.TaskGroup() as tasks, places.one(now() + 30):
        tasks.create_task(waiting())
        await asyncio.sleep(0)
        with pytest.raises(Exhausted):
            async with places.one(now() + 30):
                pass
        came.append("first")
    assert came == ["first", "second"]


async def test_who_waits_in_vain_is_refused_and_leaves_its_place_in_the_queue() -> None:
    places = Places(1, 1, full)
    async with places.one(now() + 30):
        for _ in range(3):
            with pytest.raises(Exhausted):
                async with places.one(now() + 0.01):
                    pass
    async with places.one(now() + 30):
        pass


async def test_a_place_is_free_again_after_a_failure() -> None:
    places = Places(1, 0, full)
    for _ in range(3):
        with pytest.raises(ValueError, match="broken"):
            async with places.one(now() + 30):
                raise ValueError("broken")
