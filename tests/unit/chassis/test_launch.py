"""The launcher with real processes: stand-ins that serve health and nothing else, and are as stubborn as asked."""

import asyncio
import json
import socket
import sys
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from chassis.launch import Log, welcome
from chassis.supervision import StartFailed
from chassis.system import PARTS, Part, Ready, System, launched

FIVE = tuple(replace(part, module="tests.fakes.stand_in", arguments=(part.name,)) for part in PARTS)
TWO = tuple(part for part in FIVE if part.name in ("session", "edge"))
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def told() -> list[str]:
    return []


def started(
    data: Path,
    told: list[str],
    *,
    parts: Sequence[Part] = TWO,
    port: int = 0,
    drain_seconds: float = 20.0,
    edges: int = 1,
    **env: str,
) -> AbstractAsyncContextManager[System]:
    """Two stand-ins are enough for what all services have in common."""
    return launched(
        data=data,
        port=port,
        env=env,
        report=told.append,
        parts=parts,
        token=False,
        drain_seconds=drain_seconds,
        edges=edges,
    )


def alive(pid: int) -> bool:
    """Whether the process runs: one that nobody has fetched the exit status of does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


async def gone(pid: int) -> None:
    async with asyncio.timeout(20):
        while alive(pid):  # noqa: ASYNC110 - another process's end makes no event here
            await asyncio.sleep(0.02)


async def test_all_serve_then_all_drain_callers_before_the_called(data: Path, told: list[str]) -> None:
    async with started(data, told, parts=FIVE) as system:
        pids = system.pids
        assert sorted(pids) == ["edge", "session", "synthesis", "transcription", "translation"]
        assert all(alive(pid) for pid in pids.values())
        assert system.rss_bytes() > 5 * 10_000_000
        assert system.ready.languages == {"en": ["es", "pt"]}
    assert not any(alive(pid) for pid in pids.values())
    ended = (data / "ended.txt").read_text().split()
    assert ended[:2] == ["edge", "transcription"]
    assert set(ended[2:4]) == {"translation", "synthesis"}
    assert ended[4:] == ["session"]


async def test_two_edges_serve_at_ports_of_their_own_and_both_drain_before_the_called(
    data: Path, told: list[str]
) -> None:
    async with started(data, told, edges=2) as system:
        pids = system.pids
        assert sorted(pids) == ["edge", "edge-2", "nats", "session"]
        assert system.urls["edge"] == system.url != system.urls["edge-2"]
        system.kill("edge-2")
        await system.replaced("edge-2", pids["edge-2"])
        assert system.pids["edge"] == pids["edge"]
    assert (data / "ended.txt").read_text().split() == ["edge", "edge", "session"]
    assert not alive(pids["nats"])


async def test_the_nats_server_of_several_edges_is_started_again_where_it_was(data: Path, told: list[str]) -> None:
    async with started(data, told, EDGE_WORKERS="2") as system:
        before = system.pids["nats"]
        system.kill("nats")
        await system.replaced("nats", before)
        assert system.environment["EDGE_NATS"].endswith(f"@{system.addresses['nats']}")


async def test_a_nats_server_of_the_users_own_is_used_and_none_started(data: Path, told: list[str]) -> None:
    async with started(data, told, edges=2, EDGE_NATS="nats://elsewhere:4222") as system:
        assert sorted(system.pids) == ["edge", "edge-2", "session"]
        assert system.environment["EDGE_NATS"] == "nats://elsewhere:4222"


async def test_a_service_that_dies_takes_its_descendants_along_and_is_started_again(
    data: Path, told: list[str]
) -> None:
    async with started(data, told) as system:
        descendant = int((data / "descendant.txt").read_text())
        assert alive(descendant)
        before = system.pids["edge"]
        system.kill("edge")
        await system.replaced("edge", before)
        assert system.pids["edge"] not in (0, before)
        await gone(descendant)
    assert [line for line in told if line.startswith("edge was killed by SIGKILL; starting it again")] != []


async def test_a_restart_drains_first_and_alarms_nobody(data: Path, told: list[str]) -> None:
    async with started(data, told) as system:
        before = system.pids["session"]
        await system.restart("session")
        assert system.pids["session"] != before
        assert (data / "ended.txt").read_text().split() == ["session"]
    assert [line for line in told if "again" in line] == []


async def test_a_service_that_fails_at_start_ends_the_launch_with_its_last_words(data: Path, told: list[str]) -> None:
    with pytest.raises(StartFailed, match=r"(?s)session ended with status 1 while starting.*no model to load"):
        async with started(data, told, STAND_IN_FAILS="session"):
            pytest.fail("it must not get this far")


async def test_a_taken_port_is_said_before_anything_starts(data: Path, told: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(StartFailed, match=f"port {port} is taken"):
            async with started(data, told, port=port):
                pytest.fail("it must not get this far")
    assert told == []


async def test_who_does_not_drain_in_time_is_killed(data: Path, told: list[str]) -> None:
    async with started(data, told, drain_seconds=1.0, STAND_IN_STUBBORN="session") as system:
        pid = system.pids["session"]
    assert not alive(pid)
    assert "session did not end within 1 s; killed" in told


async def test_a_failure_of_the_body_comes_out_as_itself_and_all_are_drained(data: Path, told: list[str]) -> None:
    pids: list[int] = []
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - it is raised inside the block that drains
        async with started(data, told) as system:
            pids += system.pids.values()
            raise ZeroDivisionError
    assert len(pids) == 2
    assert not any(alive(pid) for pid in pids)


async def test_logs_of_the_last_run_are_kept_and_hold_no_ready_line(data: Path, told: list[str]) -> None:
    for _ in range(2):
        async with started(data, told) as system:
            assert "stand_in_started" in system.log("edge")
            assert "not the line that is waited for" in system.log("edge")
            assert "token" not in system.log("edge")
    assert "stand_in_started" in (data / "logs" / "edge.log.1").read_text()


async def test_no_service_outlives_a_launcher_that_is_killed(data: Path) -> None:
    script = (
        "import asyncio, json, sys; from pathlib import Path\n"
        "from tests.unit.chassis.test_launch import started\n"
        "async def main():\n"
        "    async with started(Path(sys.argv[1]), []) as system:\n"
        "        print(json.dumps(system.pids), flush=True)\n"
        "        await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    launcher = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script, str(data)), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert launcher.stdout
    try:
        async with asyncio.timeout(60):
            pids = json.loads(await launcher.stdout.readline())
    finally:
        launcher.kill()
        await launcher.wait()
    assert sorted(pids) == ["edge", "session"]
    for pid in pids.values():
        await gone(pid)


def test_the_welcome_names_address_link_languages_and_logs(tmp_path: Path) -> None:
    ready = Ready("http://here/speak#token=t", {"en": ["es", "pt"], "pt": ["en"]})
    text = "\n".join(welcome(System("http://here", tmp_path, {}, {}, ready=ready), "127.0.0.1"))
    for part in ("http://here/\n", "http://here/speak#token=t", "en -> es pt", "pt -> en", f"{tmp_path}/logs"):
        assert part in text
    assert "HOST=0.0.0.0" in text


def test_only_warnings_and_worse_are_shown_each_once(tmp_path: Path) -> None:
    path = tmp_path / "service.log"
    log = Log(path)
    assert list(log.warnings()) == []
    path.write_text('{"level": "info", "event": "serving"}\nTraceback:\n{"level": "warning", "event": "slow"}\n{"lev')
    assert list(log.warnings()) == [("warning", "slow")]
    with path.open("a") as out:
        out.write('el": "error", "event": "lost"}\n[1]\n{"level": "error"}\n')
    assert list(log.warnings()) == [("error", "lost")]
    assert list(log.warnings()) == []
