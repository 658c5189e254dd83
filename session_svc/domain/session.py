"""What a session is, how long it lives, and who may do what to it.

Times are wall-clock seconds since the epoch: several instances and restarts must agree on them. Connections and
speakers are known by fingerprints (`ids.fingerprint`), never by the secrets themselves.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from chassis.errors import Denied, NotFound


class State(StrEnum):
    """ENDING is over for everybody outside; inside, connection records may still be left to delete."""

    LIVE = "live"
    ENDING = "ending"
    ENDED = "ended"


class Move(StrEnum):
    """What moves a session on."""

    END = "end"
    CLEARED = "cleared"


# What is absent cannot happen.
MOVES: Mapping[State, Mapping[Move, State]] = {
    State.LIVE: {Move.END: State.ENDING},
    State.ENDING: {Move.CLEARED: State.ENDED},
    State.ENDED: {},
}


class Role(StrEnum):
    """Whose connection it is."""

    SPEAKER = "speaker"
    LISTENER = "listener"


ENDED_BY_SPEAKER = "speaker"
ENDED_SPEAKER_GONE = "speaker_gone"
ENDED_EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Terms:
    """The rules that settings can change; durations in seconds.

    `grace`: how long records outlive their session in the store. `speaker_grace`: how long a session outlives its
    speaker's connection.
    """

    capacity: int = 500
    sessions_per_speaker: int = 1
    lifetime: float = 7200.0
    grace: float = 3600.0
    speaker_grace: float = 30.0


@dataclass(frozen=True, slots=True)
class Session:
    """One broadcast, as stored.

    `speaker_connection` stays when the speaker goes, so that its holder can still end the session. `revision` grows
    with every change. `min_stability` and `max_buffer_seconds` are 0 where the speaker left the default.
    """

    session_id: str
    speaker: str
    slot: str
    speaker_connection: str
    source_language: str
    quality_tier: str
    created_at: float
    expires_at: float
    changed_at: float
    state: State = State.LIVE
    speaker_connected: bool = True
    speaker_gone_at: float = 0.0
    final_only: bool = False
    min_stability: float = 0.0
    max_buffer_seconds: float = 0.0
    pin_hash: str = ""
    active: bool = True
    paused: bool = False
    muted: bool = False
    volume: float = 1.0
    ended_at: float = 0.0
    end_reason: str = ""
    listener_count: int = 0
    language_counts: Mapping[str, int] = field(default_factory=dict)
    revision: int = 0

    @property
    def live(self) -> bool:
        """Not ended by anyone; it may have expired."""
        return self.state is State.LIVE


@dataclass(frozen=True, slots=True)
class Connection:
    """One speaker or listener on one edge. `key` is the fingerprint of the connection id."""

    key: str
    session_id: str
    role: Role
    edge_id: str
    joined_at: float
    expires_at: float
    target_language: str = ""


def expired(session: Session, now: float) -> bool:
    """Nobody refreshed it in time. The same before and after the reaper has seen it."""
    return session.end_reason == ENDED_EXPIRED or (session.live and now >= session.expires_at)


def found(session: Session | None, now: float) -> Session:
    """A session that may be read: live, or ended not long ago. Raises NotFound(SESSION_NOT_FOUND)."""
    if session is None or expired(session, now):
        raise NotFound("SESSION_NOT_FOUND", "no such session")
    return session


def found_live(session: Session | None, now: float) -> Session:
    """A session that is going on. Raises NotFound(SESSION_NOT_FOUND)."""
    if not found(session, now).live:
        raise NotFound("SESSION_NOT_FOUND", "the session has ended")
    assert session is not None  # `found` raised otherwise.
    return session


def check_may_end(session: Session, connection: str) -> None:
    """The speaker's connection, connected or gone, may end it. Raises Denied(NOT_THE_SPEAKER)."""
    if connection != session.speaker_connection:
        raise Denied("NOT_THE_SPEAKER", "only the speaker of a session may end it")


def check_may_steer(session: Session, connection: str) -> None:
    """Only the speaker's connection that lives changes the broadcast. Raises Denied(NOT_THE_SPEAKER)."""
    if connection != session.speaker_connection or not session.speaker_connected:
        raise Denied("NOT_THE_SPEAKER", "only the speaker of a session may change its broadcast")


def check_may_take_over(session: Session, speaker: str, old_connection: str) -> None:
    """The same speaker may bring a new connection; naming the old one also asks that it is still the current one.

    Raises Denied(NOT_THE_SPEAKER), NotFound(CONNECTION_NOT_FOUND).
    """
    if speaker != session.speaker:
        raise Denied("NOT_THE_SPEAKER", "only the speaker of a session may refresh it")
    if old_connection and old_connection != session.speaker_connection:
        raise NotFound("CONNECTION_NOT_FOUND", "another connection has taken the speaker's place")


def speaker_overdue(session: Session, now: float, answering_since: float, terms: Terms) -> bool:
    """The speaker went and did not come back in time. Time when nobody could come back does not count."""
    if session.speaker_connected or not session.live:
        return False
    return now >= max(session.speaker_gone_at, answering_since) + terms.speaker_grace
