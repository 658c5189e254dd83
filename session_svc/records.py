"""How sessions, connections and leases are kept as records, and the writes that several places share."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import asdict

from pydantic import TypeAdapter

from session_svc.domain.lease import Lease, LeaseTerms
from session_svc.domain.session import Connection, Session, State, Terms
from session_svc.store import Store
from session_svc.store.writes import Above, Change, Condition, Delete, Is, Item, Kind, Put, Write

# A counter is a field of its own, so that two languages can be counted at once without reading first.
_COUNTER = "listeners:"
LEASE_HELD = "held"

_session = TypeAdapter(Session)
_connection = TypeAdapter(Connection)
_lease = TypeAdapter(Lease)

IS_LIVE = Is("state", State.LIVE)


def going_on(now: float) -> tuple[Condition, ...]:
    """The conditions under which a session takes connections: live and not expired."""
    return (IS_LIVE, Above("expires_at", now))


def session_of(item: Item) -> Session:
    """The session that a record holds. Nobody is connected to one that is over, whatever was counted last."""
    counts = {name.removeprefix(_COUNTER): count for name, count in item.items() if name.startswith(_COUNTER) and count}
    if item["state"] != State.LIVE:
        return _session.validate_python(
            {**item, "language_counts": {}, "listener_count": 0, "speaker_connected": False}
        )
    return _session.validate_python({**item, "language_counts": counts})


def session_item(session: Session, terms: Terms) -> Item:
    """The record of a session that was just opened."""
    fields = asdict(session)
    counts = fields.pop("language_counts")
    counters = {counter(language): count for language, count in counts.items()}
    return {**fields, **counters, "ttl": session.expires_at + terms.grace}


def connection_of(item: Item) -> Connection:
    """The connection that a record holds."""
    return _connection.validate_python(item)


def put_connection(connection: Connection, terms: Terms) -> Put:
    """Writes a connection that must be new."""
    return Put(
        Kind.CONNECTION, connection.key, {**asdict(connection), "ttl": connection.expires_at + terms.grace}, fresh=True
    )


def lease_of(item: Item) -> Lease:
    """The lease that a record holds."""
    return _lease.validate_python(item)


def put_lease(lease: Lease, terms: LeaseTerms) -> Put:
    """Writes a lease over whatever was there. The record outlives the lease by far: the reaper must still find it."""
    item = {**asdict(lease), "state": LEASE_HELD, "ttl": lease.expires_at + terms.kept}
    return Put(Kind.LEASE, lease.edge_id, item, fresh=False)


def prolong_lease(lease: Lease, now: float, terms: LeaseTerms) -> Change:
    """Prolongs a lease that is still held; what else it says stays as it is."""
    still_held = (Above("expires_at", now), Is("released", False))
    fields: Item = {"expires_at": lease.expires_at, "ttl": lease.expires_at + terms.kept}
    return Change(Kind.LEASE, lease.edge_id, still_held, set=fields)


def counter(language: str) -> str:
    """The field that counts a language's listeners."""
    return _COUNTER + language


def listeners_leave(session_id: str, leaving: Sequence[Connection]) -> list[Write]:
    """Removes listeners of one live session, each as it was read, and counts them off. The session's write is last."""
    languages = Counter(connection.target_language for connection in leaving)
    enough = [Above(counter(language), count - 1) for language, count in languages.items()]
    count_off = Change(
        Kind.SESSION,
        session_id,
        where=(IS_LIVE, Above("listener_count", len(leaving) - 1), *enough),
        add={
            "listener_count": -len(leaving),
            "revision": 1,
            **{counter(language): -count for language, count in languages.items()},
        },
    )
    return [*(delete_as_read(connection) for connection in leaving), count_off]


def listeners_come(session_id: str, coming: Sequence[Connection], now: float, terms: Terms) -> list[Write]:
    """Adds listeners to one live session and counts them; none of them may be there. The session's write is last."""
    languages = Counter(connection.target_language for connection in coming)
    count = Change(
        Kind.SESSION,
        session_id,
        where=going_on(now),
        add={
            "listener_count": len(coming),
            "revision": 1,
            **{counter(language): count for language, count in languages.items()},
        },
    )
    return [*(put_connection(connection, terms) for connection in coming), count]


def delete_as_read(connection: Connection) -> Delete:
    """Deletes a connection unless it is gone or was moved to another language meanwhile."""
    return Delete(Kind.CONNECTION, connection.key, where=(Is("target_language", connection.target_language),))


async def read_session(store: Store, session_id: str, now: float) -> Session | None:
    """The session as stored, live or not; None when there is no record."""
    item = (await store.read(Kind.SESSION, [session_id], now)).get(session_id)
    return session_of(item) if item is not None else None


async def read_connection(store: Store, key: str, now: float) -> Connection | None:
    """A connection as stored, expired or not (until it is removed it counts); None when there is none."""
    item = (await store.read(Kind.CONNECTION, [key], now)).get(key)
    return connection_of(item) if item is not None else None


async def read_lease(store: Store, edge_id: str, now: float) -> Lease | None:
    """An edge's lease as stored, held or not; None when there is none."""
    item = (await store.read(Kind.LEASE, [edge_id], now)).get(edge_id)
    return lease_of(item) if item is not None else None


async def find_connections(store: Store, field: str, value: str, now: float) -> AsyncIterator[Connection]:
    """All connections of one `session_id` or `edge_id`, expired or not."""
    async for item in store.find(Kind.CONNECTION, field, value, now):
        yield connection_of(item)


async def read_connections(store: Store, keys: Iterable[str], now: float) -> dict[str, Connection]:
    """Those of the connections that have a record, expired or not, in one read."""
    items = await store.read(Kind.CONNECTION, list(keys), now)
    return {key: connection_of(item) for key, item in items.items()}


async def read_sessions(store: Store, session_ids: Iterable[str], now: float) -> dict[str, Session]:
    """Those of the sessions that have a record, in one read."""
    items = await store.read(Kind.SESSION, list(session_ids), now)
    return {session_id: session_of(item) for session_id, item in items.items()}
