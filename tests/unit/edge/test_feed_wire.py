"""What crosses between edges means the same on the other side."""

from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from edge.domain.continuity import Position
from edge.domain.feed import BusEvent, CueAudio, CuesDropped
from edge.domain.speaker import Switches
from edge.feed_wire import from_wire, from_wire_position, to_wire, to_wire_position
from protos.feed.v1 import feed_pb2 as pb

# On the wire all of these have nanoseconds; of times since 1970 a float has less.
LENGTHS = st.integers(0, 10**13).map(lambda nanoseconds: nanoseconds / 1e9)
WALL = st.integers(0, 4 * 10**15).map(lambda microseconds: microseconds / 1e6)
MILLISECONDS = st.integers(0, 10**8)
COUNTS = st.integers(0, 2**31 - 1)
SWITCHES = st.builds(Switches, st.booleans(), st.booleans(), st.booleans(), st.floats(0, 1), WALL)
FIELDS = {
    "text": st.text(),
    "language": st.sampled_from(["es", "pt-BR", "zh-Hant"]),
    "segment_id": COUNTS,
    "stable_chars": COUNTS,
    "start_ms": MILLISECONDS,
    "end_ms": MILLISECONDS,
    "duration_ms": MILLISECONDS,
    "seconds": LENGTHS,
    "tempo": st.floats(0.5, 2.0),
    "traceparent": st.sampled_from(["", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"]),
    "switches": SWITCHES,
}
EVENTS: st.SearchStrategy[BusEvent] = st.one_of(
    *(
        st.builds(kind, **{name: values for name, values in FIELDS.items() if name in kind.__annotations__})
        for kind in get_args(BusEvent)
        if kind is not CuesDropped
    ),
    st.builds(CuesDropped, st.sampled_from(["es", "de"]), COUNTS, LENGTHS),
)


@given(EVENTS)
def test_every_event_is_the_same_on_the_other_side(event: BusEvent) -> None:
    message = pb.FeedEvent.FromString(to_wire(event).SerializeToString())
    assert from_wire(message) == event


def test_every_kind_of_event_was_tried() -> None:
    kinds = {field.name for field in pb.FeedEvent.DESCRIPTOR.oneofs_by_name["event"].fields}
    assert len(kinds) == len(get_args(BusEvent))


@given(st.builds(Position, COUNTS, COUNTS, LENGTHS, st.text()))
def test_a_position_is_the_same_on_the_other_side(position: Position) -> None:
    assert from_wire_position(to_wire_position(position)) == position


def test_an_event_of_a_later_release_is_none() -> None:
    assert from_wire(pb.FeedEvent()) is None


def test_audio_takes_little_more_than_its_samples() -> None:
    audio = CueAudio("17-es", "es", bytes(3_200), 0.1, 170)
    assert to_wire(audio).ByteSize() < 3_200 + 40
