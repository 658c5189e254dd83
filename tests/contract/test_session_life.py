"""Whatever speakers, listeners, edges and the store's faults do, in any order and at once: counters equal records.

One step may be repeated, raced with others, and suffer faults: operations that fail before they were done, or after
(the answer is lost). Who gets no answer asks again, as gRPC's clients do. Steps on their own are held to a model; after
steps at once the model follows the records, and the invariants hold all the same.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from chassis.errors import LingocastError
from session_svc.connections import Joining
from session_svc.domain.session import Role, State
from session_svc.records import find_connections, read_session, session_of
from session_svc.refreshes import Refreshing
from session_svc.restoring import Held
from session_svc.sessions import Opening
from session_svc.store.writes import Kind
from tests.contract.test_session_store import STORES, rig_of
from tests.fakes.failing_store import FailingStore, Fault

T = TypeVar("T")
Work = Callable[[], Coroutine[Any, Any, object]]

CAPACITY = 3
USERS = st.sampled_from(["user-1", "user-2"])
EDGES = st.sampled_from(["edge-1", "edge-2"])
LISTENERS = st.sampled_from([f"listener-{number}" for number in range(6)])
VOICES = st.integers(0, 3)
LANGUAGES = st.sampled_from(["es", "fr", "pt-BR"])
TIMES = st.integers(1, 2)
# Up to three tries in a row may fail, and then the answer is an error.
FAULTS = st.lists(
    st.sampled_from([Fault.NONE, Fault.NONE, Fault.LOST, Fault.LOST, Fault.BEFORE, Fault.CONTENDED]), max_size=6
)
# Those that race most often come first: hypothesis likes what is first.
ACTIONS = st.sampled_from(
    ["leave", "leave", "join", "move", "swap", "restore", "reap", "refresh", "go", "open", "leave", "join", "end"]
)
# Few, so that those at once meet.
FEW = st.sampled_from(["listener-0", "listener-1"])


@dataclass(frozen=True)
class Listening:
    """A listener as the model has it."""

    session_id: str
    language: str
    edge: str


@dataclass(frozen=True)
class Speaking:
    """A live session's speaker as the model has it."""

    session_id: str
    connection: str
    connected: bool
    edge: str


