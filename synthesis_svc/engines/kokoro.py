"""Kokoro: neural voices for en es fr it pt, computed here on the CPU.

Cut into clauses, so that the first is heard while the others are computed.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from chassis.errors import Exhausted, Unavailable
from chassis.language import primary
from chassis.models import Catalogue
from chassis.pcm import Samples
from synthesis_svc.domain.borrowed import borrowers, lender, respelled
from synthesis_svc.domain.framing import FIRST_AUDIO_SECONDS, PLAYED_SECONDS_PER_CHARACTER, Piece, paced, pieces
from synthesis_svc.domain.seats import Estimate, Seats
from synthesis_svc.domain.sound import Mastering, silence
from synthesis_svc.domain.voices import Grade, Voice
from synthesis_svc.domain.workload import Place, Workload
from synthesis_svc.engines import Order, Speech
from synthesis_svc.engines.kokoro_model import Model
from synthesis_svc.engines.workers import Workers

if TYPE_CHECKING:
    from synthesis_svc.config import Config

log = structlog.get_logger()

NAME: Final = "kokoro"

# The first letter of a voice's name is its language; the languages in the order of the best voices first.
_LANGUAGES: Final = {"a": "en", "b": "en-GB", "e": "es", "f": "fr", "i": "it", "p": "pt"}
# Defaults first. The rest of the folder follows by name.
_BEST_FIRST: Final = ("af_heart", "ef_dora", "ff_siwis", "if_sara", "pf_dora")
# espeak-ng's names of the accents. A voice speaks any accent of its language: the accent is in the phonemes.
_ACCENTS: Final = {
    "en": "en-us", "en-GB": "en-gb", "en-IE": "en-gb", "en-AU": "en-gb", "en-NZ": "en-gb", "en-ZA": "en-gb",
    "es": "es", "es-ES": "es",
    "fr": "fr-fr", "fr-BE": "fr-be", "fr-CH": "fr-ch",
    "it": "it",
    "ca": "ca",
    "pt": "pt-br", "pt-PT": "pt", "pt-AO": "pt", "pt-MZ": "pt",
}  # fmt: skip
# Accents of the regions that are not in the table above.
_ELSEWHERE: Final = {"es": "es-419"}
_WARM_UP: Final = "One moment, please."
# Measured: a piece of n characters costs about as much as n + 8 of them in a long one.
_PIECE_CHARACTERS: Final = 8
_AT_ONCE: Final = Place(0, 0.0, 0)


class Kokoro:
    """The voices over a model, its threads and their learned speed."""

    def __init__(self, model: Model, workers: Workers, workload: Workload, seats: Seats) -> None:
        self._model = model
        self._workers = workers
        self._workload = workload
        self._seats = seats
        self.voices: Sequence[Voice] = tuple(_voices(model.voice_names))

    @property
    def queued(self) -> int:
        """Pieces that wait or are under way."""
        return len(self._workload)

    def takes(self, order: Order) -> bool:
        """Whether it should speak the order: its feed has a seat, it would be begun within its tier's patience, and
        there is room in the queue. Asked once for each order."""
        now = time.monotonic()
        self._workload.relax(now)
        planned = self._plan(order)
        making = self._workload.cost_seconds(len(planned[0].text))
        estimate = Estimate(
            work=self._workload.cost_seconds(*(len(piece.text) for piece in planned)),
            played=len(order.text) * PLAYED_SECONDS_PER_CHARACTER / order.delivery.tempo,
            wait=self._workload.wait_seconds(order.tier.turn, now) + max(making - FIRST_AUDIO_SECONDS, 0.0),
        )
        feed = order.feed or f"{order.language} {order.tier.name}"
        seated = self._seats.take(feed, order.tier.turn, estimate, order.tier.patience_seconds, now)
        return seated and self._workers.room() >= len(planned)

    @asynccontextmanager
    async def speak(self, order: Order) -> AsyncIterator[Speech]:
        """As the port says. All pieces are queued at once, each due when those before it will have been played."""
        waves: list[asyncio.Future[Samples]] = []
        planned = self._plan(order)
        due = asked = time.monotonic()
        try:
            for piece in planned:
                waves.append(self._submit(due, piece, order))
                due += len(piece.text) * PLAYED_SECONDS_PER_CHARACTER / order.delivery.tempo
            yield Speech(order.voice, _mastered(planned, waves, order))
        finally:
            if not waves[:1] or not waves[0].done():
                self._given_up(time.monotonic() - asked, order)
            for wave in waves:
                wave.cancel()

    def _given_up(self, waited_seconds: float, order: Order) -> None:
        if waited_seconds > order.tier.patience_seconds:
            self._seats.late(time.monotonic())

    def _plan(self, order: Order) -> list[Piece]:
        cost = self._workload.seconds_per_character
        return pieces(
            order.text, paced(cost, piece_characters=_PIECE_CHARACTERS, every_clause=order.delivery.pause_seconds > 0)
        )

    def _submit(self, due: float, piece: Piece, order: Order) -> "asyncio.Future[Samples]":
        loop = asyncio.get_running_loop()
        under_way = threading.Event()

        def work() -> Samples:
            begun = time.monotonic()
            under_way.set()
            loop.call_soon_threadsafe(self._workload.begin, place, begun)
            try:
                return self._model.speak(
                    respelled(piece.text, order.language),
                    accent(order.language),
                    _own_name(order.voice),
                    order.delivery.tempo,
                )
            finally:
                # A piece that nobody waits for any more still holds its worker until here, and still teaches.
                loop.call_soon_threadsafe(self._workload.remove, place, time.monotonic() - begun)

        def done(wave: "asyncio.Future[Samples]") -> None:
            if not under_way.is_set():
                self._workload.remove(place)
            # Read here, an error of a piece that nobody came to is not reported as forgotten.
            if not wave.cancelled():
                wave.exception()

        place = self._workload.add(order.tier.turn, due, len(piece.text))
        try:
            wave = self._workers.submit(place, work)
        except Exhausted:
            self._workload.remove(place)
            raise
        wave.add_done_callback(done)
        return wave


async def _mastered(
    planned: Sequence[Piece], waves: Sequence["asyncio.Future[Samples]"], order: Order
) -> AsyncIterator[bytes]:
    mastering = Mastering(order.delivery.gain_db)
    pause = 0.0
    for piece, pending in zip(planned, waves, strict=True):
        try:
            wave = await pending
        except Exception as error:
            # Whatever the network's runtime raises: its text may hold what was to be said, its class does not.
            log.warning("kokoro_failed", error=type(error).__name__, language=order.language)
            raise Unavailable("SYNTHESIS_FAILED", "the voice could not be computed") from error
        if wave.size:
            yield silence(pause) + mastering.finish(wave)
            pause = 0.0
        if piece.pause_seconds:
            pause = max(pause, piece.pause_seconds / order.delivery.tempo + order.delivery.pause_seconds)


def accent(language: str) -> str:
    """espeak-ng's name of the accent for a BCP 47 code that Kokoro speaks."""
    if primary(language) not in _ACCENTS:
        language = lender(language)
    plain = primary(language)
    return _ACCENTS.get(language) or (language != plain and _ELSEWHERE.get(plain)) or _ACCENTS[plain]


