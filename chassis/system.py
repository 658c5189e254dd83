"""Runs the whole system on one machine: five processes, started together, watched, drained in order; and NATS, where
the edge is more than one process.

`launched` is what `make run` (chassis.launch), tests, benches and the demo use. Services are started as anyone would
start them by hand (`python -m session_svc`), and find each other through the environment.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from chassis import nats_server
from chassis.probing import PortUnusable, checked_port, free_port, until_greeted, until_healthy, until_ready
from chassis.supervision import Service, StartFailed, cpu_seconds, memory_bytes

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 180.0
"""Models load from a cold disc on a slow machine; a service that fails ends sooner by itself."""


@dataclass(frozen=True, slots=True)
class Part:
    """A service to start: a module of ours, or where there is none the program of `arguments`. It listens at
    `<prefix>_LISTEN`, and the others call it at `<prefix>_ADDRESS`."""

    name: str
    module: str
    prefix: str = ""
    arguments: tuple[str, ...] = ()

    @property
    def command(self) -> list[str]:
        return [*((sys.executable, "-m", self.module) if self.module else ()), *self.arguments]


EDGE = Part("edge", "edge")
PARTS = (
    Part("session", "session_svc", "SESSION"),
    Part("translation", "translation_svc", "TRANSLATION"),
    Part("synthesis", "synthesis_svc", "SYNTHESIS"),
    Part("transcription", "transcription_svc", "TRANSCRIPTION"),
    EDGE,
)
NATS = "nats"
DRAIN = (("edge", 35.0), ("transcription", 12.0), ("translation synthesis", 12.0), (f"session {NATS}", 12.0))
"""Who is ended after whom, and the seconds each has: whoever calls goes before whoever is called."""


@dataclass(frozen=True, slots=True)
class Ready:
    """What the edge prints when it serves: where speakers go, and source languages with their targets."""

    speaker_link: str | None = None  # None where speakers bring tokens of another issuer.
    languages: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(slots=True)
class System:
    """Five running services, by name: session, translation, synthesis, transcription, edge (then edge-2, edge-3 …);
    and nats, where there are several edge processes and EDGE_NATS names no server.

    `url` is of the first edge; `urls` of all edges, by name.
    """

    url: str
    data: Path
    environment: Mapping[str, str]
    addresses: Mapping[str, str]
    urls: Mapping[str, str] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)
    announced: asyncio.Event = field(default_factory=asyncio.Event)
    ready: Ready = field(default_factory=Ready)
    speaker_token: str = ""

    @property
    def pids(self) -> dict[str, int]:
        """Process ids by service; 0 for one that is down."""
        return {name: service.pid for name, service in self.services.items()}

    def rss_bytes(self) -> int:
        """Memory of all services and their descendants, shared pages counted once."""
        return memory_bytes(list(self.pids.values()))

    def cpu_seconds(self) -> float:
        """Processor time that all services and their descendants have used so far."""
        return cpu_seconds(list(self.pids.values()))

    def log(self, service: str) -> str:
        """All that a service has logged in this run."""
        log = self.services[service].log
        return log.read_text("utf-8", "replace") if log else ""

    def kill(self, service: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Sends a signal; a service that dies of it is started again."""
        self.services[service].send(number)

    async def restart(self, service: str) -> None:
        """Drains one service and waits until its successor serves."""
        before = self.pids[service]
        self.services[service].restart()
        await self.replaced(service, before)

    async def replaced(self, service: str, pid: int) -> None:
        """Waits until another process than `pid` serves. Raises TimeoutError after START_SECONDS."""
        async with asyncio.timeout(START_SECONDS):
            await self.services[service].replaced(pid)
            await self.serving(service)

    async def serving(self, service: str) -> None:
        """Waits until a service answers that it serves. Ends only then: put a timeout around it."""
        if service in self.urls:
            await until_ready(f"{self.urls[service]}/readyz")
        elif service == NATS:
            await until_greeted(self.addresses[service], b"INFO ")
        else:
            await until_healthy(self.addresses[service])

    async def mint(self, user: str = "speaker") -> str:
        """A speaker's token from the local issuer. Raises StartFailed with what the issuer said."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "edge.auth", "--user", user),
            cwd=ROOT,
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, error = await process.communicate()
        if process.returncode != 0:
            raise StartFailed(f"no token for a speaker: {error.decode('utf-8', 'replace').strip()}")
        return out.decode().strip()


@asynccontextmanager
async def launched(
    *,
    data: Path,
    engines: str = "scripted",
    host: str = "127.0.0.1",
    port: int = 0,
    env: Mapping[str, str] | None = None,
    drain_seconds: float | None = None,
    report: Callable[[str], None] = lambda _: None,
    token: bool = True,
    parts: Sequence[Part] = PARTS,
    edges: int = 1,
) -> AsyncIterator[System]:
    """The system, serving; drained and ended on leaving, each service within `drain_seconds` where given.

    `engines`: of all services, the preferred first, comma between. `port` 0 takes any free one. `env` goes to all
    services, before what is set here. `report` gets a sentence whenever a service comes up, dies, is started again or
    has to be killed. `token`: whether to mint `speaker_token`. `edges`: how many edges share the other services; each
    further one takes a free port. Where these, or EDGE_WORKERS, make several edge processes, a nats-server is started
    for them, unless EDGE_NATS names one.
    Raises StartFailed when a service does not come up.
    """
    edge = next((part for part in parts if part.name == EDGE.name), EDGE)
    parts = (*parts, *(replace(edge, name=f"{EDGE.name}-{number}") for number in range(2, edges + 1)))
    system, nats = _assembled(data, engines, (host, port), env or {}, parts)
    parts = (*parts, *nats)
    for part in parts:
        system.services[part.name] = _service(part, system, report)
    try:
        async with asyncio.TaskGroup() as tasks:
            for service in system.services.values():
                tasks.create_task(service.run())
            try:
                await _until_all_serve(system, report)
                if token:
                    system.speaker_token = await system.mint()
                yield system
            finally:
                await _drain(system, drain_seconds)
    except BaseExceptionGroup as group:
        # The body's own failure, or one service's: a lone error needs no group around it.
        if len(group.exceptions) == 1:
            lone = group.exceptions[0]
            raise lone from lone.__cause__
        raise


def _assembled(
    data: Path, engines: str, edge: tuple[str, int], env: Mapping[str, str], parts: Sequence[Part]
) -> tuple[System, Sequence[Part]]:
    """The system before anything runs, and what it needs beside the parts that were named."""
    host, port = edge
    try:
        port = checked_port(host, port)
        addresses = {part.name: f"127.0.0.1:{free_port()}" for part in parts if part.prefix}
        ports = {
            part.name: port if part.name == EDGE.name else free_port()
            for part in parts
            if _kind(part.name) == EDGE.name
        }
    except PortUnusable as error:
        raise StartFailed(str(error)) from error
    data = data.absolute()
    environment = {**os.environ, **env, "ENGINES": engines, "LINGOCAST_DATA": str(data)}
    environment |= {"HOST": host, "PORT": str(port), "PYTHONUNBUFFERED": "1"}
    for part in parts:
        if part.prefix:
            environment[f"{part.prefix}_LISTEN"] = environment[f"{part.prefix}_ADDRESS"] = addresses[part.name]
    nats = _nats(data, environment, addresses, len(ports))
    reachable = "127.0.0.1" if host in ("0.0.0.0", "::", "") else host
    urls = {name: f"http://{reachable}:{number}" for name, number in ports.items()}
    return System(f"http://{reachable}:{port}", data, environment, addresses, urls), nats


def _nats(data: Path, environment: dict[str, str], addresses: dict[str, str], edges: int) -> Sequence[Part]:
    """The server of the bus, if one has to be started, and where it is put into the environment of all."""
    if not nats_server.is_needed(environment, edges):
        return ()
    try:
        server = nats_server.prepared(data, free_port())
    except (nats_server.NoNatsServer, OSError) as error:
        raise StartFailed(str(error)) from error
    environment[nats_server.SETTING] = server.url
    addresses[NATS] = server.address
    return (Part(NATS, "", arguments=tuple(server.command)),)


def _kind(name: str) -> str:
    """What a service is, of which there may be several: `edge` of `edge-2`."""
    return name.partition("-")[0]


def _service(part: Part, system: System, report: Callable[[str], None]) -> Service:
    def heard(line: str) -> bool:
        ready = _ready(line) if part.name in system.urls else None
        if ready is None:
            return False
        if part.name == EDGE.name:
            system.ready = ready
            system.announced.set()
        return True

    log = system.data / "logs" / f"{part.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        # This run's log starts empty; the last run's is kept.
        log.replace(log.with_suffix(".log.1"))
    return Service(
        part.name,
        command=part.command,
        environment={**system.environment, **_place(system, part)},
        folder=ROOT,
        log=log,
        heard=heard,
        report=report,
    )


def _place(system: System, part: Part) -> dict[str, str]:
    """What an edge has of its own: all others' addresses are shared."""
    return {"PORT": system.urls[part.name].rpartition(":")[2]} if part.name in system.urls else {}


