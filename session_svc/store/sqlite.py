"""The embedded store: one SQLite file, for a single machine.

Two threads, each with a connection of its own: one writes, one reads; in WAL mode neither waits for the other and the
event loop waits for none. A transaction takes the database's write lock first (BEGIN IMMEDIATE), so that conditions
are checked on what is then changed, also when several processes share the file.

synchronous=NORMAL: a commit is in the operating system's hands when it returns, so kill -9 loses nothing that was
acknowledged. Only a power cut may lose the last commits (never consistency), and it ends the broadcasts anyway; FULL
would buy those commits for one disk flush each.
"""

import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar, cast

import orjson

from chassis.errors import Unavailable
from session_svc.config import Config
from session_svc.store.writes import FOUND_BY, Contended, Item, Kind, Refused, Write, allowed, check_writes, outcome
from session_svc.worker import Worker

P = ParamSpec("P")
T = TypeVar("T")

# Below the 2 s deadline of the calls, so that they end with a reason.
_BUSY_SECONDS = 1.5
_PAGE = 500
_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS items (
    kind TEXT NOT NULL, key TEXT NOT NULL, ttl REAL NOT NULL, item BLOB NOT NULL,
    state TEXT, session_id TEXT, edge_id TEXT,
    PRIMARY KEY (kind, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS items_by_ttl ON items (ttl);
CREATE INDEX IF NOT EXISTS items_by_state ON items (kind, state, key) WHERE state IS NOT NULL;
CREATE INDEX IF NOT EXISTS items_by_session_id ON items (kind, session_id, key) WHERE session_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS items_by_edge_id ON items (kind, edge_id, key) WHERE edge_id IS NOT NULL;
"""


@asynccontextmanager
async def open_store(config: Config) -> AsyncIterator["SqliteStore"]:
    """Opens <data>/sessions.sqlite3, making it (readable by its owner only) where there is none."""
    # The writer first: it makes the tables that the reader needs.
    async with _thread("store-write", config) as writer, _thread("store-read", config) as reader:
        yield SqliteStore(writer, reader)


@dataclass(frozen=True, slots=True)
class _Thread:
    """A connection and the thread that alone uses it."""

    worker: Worker
    database: sqlite3.Connection

    async def run(self, do: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.worker.run(do, self.database, *args, **kwargs)


@asynccontextmanager
async def _thread(name: str, config: Config) -> AsyncIterator[_Thread]:
    # Says nothing of the database: it is our own queue that is full.
    worker = Worker(name, config.store_waiting, lambda: Contended("too many operations are waiting"))
    try:
        database = await worker.run(_open, config.database)
        try:
            yield _Thread(worker, database)
        finally:
            worker.close()
            database.close()
    finally:
        worker.close()


class SqliteStore:
    """Implements `Store`. A record is one row: the whole as JSON, and beside it the fields that it is found by."""

    def __init__(self, writer: _Thread, reader: _Thread) -> None:
        self._writer, self._reader = writer, reader

    async def read(self, kind: Kind, keys: Collection[str], now: float) -> Mapping[str, Item]:
        return await self._reader.run(_read, kind, tuple(keys), now)

    async def find(self, kind: Kind, field: str, value: str, now: float) -> AsyncIterator[Item]:
        if field not in FOUND_BY[kind]:
            raise ValueError(f"{kind} records are not found by {field}")
        after = ""
        while True:
            page = await self._reader.run(_page, kind, field, value, now, after=after)
            for _, item in page:
                yield item
            if len(page) < _PAGE:
                return
            after = page[-1][0]

    async def write(self, writes: Sequence[Write], now: float) -> None:
        batch = tuple(writes)
        check_writes(batch)
        await self._writer.run(_write, batch, now)

    async def sweep(self, now: float) -> int:
        swept = 0
        # In pages: other writes get their turn between them.
        while page := await self._writer.run(_sweep, now):
            swept += page
        return swept


def _open(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        # Opened on its thread, closed when that has ended; the check knows only of one thread.
        database = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        raise Unavailable("STORE_UNAVAILABLE", f"cannot open the session database: {error}") from error
    with _answering():
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version > _SCHEMA_VERSION:
            raise Unavailable("STORE_UNAVAILABLE", f"{path.name} was written by a newer version")
        if version < _SCHEMA_VERSION:
            database.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_SCHEMA_VERSION}; COMMIT;")
    return database


def _read(database: sqlite3.Connection, kind: Kind, keys: Sequence[str], now: float) -> dict[str, Item]:
    with _answering():
        return dict(_rows(database, kind, keys, now))


def _rows(database: sqlite3.Connection, kind: Kind, keys: Sequence[str], now: float) -> Iterator[tuple[str, Item]]:
    for key in keys:
        row = database.execute("SELECT item FROM items WHERE kind = ? AND key = ? AND ttl > ?", (kind, key, now))
        if found := row.fetchone():
            yield key, _item(found[0])


def _page(
    database: sqlite3.Connection, kind: Kind, field: str, value: str, now: float, *, after: str
) -> list[tuple[str, Item]]:
    # `field` is one of FOUND_BY, so it may stand in the statement. Left to itself SQLite walks the whole kind.
    table = f"items INDEXED BY items_by_{field}"
    query = f"SELECT key, item FROM {table} WHERE kind = ? AND {field} = ? AND key > ? AND ttl > ? ORDER BY key LIMIT ?"
    with _answering():
        return [(key, _item(item)) for key, item in database.execute(query, (kind, value, after, now, _PAGE))]


def _write(database: sqlite3.Connection, writes: tuple[Write, ...], now: float) -> None:
    with _answering(), _transaction(database):
        before = [dict(_rows(database, write.kind, (write.key,), now)).get(write.key) for write in writes]
        refused = [at for at, (write, item) in enumerate(zip(writes, before, strict=True)) if not allowed(write, item)]
        if refused:
            raise Refused(frozenset(refused))
        for write, item in zip(writes, before, strict=True):
            _put(database, write, outcome(write, item))


def _put(database: sqlite3.Connection, write: Write, item: Item | None) -> None:
    if item is None:
        database.execute("DELETE FROM items WHERE kind = ? AND key = ?", (write.kind, write.key))
        return
    found_by = [item.get(name) if name in FOUND_BY[write.kind] else None for name in ("state", "session_id", "edge_id")]
    database.execute(
        "REPLACE INTO items (kind, key, ttl, item, state, session_id, edge_id) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (write.kind, write.key, item["ttl"], orjson.dumps(item), *found_by),
    )


def _sweep(database: sqlite3.Connection, now: float) -> int:
    due = "SELECT kind, key FROM items WHERE ttl <= ? LIMIT ?"
    with _answering():
        return database.execute(f"DELETE FROM items WHERE (kind, key) IN ({due})", (now, _PAGE)).rowcount


def _item(blob: bytes) -> Item:
    return cast(Item, orjson.loads(blob))


@contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[None]:
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except sqlite3.ProgrammingError:
        raise
    except sqlite3.Error as error:
        raise Unavailable("STORE_UNAVAILABLE", "the session database does not answer") from error
