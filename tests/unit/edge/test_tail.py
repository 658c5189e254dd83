"""What a feed remembers for those who come back."""

from hypothesis import given
from hypothesis import strategies as st

from edge.bus import LocalBus
from edge.domain.feed import (
    NOTICES,
    BusEvent,
    Caption,
    CueAudio,
    CueEnded,
    CueStarted,
    LanguageStatusChanged,
    SessionEnded,
    Topic,
)
from edge.domain.tail import Tail

FEED = Topic("patient-ark-427", "es")


def start(cue: str) -> CueStarted:
    return CueStarted(cue, 1, "es", 16_000, 0, 1000, 1.0)


def audio(cue: str, seconds: float = 1.0) -> CueAudio:
    return CueAudio(cue, "es", b"", seconds)


def end(cue: str) -> CueEnded:
    return CueEnded(cue, "es", 1000)


def cue(name: str, seconds: int = 1) -> list[BusEvent]:
    return [start(name), *[audio(name)] * seconds, end(name)]


def caption(segment: int, *, final: bool = True) -> Caption:
    return Caption(segment, "es", "hola", 4, final, 0, 1000)


def tail(*events: BusEvent) -> Tail:
    kept = Tail()
    for event in events:
        kept.put(event)
    return kept


def test_what_followed_a_cue_comes_again_in_order() -> None:
    kept = tail(*cue("a"), caption(2), *cue("b"), start("c"), audio("c"))
    assert kept.after("a") == [caption(2), *cue("b"), start("c"), audio("c")]
    assert kept.after("b") == kept.after("c") == [start("c"), audio("c")]


def test_all_of_it_comes_to_one_whose_last_cue_is_long_gone() -> None:
    kept = tail(*cue("a", 4), *cue("b", 4), *cue("c", 4))
    assert kept.after("a") == [*cue("b", 4), *cue("c", 4)]


def test_partial_captions_are_not_kept() -> None:
    assert tail(caption(1, final=False), caption(1)).after("") == [caption(1)]


def test_a_cue_longer_than_the_limit_is_kept_while_it_goes_on() -> None:
    kept = tail(start("a"), *[audio("a")] * 15)
    assert kept.after("") == [start("a"), *[audio("a")] * 15]
    kept.put(end("a"))
    assert kept.after("") == []


def test_a_cue_that_never_ends_keeps_nothing_else_alive() -> None:
    kept = tail(start("a"), audio("a"), *(caption(number) for number in range(1000)))
    assert kept.after("a") == [start("a"), audio("a"), *(caption(number) for number in range(980, 1000))]


@given(st.lists(st.integers(1, 6), max_size=40))
def test_never_more_than_the_limit_and_only_whole_cues_the_newest(lengths: list[int]) -> None:
    kept = Tail(limit_seconds=10.0)
    for number, length in enumerate(lengths):
        for event in (caption(number), *cue(str(number), length)):
            kept.put(event)
    assert kept.seconds <= 10.0
    starts = [event.cue_id for event in kept.after("") if isinstance(event, CueStarted)]
    assert starts == [str(number) for number in range(len(lengths))][len(lengths) - len(starts) :]
    fits = next((n for n in range(len(lengths) + 1) if sum(lengths[n:]) <= 10), 0)
    assert len(starts) == len(lengths) - fits


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_feed_that_fell_silent_is_forgotten() -> None:
    clock = Clock()
    bus = LocalBus(clock)
    for event in cue("a"):
        bus.publish(FEED, event)
    clock.now = 20.0
    assert list(bus.missed(FEED, "")) == cue("a")
    clock.now = 31.0
    assert list(bus.missed(FEED, "")) == []


def test_an_ended_session_leaves_nothing_behind() -> None:
    bus = LocalBus()
    for event in cue("a"):
        bus.publish(FEED, event)
    bus.publish(FEED, LanguageStatusChanged("es", False, "TRANSLATION_FAILED"))
    assert bus.trouble(FEED) is not None
    bus.publish(Topic(FEED.session_id, NOTICES), SessionEnded("speaker"))
    assert list(bus.missed(FEED, "")) == []
    assert bus.trouble(FEED) is None
