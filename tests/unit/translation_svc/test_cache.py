"""The cache inside the process (L2)."""

from dataclasses import dataclass

from translation_svc.cache import Forgiving, MemoryCache, Remembered

HOLA = Remembered("Hola.", "scripted")


@dataclass
class Clock:
    """A clock that stands still until told."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


class Broken:
    """A cache whose store is down."""

    async def get(self, key: str) -> Remembered | None:
        raise OSError(key)

    async def put(self, key: str, translation: Remembered) -> None:
        raise OSError(key)


async def filled(entries: int, *keys: str, clock: Clock | None = None) -> MemoryCache:
    cache = MemoryCache(entries, 3600.0, clock or Clock())
    for key in keys:
        await cache.put(key, HOLA)
    return cache


async def test_what_was_put_is_found() -> None:
    cache = await filled(10, "a")
    assert await cache.get("a") == HOLA
    assert await cache.get("b") is None


async def test_the_least_used_goes_first() -> None:
    cache = await filled(3, "a", "b", "c")
    for key in ("a", "a", "c"):
        await cache.get(key)
    await cache.put("d", HOLA)
    assert [key for key in "abcd" if await cache.get(key)] == ["a", "c", "d"]


async def test_among_equally_used_the_oldest_goes_first() -> None:
    cache = await filled(3, "a", "b", "c", "d")
    assert [key for key in "abcd" if await cache.get(key)] == ["b", "c", "d"]


async def test_an_hour_after_it_was_made_a_translation_is_forgotten() -> None:
    clock = Clock()
    cache = await filled(10, "a", clock=clock)
    clock.now = 3599.9
    assert await cache.get("a") == HOLA
    clock.now = 3600.0
    assert await cache.get("a") is None


async def test_what_is_read_often_is_forgotten_in_time_all_the_same() -> None:
    clock = Clock()
    cache = await filled(2, "often", clock=clock)
    for _ in range(100):
        await cache.get("often")
    clock.now = 3600.0
    assert cache.statistics.size == 0


async def test_making_it_again_does_not_prolong_it() -> None:
    clock = Clock()
    cache = await filled(10, "a", clock=clock)
    clock.now = 3000.0
    await cache.put("a", HOLA)
    clock.now = 3600.0
    assert await cache.get("a") is None


async def test_what_was_evicted_and_made_again_lives_its_whole_hour() -> None:
    clock = Clock()
    cache = await filled(1, "a", "b", clock=clock)
    clock.now = 3000.0
    await cache.put("a", HOLA)
    clock.now = 3700.0
    assert await cache.get("a") == HOLA


async def test_hits_misses_evictions_and_size_are_counted() -> None:
    cache = await filled(2, "a", "b", "c")
    for key in ("b", "c", "c", "a"):
        await cache.get(key)
    statistics = cache.statistics
    assert (statistics.hits, statistics.misses, statistics.evictions, statistics.size) == (3, 1, 1, 2)
    assert statistics.hit_rate == 0.75


async def test_before_the_first_look_up_the_hit_rate_is_zero() -> None:
    assert (await filled(2)).statistics.hit_rate == 0.0


async def test_a_fault_is_a_miss() -> None:
    cache = Forgiving(Broken())
    await cache.put("a", HOLA)
    assert await cache.get("a") is None