class Life(RuleBasedStateMachine):
    """Two speakers, six listeners, two edges, one store with faults."""

    store_name = STORES[0]

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self._folder = TemporaryDirectory()
        made = rig_of(
            self.store_name,
            Path(self._folder.name),
            around=FailingStore,
            capacity=CAPACITY,
            store_backoff_seconds=0.0,
            # The breaker has tests of its own; here it would only hide what comes after it.
            store_breaker_failures=1000,
        )
        self._rig = self._runner.run(self._stack.enter_async_context(made))
        assert isinstance(self._rig.store, FailingStore)
        self._failing = self._rig.store
        self._speaking: dict[str, Speaking] = {}
        self._listening: dict[str, Listening] = {}
        # What edges hold although its record was reaped.
        self._reaped: dict[str, Listening] = {}
        self._ended: set[str] = set()

    # How steps are taken.

    def _run(self, work: Coroutine[Any, Any, T], faults: list[Fault] | None = None) -> T:
        script = iter(faults or [])
        self._failing.next_fault = lambda: next(script, Fault.NONE)
        try:
            return self._runner.run(work)
        finally:
            self._failing.next_fault = lambda: Fault.NONE

    def _outcome(self, work: Work, faults: list[Fault], times: int = 1) -> str:
        """How a call ends for who repeats it until there is an answer, and then `times` in all."""
        outcome = self._try(work, faults)
        if outcome == "STORE_UNAVAILABLE":
            outcome = self._try(work, [])
        for _ in range(times - 1):
            assert self._try(work, []) == outcome
        return outcome

    def _try(self, work: Work, faults: list[Fault]) -> str:
        return self._run(_reason(work), faults)

    def _session_of(self, user: str) -> str:
        speaking = self._speaking.get(user)
        return speaking.session_id if speaking else "none-such-100"

    def _live(self, session_id: str) -> bool:
        return any(speaking.session_id == session_id for speaking in self._speaking.values())

    # The calls.

    def _open(self, user: str, voice: str, edge: str) -> Work:
        return lambda: self._rig.service.sessions.open(Opening(voice, user, edge, "en", "standard"))

    def _join(self, session_id: str, key: str, language: str, edge: str) -> Work:
        return lambda: self._rig.service.connections.join(Joining(session_id, key, edge, language))

    def _refresh(self, refreshing: Refreshing) -> Work:
        return lambda: self._rig.service.refreshes.refresh(refreshing)

    def _held(self, edge: str) -> list[Held]:
        listening = {**self._reaped, **self._listening}
        listeners = [
            Held(one.session_id, key, Role.LISTENER, one.language) for key, one in listening.items() if one.edge == edge
        ]
        speakers = [
            Held(one.session_id, one.connection, Role.SPEAKER) for one in self._speaking.values() if one.edge == edge
        ]
        return listeners + speakers

    @initialize()
    def an_audience(self) -> None:
        for work in (
            self._open("user-1", "user-1-0", "edge-1"),
            self._open("user-2", "user-2-0", "edge-2"),
        ):
            self._run(work())
        self._follow()
        for number in range(3):
            self._run(self._join(self._session_of("user-1"), f"listener-{number}", "es", f"edge-{number % 2 + 1}")())
        self._follow()

    # Steps, one at a time, held to the model.

    @rule(user=USERS, voice=VOICES, edge=EDGES, faults=FAULTS, times=TIMES)
    def opens(self, user: str, voice: int, edge: str, faults: list[Fault], times: int) -> None:
        connection = f"{user}-{voice}"
        before = self._speaking.get(user)
        outcome = self._outcome(self._open(user, connection, edge), faults, times)
        if before is None:
            assert outcome == "OK"
            session = self._run(self._rig.service.sessions.open(Opening(connection, user, edge, "en", "standard")))
            assert session.session_id not in self._ended
            self._speaking[user] = Speaking(session.session_id, connection, True, edge)
        else:
            again = before.connected and before.connection == connection
            assert outcome == ("OK" if again else "MAX_SESSIONS_EXCEEDED")

    @rule(user=USERS, key=LISTENERS, language=LANGUAGES, edge=EDGES, faults=FAULTS, times=TIMES)
    def joins(self, *, user: str, key: str, language: str, edge: str, faults: list[Fault], times: int) -> None:
        session_id, before = self._session_of(user), self._listening.get(key)
        there = sum(one.session_id == session_id for one in self._listening.values())
        outcome = self._outcome(self._join(session_id, key, language, edge), faults, times)
        if not self._live(session_id):
            assert outcome == "SESSION_NOT_FOUND"
        elif before is not None:
            assert outcome == ("OK" if before.session_id == session_id else "CONFLICT")
        elif there >= CAPACITY:
            assert outcome == "SESSION_FULL"
        else:
            assert outcome == "OK"
            self._listening[key] = Listening(session_id, language, edge)
            self._reaped.pop(key, None)

    @rule(user=USERS, key=LISTENERS, faults=FAULTS, times=TIMES)
    def leaves(self, user: str, key: str, faults: list[Fault], times: int) -> None:
        session_id, before = self._session_of(user), self._listening.get(key)
        leave = self._rig.service.connections.leave
        assert self._outcome(lambda: leave(session_id, key), faults, times) == "OK"
        if before is not None and before.session_id == session_id:
            del self._listening[key]
        assert not self._run(leave(session_id, key))

    @rule(user=USERS, key=LISTENERS, language=LANGUAGES, faults=FAULTS, times=TIMES)
    def moves(self, user: str, key: str, language: str, faults: list[Fault], times: int) -> None:
        session_id, before = self._session_of(user), self._listening.get(key)
        move = self._rig.service.connections.change_language
        outcome = self._outcome(lambda: move(session_id, key, language), faults, times)
        if not self._live(session_id):
            assert outcome == "SESSION_NOT_FOUND"
        elif before is None or before.session_id != session_id:
            assert outcome == "CONNECTION_NOT_FOUND"
        else:
            assert outcome == "OK"
            self._listening[key] = Listening(session_id, language, before.edge)

    @rule(
        user=USERS,
        old=LISTENERS,
        new=LISTENERS,
        language=st.one_of(st.just(""), LANGUAGES),
        edge=EDGES,
        faults=FAULTS,
        times=TIMES,
    )
    def listener_refreshes(
        self, *, user: str, old: str, new: str, language: str, edge: str, faults: list[Fault], times: int
    ) -> None:
        session_id = self._session_of(user)
        taken, before = self._listening.get(new), self._listening.get(old)
        swap = Refreshing(session_id, Role.LISTENER, old, new, edge, target_language=language)
        outcome = self._outcome(self._refresh(swap), faults, times)
        if not self._live(session_id):
            assert outcome == "SESSION_NOT_FOUND"
        elif taken is not None:
            assert outcome == ("OK" if taken.session_id == session_id else "CONFLICT")
        elif before is None or before.session_id != session_id:
            assert outcome == "CONNECTION_NOT_FOUND"
        else:
            assert outcome == "OK"
            del self._listening[old]
            self._listening[new] = Listening(session_id, language or before.language, edge)
            self._reaped.pop(new, None)

    @rule(user=USERS, other=USERS, old=st.one_of(st.none(), VOICES), new=VOICES, edge=EDGES, faults=FAULTS, times=TIMES)
    def speaker_refreshes(
        self, *, user: str, other: str, old: int | None, new: int, edge: str, faults: list[Fault], times: int
    ) -> None:
        """`user` refreshes the session of `other`, who may be the same."""
        speaking = self._speaking.get(other)
        gone = "" if old is None else f"{other}-{old}"
        swap = Refreshing(self._session_of(other), Role.SPEAKER, gone, f"{user}-{new}", edge, user)
        outcome = self._outcome(self._refresh(swap), faults, times)
        elsewhere = user != other and f"{user}-{new}" in self._voices()
        if speaking is None:
            assert outcome == "SESSION_NOT_FOUND"
        elif elsewhere:
            assert outcome == "CONFLICT"
        elif user != other:
            assert outcome == "NOT_THE_SPEAKER"
        elif speaking.connected and speaking.connection == swap.new:
            assert outcome == "OK"
        elif gone and gone != speaking.connection:
            assert outcome == "CONNECTION_NOT_FOUND"
        else:
            assert outcome == "OK"
            self._speaking[user] = Speaking(speaking.session_id, swap.new, True, edge)

    def _voices(self) -> set[str]:
        return {one.connection for one in self._speaking.values() if one.connected}

    @rule(user=USERS, voice=VOICES, faults=FAULTS, times=TIMES)
    def speaker_leaves(self, user: str, voice: int, faults: list[Fault], times: int) -> None:
        before, key = self._speaking.get(user), f"{user}-{voice}"
        leave = self._rig.service.connections.leave
        assert self._outcome(lambda: leave(self._session_of(user), key), faults, times) == "OK"
        if before is not None and before.connection == key:
            self._speaking[user] = Speaking(before.session_id, key, False, "")

    @rule(user=USERS, voice=VOICES, faults=FAULTS, times=TIMES)
    def ends(self, user: str, voice: int, faults: list[Fault], times: int) -> None:
        speaking, key = self._speaking.get(user), f"{user}-{voice}"
        session_id = self._session_of(user)
        outcome = self._outcome(lambda: self._rig.service.sessions.end(session_id, key, "speaker"), faults, times)
        if speaking is None:
            assert outcome == "SESSION_NOT_FOUND"
        elif speaking.connection != key:
            assert outcome == "NOT_THE_SPEAKER"
        else:
            assert outcome == "OK"
            self._over(user)
            if not faults:
                assert self._run(self._records(session_id)) == {}
            # What an interrupted end leaves behind is the reaper's.
            self._run(self._rig.service.reaper.reap())
            assert self._run(self._records(session_id)) == {}

    @rule(edge=EDGES, faults=FAULTS, times=TIMES)
    def edge_restores(self, edge: str, faults: list[Fault], times: int) -> None:
        held = self._held(edge)
        restore = self._rig.service.restoring.restore
        assert self._outcome(lambda: restore(edge, held), faults, times) == "OK"
        lost = self._run(restore(edge, held))
        for key, one in list(self._reaped.items()):
            if one.edge == edge and key not in self._listening:
                assert lost.get(key, "") == ("" if self._live(one.session_id) else "SESSION_NOT_FOUND")
                if self._live(one.session_id):
                    self._listening[key] = one
        self._reaped = {key: one for key, one in self._reaped.items() if one.edge != edge}
        for user, speaking in self._speaking.items():
            if speaking.edge == edge:
                assert speaking.connection not in lost
                self._speaking[user] = Speaking(speaking.session_id, speaking.connection, True, edge)
        assert not self._run(self._rig.service.leases.renew(edge)).unrestored

    @rule(
        seconds=st.sampled_from([5, 20, 40, 70]),
        alive=st.sets(EDGES),
        faults=FAULTS,
    )
    def time_passes(self, seconds: int, alive: set[str], faults: list[Fault]) -> None:
        """Edges that live renew every five seconds; the reaper looks as often, and more often than not it succeeds."""
        lapsed = set[str]()
        for _ in range(0, seconds, 5):
            self._rig.clock.now += 5
            for edge in alive:
                if self._run(self._rig.service.leases.renew(edge)).unrestored:
                    lapsed.add(edge)
            self._try(self._rig.service.reaper.reap, faults)
            faults = []
        self._run(self._rig.service.reaper.reap())
        before, held = self._listening, self._speaking
        self._follow()
        for key, one in before.items():
            if key not in self._listening:
                # Only of an edge that was silent for long enough, or of a session that ended.
                assert one.edge not in alive or one.edge in lapsed or not self._live(one.session_id)
                self._reaped[key] = one
            else:
                assert one.edge in alive or seconds < 40, "a silent edge is reaped"
        for user, speaking in held.items():
            if user in self._speaking and not self._speaking[user].connected:
                assert not speaking.connected or speaking.edge not in alive or speaking.edge in lapsed
            elif user not in self._speaking:
                assert seconds >= 20 or not speaking.connected or speaking.edge not in alive

    # Steps at once.

    @precondition(lambda self: self._speaking)
    @rule(
        steps=st.lists(st.tuples(ACTIONS, USERS, VOICES, VOICES, FEW, FEW, LANGUAGES, EDGES), min_size=2, max_size=8),
        faults=FAULTS,
        silence=st.sampled_from([0, 0, 31]),
    )
    def at_once(self, steps: list[tuple[Any, ...]], faults: list[Fault], silence: int) -> None:
        """After a silence both leases have lapsed, and reaping is due at the same time."""
        self._rig.clock.now += silence

        async def race() -> list[str]:
            return list(await asyncio.gather(*(_reason(self._work(*step)) for step in steps)))

        for outcome in self._run(race(), faults):
            assert outcome in EXPECTED, outcome
        # What was interrupted is finished.
        self._run(self._rig.service.reaper.reap())
        before = self._listening
        self._follow()
        self._reaped |= {
            key: one for key, one in before.items() if key not in self._listening and self._live(one.session_id)
        }

    def _work(self, action: str, user: str, *drawn: Any) -> Work:
        voice, other, key, second, language, edge = drawn
        session_id, service = self._session_of(user), self._rig.service
        speaking = self._speaking.get(user)
        current = speaking.connection if speaking else f"{user}-{voice}"
        match action:
            case "join":
                return self._join(session_id, key, language, edge)
            case "leave":
                return lambda: service.connections.leave(session_id, key)
            case "move":
                return lambda: service.connections.change_language(session_id, key, language)
            case "swap":
                return self._refresh(Refreshing(session_id, Role.LISTENER, key, second, edge))
            case "refresh":
                return self._refresh(Refreshing(session_id, Role.SPEAKER, current, f"{user}-{other}", edge, user))
            case "go":
                return lambda: service.connections.leave(session_id, current)
            case "end":
                return lambda: service.sessions.end(session_id, current, "speaker")
            case "open":
                return self._open(user, f"{user}-{voice}", edge)
            case "restore":
                return lambda: service.restoring.restore(edge, self._held(edge))
        return service.reaper.reap

    def _follow(self) -> None:
        """The model becomes what the records say."""
        listening, speaking = dict[str, Listening](), dict[str, Speaking]()
        for session in self._run(self._live_sessions()):
            edge = ""
            for key, connection in self._run(self._records(session.session_id)).items():
                if connection.role is Role.LISTENER:
                    one = Listening(session.session_id, connection.target_language, connection.edge_id)
                    listening[key] = one
                else:
                    edge = connection.edge_id
            if not edge and (before := self._speaking.get(session.speaker)) is not None:
                # Its edge may still hold it.
                edge = before.edge if before.connection == session.speaker_connection else ""
            speaking[session.speaker] = Speaking(
                session.session_id, session.speaker_connection, session.speaker_connected, edge
            )
        for user in set(self._speaking) - set(speaking):
            self._over(user)
        self._listening, self._speaking = listening, speaking

    def _over(self, user: str) -> None:
        session_id = self._speaking.pop(user).session_id
        self._ended.add(session_id)
        self._listening = {key: one for key, one in self._listening.items() if one.session_id != session_id}

    # What always holds.

    async def _live_sessions(self) -> list[Any]:
        now = self._rig.clock()
        found = [session_of(item) async for item in self._rig.store.find(Kind.SESSION, "state", State.LIVE, now)]
        return sorted(found, key=lambda session: session.session_id)

    async def _records(self, session_id: str) -> dict[str, Any]:
        found = find_connections(self._rig.store, "session_id", session_id, self._rig.clock())
        return {connection.key: connection async for connection in found}

    @invariant()
    def counters_equal_records_and_the_model(self) -> None:
        sessions = self._run(self._live_sessions())
        assert {one.session_id for one in sessions} == {one.session_id for one in self._speaking.values()}
        for session in sessions:
            records = self._run(self._records(session.session_id))
            languages = Counter(one.target_language for one in records.values() if one.role is Role.LISTENER)
            assert session.language_counts == languages
            assert session.listener_count == languages.total()
            mine = {key: one for key, one in self._listening.items() if one.session_id == session.session_id}
            assert languages == Counter(one.language for one in mine.values())
            assert {key for key, one in records.items() if one.role is Role.LISTENER} == set(mine)

    @invariant()
    def nothing_is_counted_below_nothing(self) -> None:
        now = self._rig.clock()
        for session_id in {one.session_id for one in self._speaking.values()} | self._ended:
            item = self._run(self._rig.store.read(Kind.SESSION, [session_id], now)).get(session_id, {})
            counted = {name: n for name, n in item.items() if name == "listener_count" or name.startswith("listeners:")}
            assert all(isinstance(n, int | float) and n >= 0 for n in counted.values()), counted

    @invariant()
    def a_session_has_one_speaker_and_a_speaker_one_session(self) -> None:
        sessions = self._run(self._live_sessions())
        assert max(Counter(session.speaker for session in sessions).values(), default=0) <= 1
        for session in sessions:
            records = self._run(self._records(session.session_id))
            speakers = [key for key, one in records.items() if one.role is Role.SPEAKER]
            assert speakers == ([session.speaker_connection] if session.speaker_connected else [])
            model = self._speaking[session.speaker]
            assert (model.connection, model.connected) == (session.speaker_connection, session.speaker_connected)

    @invariant()
    def who_has_ended_stays_ended(self) -> None:
        for session_id in self._ended:
            session = self._run(read_session(self._rig.store, session_id, self._rig.clock()))
            assert session is None or not session.live

    def teardown(self) -> None:
        self._failing.next_fault = lambda: Fault.NONE
        self._runner.run(self._stack.aclose())
        self._runner.close()
        self._folder.cleanup()


EXPECTED = {
    "OK", "STORE_UNAVAILABLE", "SESSION_NOT_FOUND", "CONNECTION_NOT_FOUND", "SESSION_FULL", "CONFLICT",
    "MAX_SESSIONS_EXCEEDED", "NOT_THE_SPEAKER",
}  # fmt: skip


async def _reason(work: Work) -> str:
    try:
        await work()
    except LingocastError as error:
        return error.reason
    return "OK"


# Over the wire each step takes tens of milliseconds; what is above the store is the same.
EXAMPLES = {"sqlite": 60}


@pytest.mark.parametrize("store_name", STORES)
def test_counters_equal_records_whatever_happens(store_name: str) -> None:
    machine: type[Life] = type(f"{store_name.title()}Life", (Life,), {"store_name": store_name})
    examples = EXAMPLES.get(store_name, 2)
    # Not shrunk: what is raced does not repeat exactly, and a failure should be told at once.
    phases = (Phase.explicit, Phase.reuse, Phase.generate)
    chosen = settings(max_examples=examples, stateful_step_count=30, deadline=None, phases=phases)
    run_state_machine_as_test(machine, settings=chosen)