def _voices(names: Sequence[str]) -> list[Voice]:
    ranked = sorted(names, key=lambda name: (name not in _BEST_FIRST, name))
    voices = [(name, _LANGUAGES[name[0]]) for name in ranked if name[0] in _LANGUAGES]
    own = [Voice(f"{NAME}/{name}", language, NAME, Grade.NEURAL) for name, language in voices]
    lent = [
        Voice(f"{NAME}/{name}@{borrower}", borrower, NAME, Grade.NEURAL)
        for name, language in voices
        for borrower in borrowers(language)
    ]
    return [*own, *lent]


def _own_name(voice: Voice) -> str:
    return voice.name.removeprefix(f"{NAME}/").split("@")[0]


@asynccontextmanager
async def open_kokoro(config: "Config") -> AsyncIterator[Kokoro]:
    """Loads the model and speaks a sentence to nobody, to learn this machine's speed (2 to 4 s).

    Raises Unavailable or NotFound (the model is not installed), Unavailable(ENGINE_NOT_INSTALLED) (the package is not).
    """
    catalogue = Catalogue.load(config.data)
    model_file = next(catalogue.folder(config.kokoro_model).glob("*.onnx"))
    styles = catalogue.folder(config.kokoro_voices)
    workers = Workers(
        NAME, count=config.kokoro_workers, capacity=config.kokoro_max_pieces, niceness=config.kokoro_niceness
    )
    try:
        # By a worker: the threads that the network makes for itself stand back as far as who made them.
        model = await workers.submit(_AT_ONCE, partial(_loaded, model_file, styles, config.kokoro_threads))
        workload = Workload(
            config.kokoro_workers, await workers.submit(_AT_ONCE, partial(_learn_speed, model)), _PIECE_CHARACTERS
        )
        log.info("kokoro_ready", seconds_per_character=round(workload.seconds_per_character, 4))
        yield Kokoro(model, workers, workload, Seats(config.kokoro_workers))
    finally:
        await workers.close()


def _loaded(model: Path, voices: Path, threads: int) -> Model:
    try:
        return Model(model, voices, threads)
    except ImportError as error:
        raise Unavailable(
            "ENGINE_NOT_INSTALLED", "kokoro-onnx is not installed: pip install lingocast[local]"
        ) from error


def _learn_speed(model: Model) -> float:
    model.speak(_WARM_UP, _ACCENTS["en"], model.voice_names[0], 1.0)  # The first run also sets up memory.
    begun = time.perf_counter()
    model.speak(_WARM_UP, _ACCENTS["en"], model.voice_names[0], 1.0)
    return (time.perf_counter() - begun) / (len(_WARM_UP) + _PIECE_CHARACTERS)
