"""A second listener: Whisper through faster-whisper's own pipeline, apart from the system that is measured.

It says which word of a recording is said when (attention alignment, as faster-whisper's `word_timestamps`), and what
can be understood of the voices. The model is the catalogue's; what it found is kept, by the audio's hash.
"""

import hashlib
from pathlib import Path

import numpy as np
from faster_whisper import WhisperModel
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
        segments, _ = self._loaded().transcribe(
            np.frombuffer(pcm, "<i2").astype(np.float32) / 32768,
            language=primary(language),
            word_timestamps=True,
            vad_filter=True,
            condition_on_previous_text=False,
        )
        words = [
            (word.word.strip(), float(word.start), float(word.end))
            for segment in segments
            for word in segment.words or ()
        ]
        self._kept.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(_WORDS.dump_json(words))
        return words

    def text(self, pcm: bytes, language: str) -> str:
        """What is said."""
        return " ".join(word for word, _, _ in self.words(pcm, language))

    def _loaded(self) -> WhisperModel:
        if self._model is None:
            folder = Catalogue.load(self._data).folder(self._name)
            self._model = WhisperModel(str(folder), device="cpu", compute_type="int8", local_files_only=True)
        return self._model
