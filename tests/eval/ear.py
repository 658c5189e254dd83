"""A second listener: Whisper through faster-whisper's own pipeline, apart from the system that is measured.

It says which word of a recording is said when (attention alignment, as faster-whisper's `word_timestamps`), and what
can be understood of the voices. The model is the catalogue's; what it found is kept, by the audio's hash.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.transcribe import Segment
from pydantic import TypeAdapter

from chassis.language import primary
from chassis.models import Catalogue

Words = list[tuple[str, float, float]]
_WORDS: TypeAdapter[Words] = TypeAdapter(Words)


class WhisperEar:
    """Blocks; loads the model when it is first asked, and raises Unavailable then when it is not there.

    `kept`: folder of what was found before.
    """

    def __init__(self, data: Path, kept: Path, model: str = "whisper-base") -> None:
        self._data = data
        self._name = model
        self._kept = kept
        self._model: WhisperModel | None = None

    def words(self, pcm: bytes, language: str) -> Words:
        """(word, start, end), times in seconds of the audio (PCM s16le 16 kHz)."""
        kept = self._kept / f"{hashlib.sha256(self._name.encode() + language.encode() + pcm).hexdigest()[:24]}.json"
        if kept.exists():
            return _WORDS.validate_json(kept.read_bytes())
        words = [
            (word.word.strip(), float(word.start), float(word.end))
            for segment in self._segments(pcm, language, word_timestamps=True)
            for word in segment.words or ()
        ]
        self._kept.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(_WORDS.dump_json(words))
        return words

    def text(self, pcm: bytes, language: str) -> str:
        """What is said. Without times of words: looking for them, the pipeline leaves out speech after long pauses."""
        return " ".join(segment.text.strip() for segment in self._segments(pcm, language, word_timestamps=False))

    def _segments(self, pcm: bytes, language: str, *, word_timestamps: bool) -> Iterable[Segment]:
        samples = np.frombuffer(pcm, "<i2").astype(np.float32) / 32768
        segments, _ = self._loaded().transcribe(
            samples,
            language=primary(language),
            word_timestamps=word_timestamps,
            vad_filter=True,
            condition_on_previous_text=False,
        )
        found: Iterable[Segment] = segments
        return found

    def _loaded(self) -> WhisperModel:
        if self._model is None:
            folder = Catalogue.load(self._data).folder(self._name)
            self._model = WhisperModel(str(folder), device="cpu", compute_type="int8", local_files_only=True)
        return self._model