async def _until_all_serve(system: System, report: Callable[[str], None]) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    waiting = set(system.services)

    async def one(name: str) -> None:
        await system.serving(name)
        if name == EDGE.name:
            # /readyz may answer a moment before the edge has said where speakers go.
            await system.announced.wait()
        system.services[name].confirm()
        waiting.discard(name)
        report(f"{name} serves ({loop.time() - began:.1f} s)")

    try:
        async with asyncio.timeout(START_SECONDS), asyncio.TaskGroup() as tasks:
            for name in system.services:
                tasks.create_task(one(name))
    except TimeoutError:
        slow = sorted(waiting)
        tails = "\n".join(f"{name}:\n{system.services[name].tail()}" for name in slow)
        raise StartFailed(f"{', '.join(slow)} did not serve within {START_SECONDS:g} s.\n{tails}") from None


async def _drain(system: System, seconds: float | None) -> None:
    # Shielded by nothing: a second Ctrl-C cancels this, and leaving the TaskGroup kills what is left.
    for names, usual in DRAIN:
        stopping = [service for name, service in system.services.items() if _kind(name) in names.split()]
        async with asyncio.TaskGroup() as tasks:
            for service in stopping:
                tasks.create_task(service.stop(usual if seconds is None else seconds))


def _ready(line: str) -> Ready | None:
    """What the edge's line says, if it is the one that says it serves."""
    try:
        message = json.loads(line)
        if not isinstance(message, dict) or message.get("event") != "ready":
            return None
        return TypeAdapter(Ready).validate_python(message)
    except (json.JSONDecodeError, ValidationError):
        return None
