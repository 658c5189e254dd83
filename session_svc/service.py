"""The parts of the service put together over a store; `__main__` adds the process, tests add their own clock."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import grpc

from protos.session.v1 import session_pb2_grpc
from session_svc import words
from session_svc.config import Config
from session_svc.connections import Connections
from session_svc.leases import Leases
from session_svc.limiting import Limiting
from session_svc.pins import Pins
from session_svc.reaper import Reaper
from session_svc.refreshes import Refreshes
from session_svc.restoring import Restoring
from session_svc.servicer import SessionServicer
from session_svc.sessions import Sessions
from session_svc.store import Store
from session_svc.store.guarded import Guarded
from session_svc.store.measured import Measured
from session_svc.watching import Watching


@dataclass(frozen=True, slots=True)
class Service:
    """What runs: `reaper` and `watching` each want a task, `servicer` a server."""

    sessions: Sessions
    connections: Connections
    refreshes: Refreshes
    restoring: Restoring
    leases: Leases
    reaper: Reaper
    watching: Watching
    servicer: SessionServicer

    def register(self, server: grpc.aio.Server) -> None:
        """Adds the API to a server."""
        session_pb2_grpc.add_SessionServiceServicer_to_server(self.servicer, server)


@contextmanager
def open_service(
    config: Config,
    store: Store,
    clock: Callable[[], float],
    below: Callable[[int], int],
    *,
    monotonic: Callable[[], float] = time.monotonic,
    jitter: Callable[[], float] = random.random,
) -> Iterator[Service]:
    """`clock`: wall-clock seconds; `below(n)`: a random whole number below n. Leaving ends the PIN thread.

    `monotonic` (seconds) times the rests of the store's breaker, `jitter` (0.0 to 1.0) its waits between tries.
    """
    terms, lease_terms = config.terms, config.lease_terms
    # Measured is inside: each try is timed as the store answers it, and what the breaker refuses is no store operation.
    store = Guarded(Measured(store), config.patience, config.breaker, monotonic, jitter)
    watching = Watching(store, clock, config.poll_seconds)
    leases = Leases(store, lease_terms, clock)
    pins = Pins()
    sessions = Sessions(
        store=store,
        leases=leases,
        terms=terms,
        vocabulary=words.load(),
        clock=clock,
        below=below,
        changed=watching.publish,
    )
    connections = Connections(store=store, leases=leases, pins=pins, terms=terms, clock=clock, changed=watching.publish)
    refreshes = Refreshes(store=store, leases=leases, terms=terms, clock=clock, changed=watching.publish)
    restoring = Restoring(store=store, leases=leases, terms=terms, clock=clock, changed=watching.publish)
    reaper = Reaper(
        store=store, sessions=sessions, connections=connections, terms=terms, lease_terms=lease_terms, clock=clock
    )
    servicer = SessionServicer(
        sessions=sessions,
        connections=connections,
        refreshes=refreshes,
        restoring=restoring,
        pins=pins,
        watching=watching,
        leases=leases,
        limiting=Limiting(store, config.limits, clock),
        clock=clock,
    )
    try:
        yield Service(sessions, connections, refreshes, restoring, leases, reaper, watching, servicer)
    finally:
        pins.close()
