"""Whisper by CTranslate2, called directly: one decode, blocking, safe from several threads.

faster-whisper's own `transcribe` always computes 30 s. Here the encoder sees no more than the audio and some silence
after it (a tenth of the cost for a decode of 3 s), the transcript begins with the words already decided, so that it
cannot contradict them, and every word gets its time from the decoder's cross-attention.

What a token costs depends on where it stands. The context before the transcript is computed at one go; a token of the
prefix costs CTranslate2 one step like a new one, 10 ms. Hence a short prefix and a long context.

The silence after the audio is padded before the spectrogram, as in training. Padded after it, as faster-whisper does,
whole utterances came out slightly worse (word error rate at full length: Spanish 0.129 against 0.112, French 0.179
against 0.170, one short English sentence 0.25 against 0).
"""

from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Final

import numpy as np
from ctranslate2 import StorageView
from ctranslate2.models import Whisper as Model
from faster_whisper.tokenizer import Tokenizer
from numpy.typing import NDArray
from tokenizers import Tokenizer as Vocabulary

from chassis.pcm import SAMPLE_RATE, Samples
from transcription_svc.domain.hypothesis import Word
from transcription_svc.engines.spectrogram import HOP, Spectrogram

_TICK: Final = 0.02  # Seconds of one encoder position, two frames.
_ROUND: Final = 50  # The encoder's lengths, in frames: few different ones, so that its buffers are reused.
# Frames of silence after the audio. Of 85 transcripts of cut-off sentences 18 were wrong by more than two words with
# 0.5 s of it (at least 3 s in all), 19 with none (at least 6 s in all), 3 with 2 s (at least 6 s in all).
_SILENCE: Final = 200
# 3000 frames cost 1.15 s of processor time, 600 cost 0.10 s, 500 0.08 s. With 400 word error rates rose by one or two
# hundredths; with 2000 instead of 600 they were no better.
QUICK_FRAMES: Final = 500
THOROUGH_FRAMES: Final = 600
LONGEST_FRAMES: Final = 3000
_BEAMS: Final = 5
_CONTEXT_TOKENS: Final = 60
_LONGEST_TOKENS: Final = 440
_CLOSING: Final = frozenset(".,?!…:;%)]»”’\"'")
# Whisper's own rule for "nobody spoke" (Radford et al. 2022, section 4.5).
_NO_SPEECH: Final = 0.6
_UNSURE: Final = -1.0


@dataclass(frozen=True, slots=True)
class Request:
    """What to transcribe. `audio`: at most 30 s.

    `prefix`: text that the transcript begins with; only the words that follow it are returned. `context`: text said
    just before. `beams`: several hypotheses side by side instead of one.
    """

    audio: Samples
    language: str
    prefix: str = ""
    context: str = ""
    thorough: bool = False
    beams: bool = False


class Whisper:
    """The model, loaded once; 145 MB of weights. `workers` decodes run at once, each on `threads` threads."""

    def __init__(self, folder: Path, *, threads: int, workers: int) -> None:
        self._model = Model(
            str(folder), device="cpu", compute_type="int8", intra_threads=threads, inter_threads=workers
        )
        self._vocabulary = Vocabulary.from_file(str(folder / "tokenizer.json"))
        self._spectrogram = Spectrogram()
        self._tokenizers: dict[str, Tokenizer] = {}

    def decode(self, request: Request) -> list[Word]:
        """The words after `request.prefix`, in order; times in seconds from the audio's first sample."""
        tokenizer = self._tokenizer(request.language)
        prefix = tokenizer.encode(" " + request.prefix) if request.prefix else []
        encoded = self._model.encode(StorageView.from_array(self._features(request)))
        tokens = self._generate(tokenizer, encoded, request, prefix)
        if not tokens:
            return []
        return self._timed(tokenizer, encoded, prefix, tokens, request.audio.size)

    def _tokenizer(self, language: str) -> Tokenizer:
        if language not in self._tokenizers:
            self._tokenizers[language] = Tokenizer(self._vocabulary, True, task="transcribe", language=language)
        return self._tokenizers[language]

    def _features(self, request: Request) -> NDArray[np.float32]:
        """Log-mel spectrogram, shape (1, 80, frames)."""
        least = THOROUGH_FRAMES if request.thorough else QUICK_FRAMES
        needed = -(-(request.audio.size // HOP + _SILENCE) // _ROUND) * _ROUND
        frames = min(max(least, needed), LONGEST_FRAMES)
        silence = max(0, frames * HOP - request.audio.size)
        features = self._spectrogram(np.pad(request.audio, (0, silence)))[:, :frames]
        return np.ascontiguousarray(features[np.newaxis], dtype=np.float32)

    def _generate(self, tokenizer: Tokenizer, encoded: StorageView, request: Request, prefix: list[int]) -> list[int]:
        context = tokenizer.encode(" " + request.context)[-_CONTEXT_TOKENS:] if request.context else []
        before = [tokenizer.sot_prev, *context] if context else []
        prompt = [*before, *tokenizer.sot_sequence, tokenizer.no_timestamps, *prefix]
        most = 8 + request.audio.size // 2667  # Tokens: six a second; more is a loop, and each costs 10 ms.
        result = self._model.generate(
            encoded,
            [prompt],
            beam_size=_BEAMS if request.beams else 1,
            max_length=min(_LONGEST_TOKENS, len(prompt) + most - min(most - 8, len(prefix))),
            suppress_tokens=list(tokenizer.non_speech_tokens),
            return_scores=True,
            return_no_speech_prob=True,
        )[0]
        if not prefix and result.no_speech_prob > _NO_SPEECH and result.scores[0] < _UNSURE:
            return []
        # The sequence begins with what the prompt has after its special tokens.
        return [token for token in result.sequences_ids[0][len(prefix) :] if token < tokenizer.eot]

    def _timed(
        self, tokenizer: Tokenizer, encoded: StorageView, prefix: list[int], tokens: list[int], size: int
    ) -> list[Word]:
        aligned = self._model.align(
            encoded, tokenizer.sot_sequence, [[*prefix, *tokens]], max(1, size // HOP), median_filter_width=7
        )[0]
        begins: dict[int, float] = {}
        for token, tick in aligned.alignments:
            begins.setdefault(token, tick * _TICK)
        end = size / SAMPLE_RATE
        return _words(tokenizer, tokens, [begins.get(len(prefix) + index, end) for index in range(len(tokens) + 1)])


def _words(tokenizer: Tokenizer, tokens: list[int], begins: list[float]) -> list[Word]:
    """Pieces put together to words. `begins`: seconds, of each token and of the end; punctuation ends its word."""
    pieces, piece_tokens = tokenizer.split_to_word_tokens(tokens)
    firsts = [0, *accumulate(len(each) for each in piece_tokens)]
    words: list[Word] = []
    for piece, first, following in zip(pieces, firsts, firsts[1:], strict=False):
        text = piece.strip()
        start, end = begins[first], max(begins[first], begins[following])
        if all(character in _CLOSING for character in text):
            if words:  # Else it belongs to the prefix, which is decided.
                words[-1] = Word(words[-1].text + text, words[-1].start, words[-1].end, stable=False)
        elif words and not piece.startswith(" "):
            words[-1] = Word(words[-1].text + text, words[-1].start, end, stable=False)
        else:
            words.append(Word(text, start, end, stable=False))
    return words
