"""What is written to one peer, over a transport played by hand: straight while it keeps up, later while it does not."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from edge.domain.mailbox import Cut, Kind, Parcel
from edge.outbox import SWEEP_SECONDS, WRITE_BYTES, Laggards, Outbox
from edge.protocol.wire import Frame, Post
from tests.fakes import virtual_time
from tests.fakes.frames import read_frames
from tests.fakes.transport import FakeTransport

TOLD = '{{"type":"audioDropped","cues":{},"seconds":{}}}'


def text(said: str) -> Post:
    return Parcel(Kind.MESSAGE, Frame(said.encode()))


def caption(segment: str, said: str) -> Post:
    return Parcel(Kind.CAPTION, Frame(said.encode()), segment)


def start(cue: str) -> Post:
    return Parcel(Kind.CUE_START, Frame(f"<{cue}".encode()), cue)


def audio(cue: str, number: int, seconds: float = 1.0, size: int = 100) -> Post:
    return Parcel(Kind.CUE_AUDIO, Frame(f"{cue}{number}".encode().ljust(size), binary=True), cue, seconds)


def end(cue: str) -> Post:
    return Parcel(Kind.CUE_END, Frame(f"{cue}>".encode()), cue)


def heard(transport: FakeTransport) -> list[str]:
    """What the peer got, audio by its name."""
    told = read_frames(bytes(transport.taken))
    return [item.decode().strip() if isinstance(item, bytes) else str(item) for item in told]


async def swept() -> None:
    """Laggards are looked after as often as it takes."""
    await asyncio.sleep(10 * SWEEP_SECONDS)


class Peer:
    """An outbox with what is beside it. `cue`: what feeds say is under way."""

    def __init__(self, *, deferred: bool = False) -> None:
        self.transport = FakeTransport(deferred=deferred)
        self.laggards = Laggards()
        self.outbox = Outbox(self.transport, self.laggards, 10.0)
        self.cue: Cut | None = None
        self.outbox.under_way = lambda: self.cue

    def put(self, *posts: Post) -> None:
        for post in posts:
            self.outbox.put(post)

    @property
    def heard(self) -> list[str]:
        return heard(self.transport)


Scene = Callable[[Peer], Awaitable[None]]


def played(scene: Scene, *, deferred: bool = False) -> Peer:
    async def play() -> Peer:
        peer = Peer(deferred=deferred)
        await scene(peer)
        return peer

    return virtual_time.run(play())


def test_who_keeps_up_is_written_to_at_once_and_has_no_mailbox() -> None:
    async def scene(peer: Peer) -> None:
        peer.put(text("one"))
        assert peer.heard == ["one"]
        peer.put(text("two"))
        assert peer.heard == ["one", "two"]
        assert peer.outbox.mailbox is None
        assert not len(peer.laggards)

    played(scene)


def test_what_waits_goes_before_what_comes_later() -> None:
    async def scene(peer: Peer) -> None:
        peer.transport.stall()
        peer.put(text("one"), text("two"))
        peer.transport.read()
        peer.put(text("three"))  # The buffer is empty now, and yet the second still waits.
        await swept()
        peer.put(text("four"))
        assert peer.heard == ["one", "two", "three", "four"]
        assert not len(peer.laggards)

    played(scene)


def test_a_second_write_in_one_tick_comes_with_the_next_one() -> None:
    async def scene(peer: Peer) -> None:
        peer.put(text("one"), text("two"), text("three"))
        assert peer.heard == []
        for _ in range(4):
            await asyncio.sleep(0)
        assert peer.heard == ["one", "two", "three"]
        assert peer.transport.writes == 2

    played(scene, deferred=True)


def test_a_second_write_in_one_tick_waits_for_no_sweep_of_those_that_are_stuck() -> None:
    async def scene(peer: Peer) -> None:
        stuck = Outbox(FakeTransport(room=0), peer.laggards, 10.0)
        stuck.put(text("one"))
        stuck.put(text("two"))
        await swept()
        peer.put(text("one"), text("two"))
        for _ in range(4):
            await asyncio.sleep(0)
        assert peer.heard == ["one", "two"]

    played(scene, deferred=True)


def test_what_is_written_to_a_laggard_at_one_go_is_bounded_so_that_the_rest_can_still_be_dropped() -> None:
    async def scene(peer: Peer) -> None:
        peer.transport.stall()
        peer.put(text("first"), start("a"), *(audio("a", number, 0.1, 8_000) for number in range(50)))
        peer.transport.read(7)  # The first message: the buffer is empty, and the peer reads no more.
        await swept()
        assert WRITE_BYTES <= peer.transport.get_write_buffer_size() < WRITE_BYTES + 9_000
        assert peer.outbox.mailbox is not None

    played(scene)


def test_a_closing_connection_is_not_written_to_and_nothing_is_kept_for_it() -> None:
    async def scene(peer: Peer) -> None:
        peer.put(text("one"))
        peer.transport.close()
        peer.put(text("two"), start("a"), audio("a", 1))
        assert peer.outbox.mailbox is None
        await swept()
        assert peer.heard == ["one"]

    played(scene)


def test_what_waits_is_given_up_when_the_connection_breaks() -> None:
    async def scene(peer: Peer) -> None:
        peer.transport.stall()
        peer.put(text("one"), text("two"))
        peer.transport.abort()
        await swept()
        assert peer.outbox.mailbox is None
        assert not len(peer.laggards)
        assert peer.heard == []

    played(scene)


def test_finishing_takes_nothing_more_and_waits_for_what_was_taken() -> None:
    async def scene(peer: Peer) -> None:
        done: list[bool] = []
        peer.transport.stall()
        peer.put(text("one"), text("two"))
        peer.outbox.finish(lambda: done.append(True))
        peer.put(text("three"))
        peer.outbox.lag([text("four")], None)
        await swept()
        assert not done
        peer.transport.read()
        await swept()
        assert done == [True]
        peer.put(text("five"))
        assert peer.heard == ["one", "two"]

    played(scene)


def test_finishing_when_nothing_waits_is_done_at_once() -> None:
    async def scene(peer: Peer) -> None:
        done: list[bool] = []
        peer.outbox.finish(lambda: done.append(True))
        assert done == [True]
        peer.put(text("late"))
        assert peer.heard == []

    played(scene)


def test_finishing_ends_when_the_connection_breaks() -> None:
    async def scene(peer: Peer) -> None:
        done: list[bool] = []
        peer.transport.stall()
        peer.put(text("one"), text("two"))
        peer.outbox.finish(lambda: done.append(True))
        peer.transport.abort()
        await swept()
        assert done == [True]

    played(scene)


def test_after_a_close_frame_nothing_is_written_not_even_what_waits() -> None:
    async def scene(peer: Peer) -> None:
        peer.transport.stall()
        peer.put(text("one"), text("two"))
        peer.outbox.shut()
        peer.transport.read()
        peer.put(text("three"))
        await swept()
        assert peer.heard == ["one"]
        assert not len(peer.laggards)

    played(scene)


def test_messages_that_pile_up_are_told_of() -> None:
    async def scene(peer: Peer) -> None:
        full: list[int] = []
        peer.outbox.when_overflowed(lambda: full.append(number))
        peer.transport.stall()
        for number in range(600):
            peer.put(text(str(number)))
        assert full
        assert full[0] == 501  # One went at once; five hundred may wait.

    played(scene)


def test_the_rest_of_a_cue_that_began_before_the_lag_still_comes() -> None:
    async def scene(peer: Peer) -> None:
        peer.put(start("a"), audio("a", 1))
        peer.cue = Cut("a", 1.0)
        peer.transport.stall()
        peer.put(audio("a", 2), audio("a", 3), end("a"), text("after"))
        peer.transport.read()
        await swept()
        assert peer.heard == ["<a", "a1", "a2", "a3", "a>", "after"]

    played(scene)


def test_audio_of_a_cue_whose_start_the_peer_did_not_get_does_not_come() -> None:
    async def scene(peer: Peer) -> None:
        peer.transport.stall()
        peer.put(text("held"), audio("a", 1), end("a"), start("b"))
        peer.transport.read()
        await swept()
        assert peer.heard == ["held", "<b"]

    played(scene)


def test_a_cue_cut_short_stays_so_when_the_peer_reads_again_before_its_end() -> None:
    async def scene(peer: Peer) -> None:
        peer.put(start("a"), audio("a", 1))
        peer.cue = Cut("a", 1.0)
        peer.transport.stall()
        peer.put(*(audio("a", number) for number in range(2, 15)))
        peer.transport.read()
        await swept()
        peer.put(audio("a", 15))  # Everybody else gets this.
        await swept()
        peer.put(end("a"))
        peer.cue = None
        await swept()
        peer.put(start("b"), audio("b", 1), end("b"))
        await swept()
        # The second second was in the transport's buffer already.
        assert peer.heard == ["<a", "a1", "a2", TOLD.format(1, 13.0), "a>", "<b", "b1", "b>"]
        assert not len(peer.laggards)

    played(scene)


def test_the_rest_of_a_cue_that_was_dropped_whole_while_it_arrived_does_not_come_either() -> None:
    async def scene(peer: Peer) -> None:
        peer.transport.stall()
        peer.put(text("held"), start("a"), *(audio("a", number) for number in range(1, 13)))
        peer.transport.read()
        await swept()
        assert peer.heard == ["held"]
        peer.put(audio("a", 13))
        await swept()
        peer.put(end("a"))
        await swept()
        peer.put(start("b"), end("b"))
        assert peer.heard == ["held", TOLD.format(1, 13.0), "<b", "b>"]

    played(scene)


def test_a_cue_that_was_cut_and_never_ends_does_not_hold_back_the_next() -> None:
    async def scene(peer: Peer) -> None:
        peer.put(start("a"))
        peer.cue = Cut("a", 0.0)
        peer.transport.stall()
        peer.put(*(audio("a", number) for number in range(1, 13)))
        peer.transport.read()
        peer.put(start("b"), audio("b", 1), end("b"))
        await swept()
        assert peer.heard == ["<a", "a1", TOLD.format(1, 11.0), "<b", "b1", "b>"]
        assert not len(peer.laggards)

    played(scene)


def test_a_newer_caption_takes_the_place_of_one_that_waits() -> None:
    async def scene(peer: Peer) -> None:
        peer.transport.stall()
        peer.put(text("held"), caption("1", "In"), text("between"), caption("1", "In the"), caption("2", "And"))
        peer.transport.read()
        await swept()
        assert peer.heard == ["held", "In the", "between", "And"]

    played(scene)


@pytest.mark.parametrize("lagging", [False, True])
def test_a_change_of_feed_names_the_cue_it_cuts_and_how_much_of_it_went_out(lagging: bool) -> None:
    async def scene(peer: Peer) -> None:
        peer.put(start("a"), audio("a", 1))
        peer.cue = Cut("a", 1.0)
        if lagging:
            peer.transport.stall()
            peer.put(text("held"), audio("a", 2), caption("1", "old"))
        assert peer.outbox.change_feed() == Cut("a", 1.0)
        peer.cue = None
        peer.transport.read()
        await swept()
        assert peer.heard == ["<a", "a1", *(["held"] if lagging else [])]

    played(scene)


def test_a_change_of_feed_says_nothing_of_a_cue_that_never_went_out() -> None:
    async def scene(peer: Peer) -> None:
        peer.transport.stall()
        peer.put(text("held"), start("a"), audio("a", 1))
        assert peer.outbox.change_feed() is None

    played(scene)


def test_one_that_never_reads_does_not_keep_others_waiting() -> None:
    async def scene(peer: Peer) -> None:
        stuck = Outbox(FakeTransport(room=0), peer.laggards, 10.0)
        stuck.put(text("one"))
        stuck.put(text("two"))
        peer.transport.stall()
        peer.put(text("one"), text("two"))
        peer.transport.read()
        await swept()
        assert peer.heard == ["one", "two"]
        assert len(peer.laggards) == 1

    played(scene)


def test_a_peer_that_cannot_be_written_to_is_cut_off_and_holds_up_nobody() -> None:
    class Broken(FakeTransport):
        def write(self, data: bytes | bytearray | memoryview) -> None:
            raise RuntimeError("no such thing as a write")

    async def scene(peer: Peer) -> None:
        broken = Broken()
        broken.stall()
        broken.append(b"a ping's answer")
        sick = Outbox(broken, peer.laggards, 10.0)
        sick.put(text("one"))
        broken.read()
        peer.transport.stall()
        peer.put(text("one"), text("two"))
        peer.transport.read()
        await swept()
        assert peer.heard == ["one", "two"]
        assert broken.aborted
        assert len(peer.laggards) == 0

    played(scene)
