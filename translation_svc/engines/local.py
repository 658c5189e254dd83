"""Translation on this machine: Firefox's neural models between English and Portuguese, Apertium's rules from there on.

Which pairs exist follows from which hops do: a Firefox model of the catalogue is a hop, an installed Apertium mode is
one, and a pair is the shortest way over them. Hops under way are shared, so that English into six languages is one
English to Portuguese. Both engines run as programs of their own (`pipe.py`); Apertium is under another licence, too.
"""

import asyncio
import importlib.util
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import structlog

from chassis.errors import Invalid, LingocastError, Unavailable
from chassis.models import Catalogue
from translation_svc.config import Config
from translation_svc.domain.apertium import from_stream, stages, to_stream
from translation_svc.domain.repairs import after, before, cognate
from translation_svc.domain.routes import routes
from translation_svc.domain.sentences import sentences
from translation_svc.domain.wording import formula, posed, settled, untranslatable
from translation_svc.engines import Capabilities, Pair
from translation_svc.engines.pipe import Pipe
from translation_svc.flights import Flights

log = structlog.get_logger()

# Apertium's modes, and the Debian package each comes in. Earlier rows win among equally short ways.
_MODES: Mapping[tuple[str, str], tuple[str, str]] = {
    ("pt", "es"): ("pt-es", "apertium-es-pt"),
    ("es", "pt"): ("es-pt_BR", "apertium-es-pt"),
    ("es", "ca"): ("spa-cat", "apertium-spa-cat"),
    ("ca", "es"): ("cat-spa", "apertium-spa-cat"),
    ("es", "gl"): ("es-gl", "apertium-es-gl"),
    ("gl", "es"): ("gl-es", "apertium-es-gl"),
    ("es", "fr"): ("es-fr", "apertium-fr-es"),
    ("fr", "es"): ("fr-es", "apertium-fr-es"),
    ("ca", "it"): ("cat-ita", "apertium-cat-ita"),
    ("it", "ca"): ("ita-cat", "apertium-cat-ita"),
}
_WORKER = Path(__file__).with_name("firefox_worker.py")


@dataclass(frozen=True, slots=True)
class Hop:
    """One step between two languages: a program, and how a text is put to it. `engine`: firefox or apertium."""

    source: str
    target: str
    engine: str
    pipe: Pipe
    translate: Callable[[Pipe, str], Awaitable[str]]


class LocalTranslator:
    """The engine over the hops there are; their pipes must be running."""

    def __init__(self, hops: Sequence[Hop], flights: Flights[tuple[str, str, str], str]) -> None:
        self._hops = {(hop.source, hop.target): hop for hop in hops}
        self._routes = routes(self._hops)
        self._flights = flights
        pairs = {ends: Pair(*ends, self._engine_of(path), path[1:-1]) for ends, path in self._routes.items()}
        self.capabilities = Capabilities("local", pairs)

    async def translate(self, text: str, source: str, target: str) -> str:
        if (source, target) not in self._routes:
            raise Invalid("UNSUPPORTED_LANGUAGE", f"no local translation from {source} into {target}")
        hops = self._hops_of(self._routes[source, target])
        for hop in hops[1:]:
            hop.pipe.wake()
        for hop in hops:
            key = (hop.source, hop.target, text)
            text = await self._flights.share(key, partial(hop.translate, hop.pipe, text))
        return text

    def process_groups(self) -> list[int]:
        """The process groups of the programs that run now."""
        return [group for hop in self._hops.values() if (group := hop.pipe.process_group) is not None]

    def _hops_of(self, path: tuple[str, ...]) -> list[Hop]:
        return [self._hops[step] for step in pairwise(path)]

    def _engine_of(self, path: tuple[str, ...]) -> str:
        # As a set in order: firefox+apertium, however many hops of each.
        return "+".join(dict.fromkeys(hop.engine for hop in self._hops_of(path)))


@asynccontextmanager
async def open_engine(config: Config) -> AsyncIterator[LocalTranslator]:
    """Finds the hops and serves their pipes. Programs start on first use, those of `config.warm` now.

    Blocks up to a second for hashing models that changed. Raises Unavailable(NO_TRANSLATION_ENGINE) without any hop.
    """
    hops = [*_firefox_hops(config), *_apertium_hops(config)]
    if not hops:
        raise Unavailable(
            "NO_TRANSLATION_ENGINE", "no translation model and no Apertium are installed here; run `make models`"
        )
    async with Flights[tuple[str, str, str], str]() as flights, asyncio.TaskGroup() as tasks:
        translator = LocalTranslator(hops, flights)
        background = [tasks.create_task(hop.pipe.run()) for hop in hops]
        background += [tasks.create_task(_warm(translator, pair)) for pair in config.warm]
        try:
            yield translator
        finally:
            for task in background:
                task.cancel()


async def _warm(translator: LocalTranslator, pair: str) -> None:
    source, _, target = pair.partition("-")
    # A pair that is not there or fails now says so to whoever asks for it.
    with suppress(LingocastError):
        await translator.translate("Hello, world.", source, target)


def _firefox_hops(config: Config) -> Iterator[Hop]:
    if importlib.util.find_spec("fxtranslate") is None:
        log.warning("engine_missing", engine="firefox", advice="install the package fxtranslate (extra `local`)")
        return
    catalogue = Catalogue.load(config.data)
    for name, model in catalogue.models.items():
        if model.kind != "mt" or not name.startswith("firefox-"):
            continue
        source, target = name.removeprefix("firefox-").split("-")
        try:
            folder = catalogue.folder(name)
        except LingocastError as error:
            if not model.optional:
                log.warning("model_missing", model=name, without=model.without, advice=error.message)
            continue
        # -P: the folder of a script is otherwise searched for imports, before everything else.
        worker = [sys.executable, "-P", str(_WORKER), str(folder)]
        pipe = Pipe(f"firefox {source}-{target}", [worker], queue=config.queue, idle_seconds=config.idle_seconds)
        yield Hop(source, target, "firefox", pipe, partial(_through_firefox, source, target))


def _apertium_hops(config: Config) -> Iterator[Hop]:
    missing: dict[str, list[str]] = {}
    for (source, target), (mode, package) in _MODES.items():
        path = config.apertium_modes / f"{mode}.mode"
        programs = stages(path.read_text("utf-8")) if path.is_file() else []
        if not programs or any(shutil.which(program) is None for program, *_ in programs):
            missing.setdefault(package, []).append(f"{source}-{target}")
            continue
        pipe = Pipe(f"apertium {mode}", programs, queue=config.queue, idle_seconds=config.idle_seconds)
        yield Hop(source, target, "apertium", pipe, partial(_through_apertium, source, target))
    if missing:
        log.warning("apertium_missing", without=missing, advice=f"install the Debian packages {' '.join(missing)}")


async def _through_firefox(source: str, target: str, pipe: Pipe, text: str) -> str:
    """Sentence by sentence: of several the engine translates only the first."""
    translated = []
    for sentence in sentences(text):
        if untranslatable(sentence):
            translated.append(sentence)
        elif fixed := formula(source, target, sentence):
            translated.append(fixed)
        else:
            translated.append(settled(sentence, await pipe.ask(posed(sentence))))
    return " ".join(translated)


async def _through_apertium(source: str, target: str, pipe: Pipe, text: str) -> str:
    put = before(source, target, text)
    answer = from_stream(await pipe.ask(to_stream(put)), put, partial(cognate, source, target))
    return after(target, put, answer)
