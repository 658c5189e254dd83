"""Kokoro's network: text into the wave of one voice, on the CPU.

kokoro-onnx is imported only when a model is loaded: its phonemes come from espeak-ng's library and the phonemizer
package (both GPL), which therefore run inside this one process, and only where the `local` extra is installed.
"""

import logging
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import numpy as np
import soxr
from numpy.typing import NDArray

from chassis.pcm import SAMPLE_RATE, Samples
from synthesis_svc.domain.framing import Limits, pieces
from synthesis_svc.domain.sound import hastened, trimmed

if TYPE_CHECKING:
    from kokoro_onnx.tokenizer import Tokenizer

_MODEL_RATE: Final = 24_000
_STYLES: Final = (510, 1, 256)
"""A voice: one style of 256 numbers for each count of phonemes."""
_MOST_PHONEMES: Final = 500
# How fast the network really speaks at a `speed`, measured over three languages. It rounds each sound to whole frames:
# beyond 1.33 the short ones lose half at once (at 1.40 it is 1.57), so the rest of a higher tempo is made by
# shortening the wave.
_SPEEDS: Final = (0.80, 0.86, 0.92, 1.00, 1.06, 1.12, 1.20, 1.25, 1.32)
_TEMPOS: Final = (0.82, 0.92, 0.96, 1.00, 1.03, 1.06, 1.12, 1.15, 1.21)
# More than there are.
_ACCENTS: Final = 64


class Model:
    """The network and its phonemes. Blocking; `speak` may run in several threads at once."""

    def __init__(self, model: Path, voices: Path, threads: int) -> None:
        import onnxruntime

        # It warns whenever a language joins words in speaking ("l'ami").
        logging.getLogger("phonemizer").setLevel(logging.ERROR)

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Waiting threads sleep: spinning ones would take the recogniser's share of the machine.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # Work is shared out in small blocks: a thread that other programs held up delays the rest less.
        options.add_session_config_entry("session.dynamic_block_base", "4")
        self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self._tokenizer = open_tokenizer()
        self._styles = _load_styles(voices)

    @property
    def voice_names(self) -> Sequence[str]:
        """The names of the voices on disc, sorted."""
        return sorted(self._styles)

    def speak(self, text: str, accent: str, voice: str, tempo: float) -> Samples:
        """The trimmed wave of one piece, 16 kHz; empty where the text has no sound in this language."""
        phonemes = self._tokenizer.phonemize(text, accent)
        speed = float(np.interp(tempo, _TEMPOS, _SPEEDS))
        runs = pieces(phonemes, Limits(first=_MOST_PHONEMES, first_most=_MOST_PHONEMES, most=_MOST_PHONEMES))
        waves = [hastened(self._infer(run.text, voice, speed), tempo / _TEMPOS[-1]) for run in runs]
        return np.concatenate(waves) if waves else np.zeros(0, np.float32)

    def _infer(self, phonemes: str, voice: str, speed: float) -> Samples:
        tokens = self._tokenizer.tokenize(phonemes)
        if not tokens:
            return np.zeros(0, np.float32)
        (wave,) = self._session.run(
            None,
            {
                "tokens": np.array([[0, *tokens, 0]], np.int64),
                "style": self._styles[voice][len(tokens) - 1],
                "speed": np.array([speed], np.float32),
            },
        )
        return trimmed(cast(Samples, soxr.resample(np.ravel(wave), _MODEL_RATE, SAMPLE_RATE)).astype(np.float32))


def open_tokenizer() -> "Tokenizer":
    """The maker of phonemes. Each accent, once used, keeps a copy of espeak-ng's library to itself, some 5 MB."""
    from kokoro_onnx.tokenizer import Tokenizer

    # By itself phonemizer keeps eight. The others it would load anew for every piece, in 0.2 s, and never unload.
    vars(import_module("phonemizer.phonemize"))["_CACHE_MAX_SIZE"] = _ACCENTS
    return Tokenizer()


def _load_styles(folder: Path) -> dict[str, NDArray[np.float32]]:
    return {path.stem: np.fromfile(path, "<f4").reshape(_STYLES) for path in folder.glob("*.bin")}
