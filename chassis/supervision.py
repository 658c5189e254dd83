"""One service process: started, watched, started again when it dies, ended for certain.

A service runs in a session of its own, so that Ctrl-C at the terminal reaches only the launcher, which ends the
services in order; and its descendants can be ended with it. On Linux the kernel kills it the moment its launcher dies,
whatever the launcher dies of.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

BACKOFF_SECONDS = (0.2, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
"""The wait before each start in a row; the last one repeats."""
STEADY_SECONDS = 60.0
"""Who lived this long starts at the shortest wait again."""
LINE_BYTES = 1 << 20
TAIL_LINES = 20

# Tied to its parent before it becomes the service: PR_SET_PDEATHSIG survives exec. The parent may already be gone.
_TETHER = """
import ctypes, os, signal, sys
prctl = getattr(ctypes.CDLL(None), "prctl", None)
if prctl: prctl(1, signal.SIGKILL)
if os.getppid() != int(sys.argv[1]): os._exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""


class StartFailed(Exception):
    """A service ended, or did not come up in time, before it ever served. The message is for a person."""


class Service:
    """Keeps one command running. `run` is its task; the other methods may be called at any time.

    Raises StartFailed out of `run` when the process ends before `confirm` was called. `heard` gets each line of its
    standard output that it takes for its own (returns True); all other output goes to `log`, or to our own standard
    error where that is None. `report` gets sentences for the person at the terminal.
    """

    def __init__(
        self,
        name: str,
        *,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        log: Path | None,
        heard: Callable[[str], bool],
        report: Callable[[str], None],
    ) -> None:
        self.name = name
        self.log = log
        self._command = command
        self._environment = environment
        self._folder = folder
        self._heard = heard
        self._report = report
        self._process: asyncio.subprocess.Process | None = None
        self._confirmed = False
        self._stopping = asyncio.Event()
        self._restarting = False
        self._born = asyncio.Event()
        self._ended = asyncio.Event()

    @property
    def pid(self) -> int:
        """The process id; 0 while there is no process."""
        return self._process.pid if self._process and self._process.returncode is None else 0

    def confirm(self) -> None:
        """Says that it served: from now on its death is repaired, not reported as a failed start."""
        self._confirmed = True

    async def run(self) -> None:
        """Starts the process, and again whenever it ends, until `stop`."""
        loop = asyncio.get_running_loop()
        failures = 0
        try:
            while not self._stopping.is_set():
                born = loop.time()
                code = await self._live()
                if self._stopping.is_set():
                    return
                if self._restarting:
                    self._restarting = False
                    continue
                if not self._confirmed:
                    raise StartFailed(f"{self.name} {_manner(code)} while starting. Its last words:\n{self.tail()}")
                failures = 0 if loop.time() - born > STEADY_SECONDS else failures
                wait = BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS) - 1)]
                failures += 1
                where = f" (see {self.log})" if self.log else ""
                self._report(f"{self.name} {_manner(code)}; starting it again in {wait:g} s{where}")
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._stopping.wait()
        finally:
            self._end_group()
            self._ended.set()

    def send(self, number: signal.Signals) -> None:
        """Sends a signal to the process, if there is one."""
        if self.pid:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def restart(self) -> None:
        """Has the process drain; `run` starts it again at once."""
        self._restarting = True
        self.send(signal.SIGTERM)

    async def replaced(self, pid: int) -> None:
        """Waits until there is a process, and another than `pid`."""
        while self.pid in (0, pid):
            self._born.clear()
            await self._born.wait()

    async def stop(self, seconds: float) -> None:
        """Has the process drain for at most `seconds`, then kills it and all its descendants."""
        self._stopping.set()
        self.send(signal.SIGTERM)
        try:
            async with asyncio.timeout(seconds):
                await self._ended.wait()
        except TimeoutError:
            self._report(f"{self.name} did not end within {seconds:g} s; killed")
            self._end_group()

    def tail(self) -> str:
        """The last lines of its log."""
        if self.log is None:
            return "  (they are above)"
        try:
            lines = self.log.read_text("utf-8", "replace").splitlines()
        except FileNotFoundError:
            lines = []
        return "\n".join(f"  {line[:400]}" for line in lines[-TAIL_LINES:]) or "  (it wrote nothing)"

    async def _live(self) -> int:
        """From start to end of one process; its exit status."""
        read, write = os.pipe()
        with self.log.open("ab") if self.log else os.fdopen(os.dup(2), "ab") as log:
            try:
                process = await asyncio.create_subprocess_exec(
                    *_tethered(self._command),
                    cwd=self._folder,
                    env=self._environment,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=write,
                    stderr=log,
                    start_new_session=True,
                )
            finally:
                os.close(write)
            self._process = process
            self._born.set()
            if self._stopping.is_set():  # Told to while it was being made.
                self.send(signal.SIGTERM)
            async with _lines(read) as lines, asyncio.TaskGroup() as tasks:
                reading = tasks.create_task(self._listen(lines, log.fileno()))
                try:
                    code = await process.wait()
                finally:
                    # Descendants that hold the pipe open must not hold up the restart.
                    self._end_group()
                    reading.cancel()
            return code

    async def _listen(self, lines: asyncio.StreamReader, log: int) -> None:
        while not lines.at_eof():
            with suppress(ValueError):  # A line longer than LINE_BYTES is nobody's, and left out.
                line = await lines.readline()
                if not self._heard(line.decode("utf-8", "replace")):
                    os.write(log, line)

    def _end_group(self) -> None:
        if self._process:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)


def memory_bytes(pids: Sequence[int]) -> int:
    """Memory of these processes and all their descendants: proportional set size, so that shared pages count once."""
    return sum(_pss(pid) for pid in family(pids))


def cpu_seconds(pids: Sequence[int]) -> float:
    """Processor time of these processes, of their living descendants, and of those of them that have ended."""
    return sum(_cpu(pid) for pid in family(pids))


def family(pids: Sequence[int]) -> set[int]:
    """These processes (0 is none) and all their living descendants."""
    parents = {pid: parent for pid, parent in map(_parent, _processes()) if parent}
    found = {pid for pid in pids if pid}
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        found |= more
        grown = bool(more)
    return found


def _processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _parent(pid: int) -> tuple[int, int]:
    with suppress(OSError):
        # pid (name) state ppid; the name may hold spaces and brackets.
        return pid, int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return pid, 0


def _pss(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def _cpu(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0  # Gone meanwhile.
    # utime, stime, cutime, cstime of proc(5), in clock ticks.
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _tethered(command: Sequence[str]) -> list[str]:
    if sys.platform != "linux":
        return list(command)
    return [sys.executable, "-I", "-S", "-c", _TETHER, str(os.getpid()), *command]


@asynccontextmanager
async def _lines(read: int) -> AsyncIterator[asyncio.StreamReader]:
    """Lines from a pipe's reading end. Apart from the process, whose `wait` would else wait for the pipe's end too."""
    reader = asyncio.StreamReader(limit=LINE_BYTES)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read, "rb")
    )
    try:
        yield reader
    finally:
        transport.close()


def _manner(code: int) -> str:
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
