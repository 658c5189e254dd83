"""What listeners get of a feed of which something was lost on the way, or came twice."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from edge.domain.continuity import Continuity, Position
from edge.domain.feed import BusEvent, Caption, CueAudio, CueEnded, CuesDropped, CueStarted
from edge.domain.outgoing import Outgoing, Parting


def start(cue: str) -> CueStarted:
    return CueStarted(cue, 1, "es", 16_000, 0, 1000, 1.0)


def piece(cue: str, number: int = 0) -> CueAudio:
    return CueAudio(cue, "es", b"", 0.5, number)


def end(cue: str) -> CueEnded:
    return CueEnded(cue, "es", 1000)


CAPTION = Caption(9, "es", "hola", 4, True, 0, 1000)


@dataclass(frozen=True, slots=True)
class Sent:
    before: Position
    event: BusEvent


def sent(*events: BusEvent) -> list[Sent]:
    """As one publisher sends them."""
    position = Position()
    out = []
    for event in events:
        out.append(Sent(position, event))
        position = position.after(event)
    return out


def heard(continuity: Continuity, messages: list[Sent], publisher: str = "ada") -> list[BusEvent]:
    return [event for message in messages for event in continuity.receive(publisher, message.before, message.event)]


TALK: list[BusEvent] = [
    start("1"),
    piece("1"),
    piece("1"),
    end("1"),
    CAPTION,
    start("2"),
    piece("2"),
    piece("2"),
    piece("2"),
    end("2"),
]


def test_what_comes_whole_passes_as_it_is() -> None:
    assert heard(Continuity("es"), sent(*TALK)) == TALK


def test_what_comes_twice_passes_once() -> None:
    continuity = Continuity("es")
    messages = sent(*TALK)
    assert heard(continuity, messages[:6]) == TALK[:6]
    assert heard(continuity, messages[2:]) == TALK[6:]


def test_audio_lost_in_a_cue_is_said_where_it_is_missing() -> None:
    messages = sent(*TALK)
    del messages[2]
    out = heard(Continuity("es"), messages)
    assert out == [*TALK[:2], CuesDropped("es", 1, 0.5), *TALK[3:]]


def test_a_cue_whose_end_was_lost_is_ended_before_the_next_with_what_came_of_it() -> None:
    messages = sent(*TALK)
    del messages[2:4]
    out = heard(Continuity("es"), messages)
    assert out == [*TALK[:2], CueEnded("1", "es", 500), CuesDropped("es", 1, 0.5), *TALK[4:]]


def test_the_rest_of_a_cue_whose_start_was_lost_is_lost_and_said_with_it() -> None:
    messages = sent(*TALK)
    del messages[3:7]
    out = heard(Continuity("es"), messages)
    assert out == [*TALK[:3], CueEnded("1", "es", 1000), CuesDropped("es", 1, 1.5)]


def test_several_lost_cues_are_counted() -> None:
    talk: list[BusEvent] = [CAPTION, *(event for cue in "123" for event in (start(cue), piece(cue), end(cue))), CAPTION]
    messages = sent(*talk)
    del messages[1:-1]
    assert heard(Continuity("es"), messages) == [CAPTION, CuesDropped("es", 3, 1.5), CAPTION]


def test_who_comes_late_is_told_of_no_loss() -> None:
    assert heard(Continuity("es"), sent(*TALK)[5:]) == TALK[5:]


def test_what_went_before_in_another_memory_does_not_come_again() -> None:
    continuity = Continuity("es")
    messages = sent(*TALK)
    continuity.begin({"ada": messages[7].before}, (start("2"), 0.5))
    assert heard(continuity, messages[5:]) == TALK[7:]


def test_a_publisher_who_takes_over_begins_from_nothing() -> None:
    continuity = Continuity("es")
    heard(continuity, sent(*TALK))
    messages = sent(start("3"), piece("3"), piece("3"), end("3"))
    assert heard(continuity, messages[1:], "grace") == [CuesDropped("es", 1, 1.0)]


def test_a_cue_that_a_publisher_died_in_is_ended_by_the_next_cue_of_another() -> None:
    continuity = Continuity("es")
    heard(continuity, sent(*TALK)[:7])
    assert heard(continuity, sent(start("3")), "grace") == [CueEnded("2", "es", 500), start("3")]


def test_the_same_holds_for_one_published_here() -> None:
    continuity = Continuity("es")
    heard(continuity, sent(*TALK)[:7])
    assert continuity.publish(start("3")) == [CueEnded("2", "es", 500), start("3")]
    assert continuity.publish(piece("3")) == [piece("3")]


def test_words_between_do_not_hide_what_is_lost_of_a_cue_without_its_start() -> None:
    talk: list[BusEvent] = [start("1"), piece("1"), end("1"), CAPTION, start("2"), CAPTION, piece("2"), end("2")]
    messages = sent(*talk)
    del messages[4], messages[2]
    out = heard(Continuity("es"), messages)
    assert out == [*talk[:2], CueEnded("1", "es", 500), CAPTION, CAPTION, CuesDropped("es", 1, 0.5)]


def test_two_who_publish_at_the_same_time_do_not_cut_each_other_short() -> None:
    continuity = Continuity("es")
    mine, others = sent(start("1"), piece("1"), end("1")), sent(start("2"), piece("2"), end("2"))
    assert heard(continuity, mine[:2]) == [start("1"), piece("1")]
    assert heard(continuity, others[:2], "grace") == [CueEnded("1", "es", 500), start("2"), piece("2")]
    assert heard(continuity, mine[2:]) == []
    assert heard(continuity, others[2:], "grace") == [end("2")]


def test_after_an_interruption_the_loss_is_said_without_waiting_for_the_next_event() -> None:
    continuity = Continuity("es")
    messages = sent(*TALK)
    heard(continuity, messages[:2])
    at = messages[-1].before.after(TALK[-1])
    assert continuity.catch_up({"ada": at}) == [CueEnded("1", "es", 500), CuesDropped("es", 1, 2.0)]
    assert heard(continuity, messages[2:]) == []


def test_after_an_interruption_a_cue_that_goes_on_goes_on() -> None:
    continuity = Continuity("es")
    messages = sent(*TALK)
    heard(continuity, messages[:7])
    assert continuity.catch_up({"ada": messages[8].before}) == [CuesDropped("es", 1, 0.5)]
    assert heard(continuity, messages[8:]) == TALK[8:]


def test_after_an_interruption_a_cue_that_began_meanwhile_is_lost_as_a_whole() -> None:
    continuity = Continuity("es")
    messages = sent(*TALK)
    heard(continuity, messages[:4])
    assert continuity.catch_up({"ada": messages[7].before}) == []
    assert heard(continuity, messages[7:]) == [CuesDropped("es", 1, 1.5)]


def test_an_older_position_changes_nothing() -> None:
    continuity = Continuity("es")
    messages = sent(*TALK)
    heard(continuity, messages)
    assert continuity.catch_up({"ada": messages[3].before}) == []


def test_several_publishers_met_at_once_are_no_loss() -> None:
    continuity = Continuity("es")
    assert continuity.catch_up({"ada": Position(90, 9, 40.0), "grace": Position(50, 5, 20.0)}) == []


def test_after_many_silences_an_interruption_says_no_more_than_was_lost() -> None:
    here, there = Continuity("es"), Continuity("es")
    for number in range(240):  # One each half minute, for two hours.
        heard(here, sent(*TALK), f"ada {number}")
        heard(there, sent(*TALK), f"ada {number}")
    messages = sent(*TALK, CAPTION)
    heard(here, messages[:4], "there")
    assert here.catch_up({**there.positions, "there": messages[-1].before}) == [CuesDropped("es", 1, 1.5)]


@st.composite
def talks(draw: st.DrawFn) -> list[BusEvent]:
    events: list[BusEvent] = []
    for cue, pieces in enumerate(draw(st.lists(st.integers(0, 4), max_size=6)), 1):
        voice: list[BusEvent] = [start(str(cue)), *(piece(str(cue), n) for n in range(pieces)), end(str(cue))]
        for event in voice:
            events += [event, *[CAPTION] * draw(st.integers(0, 1))]
    return events


@given(talks(), st.data())
def test_whatever_is_lost_or_doubled_cues_stay_whole_marks_and_no_second_is_unaccounted_for(
    talk: list[BusEvent], data: st.DataObject
) -> None:
    # The first comes, for what was before it is not ours; and after the last loss a cue, with which it is said.
    talk = [CAPTION, *talk, start("9")]
    messages = sent(*talk)
    keep = [
        messages[0],
        *(message for message in messages[1:-1] for _ in range(data.draw(st.integers(0, 2)))),
        messages[-1],
    ]
    out = heard(Continuity("es"), keep)
    cue = ""
    for event in out:
        match event:
            case CueStarted():
                assert not cue
                cue = event.cue_id
            case CueAudio():
                assert event.cue_id == cue
            case CueEnded():
                assert event.cue_id == cue
                cue = ""
    came = sum(event.seconds for event in out if isinstance(event, CueAudio | CuesDropped))
    assert came == sum(event.seconds for event in talk if isinstance(event, CueAudio))
    pieces = [(event.cue_id, event.number) for event in out if isinstance(event, CueAudio)]
    assert pieces == sorted(set(pieces))


# ---------------------------------------------------------------------- what waits to be sent


def parting(name: str, due: float = 10.0, size: int = 100) -> Parting:
    return Parting(name, bytes(size), "", due)


def test_what_waits_is_taken_in_order() -> None:
    out = Outgoing()
    for name in "abc":
        assert out.put(parting(name)) == 0
    assert [taken.subject for _ in range(3) if (taken := out.take(0.0)[0])] == ["a", "b", "c"]
    assert out.take(0.0) == (None, 0)


def test_what_is_too_late_goes_and_is_counted_and_the_rest_keeps_its_order() -> None:
    out = Outgoing()
    for name, due in (("a", 3.0), ("b", 30.0), ("c", 3.0), ("d", 30.0)):
        out.put(parting(name, due))
    first, late = out.take(5.0)
    second, later = out.take(5.0)
    assert (first and first.subject, late, second and second.subject, later) == ("b", 1, "d", 1)


@given(st.lists(st.integers(0, 5_000), max_size=60))
def test_never_more_waits_than_the_limit_and_what_goes_is_counted(sizes: list[int]) -> None:
    out = Outgoing(limit_bytes=10_000)
    gone = sum(out.put(parting(str(number), size=size)) for number, size in enumerate(sizes))
    assert gone + len(out) == len(sizes)
    kept = [out.take(0.0)[0] for _ in range(len(out))]
    assert [entry and entry.subject for entry in kept] == [str(number) for number in range(gone, len(sizes))]
    assert sum(len(entry.data) for entry in kept if entry) <= 10_000
