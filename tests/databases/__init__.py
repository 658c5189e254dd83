"""The databases that contract tests run against, each started once at its first use and ended with the test run.

Amazon's DynamoDB Local and ministack, in memory, on free loopback ports, spoken to by the real SDK. One that does not
start fails the tests that need it, with its last words; nothing is skipped. Every user gets tables of its own.
"""

import atexit
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chassis.dynamodb import open_dynamodb
from chassis.dynamodb_settings import DynamoSettings
from chassis.probing import free_port
from chassis.settings import Settings
from chassis.tables import Table, create
from tests.databases.fetch import DYNAMODB_LOCAL, MINISTACK

DYNAMODBS = ("dynamodb-local", "ministack")

_START_SECONDS = 60.0
_prefixes = itertools.count(1)


@dataclass(frozen=True)
class Server:
    """A database that runs. `log`: what it printed."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.log.parent, ignore_errors=True)


_running: dict[str, Server] = {}


def url_of(name: str) -> str:
    """Where one of DYNAMODBS answers; starts it first where it does not run yet."""
    if name not in _running:
        _running[name] = _start(name)
    return _running[name].url


@atexit.register
def stop_all() -> None:
    """Ends what was started."""
    while _running:
        _running.popitem()[1].stop()


def settings_of(name: str, **changed: Any) -> dict[str, Any]:
    """The fields of DynamoSettings for one of DYNAMODBS, with a prefix that nobody else has."""
    # As the SDK finds them anywhere; these servers take any.
    os.environ.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_EC2_METADATA_DISABLED="true")
    return {
        "dynamodb_endpoint": url_of(name),
        "aws_region": "us-east-1",
        "dynamodb_prefix": f"test{next(_prefixes)}-",
        # On a busy machine half a second is nothing.
        "dynamodb_timeout_seconds": 20.0,
        **changed,
    }


def environment_of(settings: DynamoSettings) -> dict[str, str]:
    """The same settings as a process of its own reads them."""
    own = DynamoSettings.model_fields.keys() - Settings.model_fields.keys()
    return {str(DynamoSettings.model_fields[name].validation_alias): str(getattr(settings, name)) for name in own}


@asynccontextmanager
async def tables_of(settings: DynamoSettings, *tables: Table) -> AsyncIterator[None]:
    """The tables are there, without deletion by time (tests have clocks of their own), and gone at the end."""
    async with open_dynamodb(settings) as database:
        await create(database, tables, ttl=False)
        yield
        for table in tables:
            await database.request("delete_table", TableName=database.table(table.name))


def _start(name: str) -> Server:
    port = free_port()
    command, more = {"dynamodb-local": _dynamodb_local, "ministack": _ministack}[name](port)
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-"))
    # Ended by the kernel should the test run be killed.
    guard = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*guard, *command],
            cwd=folder,
            env={**os.environ, **more},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    server = Server(process, port, folder / "log")
    give_up = time.monotonic() + _START_SECONDS
    while not _answers(port):
        if process.poll() is not None or time.monotonic() > give_up:
            said = "\n".join(server.log.read_text(errors="replace").splitlines()[-20:])
            server.stop()
            raise RuntimeError(f"{name} did not start; its last words:\n{said}")
        time.sleep(0.05)
    return server


def _dynamodb_local(port: int) -> tuple[list[str], dict[str, str]]:
    java, jar = shutil.which("java"), DYNAMODB_LOCAL / "DynamoDBLocal.jar"
    if java is None or not jar.exists():
        raise RuntimeError("DynamoDB Local or Java is not there; run: python3 chassis/bootstrap.py --for-tests")
    # Serial: with two cores it starts sooner and takes less.
    machine = [java, "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
    libraries = f"-Djava.library.path={DYNAMODB_LOCAL / 'DynamoDBLocal_lib'}"
    return [*machine, libraries, "-jar", str(jar), "-inMemory", "-disableTelemetry", "-port", str(port)], {}


def _ministack(port: int) -> tuple[list[str], dict[str, str]]:
    program = MINISTACK / "bin" / "ministack"
    if not program.exists():
        raise RuntimeError("ministack is not there; run: python3 chassis/bootstrap.py --for-tests")
    only = {"SERVICES": "dynamodb", "GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "LOG_LEVEL": "WARNING"}
    return [str(program)], only


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0
