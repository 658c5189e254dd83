"""Real recorded speech for tests and benches, with what is said, and how recognitions and translations are scored.

`talk` and `address` read the recordings beside the project, which a checkout alone does not have; `HERE` says whether
they are there. The others come with the project's own set-up.
"""

import os
import re
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import jiwer
import pytest
import sacrebleu

from chassis.errors import Unavailable
from chassis.models import Catalogue
from chassis.pcm import byte_count, seconds
from chassis.settings import data_default
from chassis.system import ROOT
from edge.client import decode

SPEECH = ROOT.parent / "shared" / "data"
HERE = SPEECH.is_dir()
TESTDATA = Path("/usr/share/pocketsphinx/test/data/librivox")

# C. Dickens, A Tale of Two Cities (1859), as far as the LibriVox reading of the catalogue's sample goes.
TWO_CITIES = (
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, "
    "it was the epoch of belief, it was the epoch of incredulity, it was the season of Light, it was the season of "
    "Darkness, it was the spring of hope, it was the winter of despair, we had everything before us, we had nothing "
    "before us, we were all going direct to Heaven, we were all going direct the other way - in short, the period was "
    "so far like the present period, that some of its noisiest authorities insisted on its being received, for good "
    "or for evil, in the superlative degree of comparison only."
)
# J. F. Kennedy, inaugural address (1961).
ADDRESS = "And so, my fellow Americans, ask not what your country can do for you, ask what you can do for your country."


@dataclass(frozen=True)
class Recording:
    """`audio` is PCM s16le mono 16 kHz; `references` are the same text in other languages, where there are any."""

    name: str
    audio: bytes = field(repr=False)
    text: str
    language: str = "en"
    references: Mapping[str, str] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        return seconds(self.audio)

    def first(self, length: float) -> bytes:
        """The audio of the first `length` seconds."""
        return self.audio[: byte_count(length)]


def talk(language: str, *files: str) -> Recording:
    """One person reading documentation in English, Spanish or French: some files, one after the other."""
    files = files or ("audio1.wav",)
    folder = _speech() / f"talk-{language}"
    said = entries(folder / "trans.txt")
    references = {path.stem.removeprefix("reference-"): entries(path) for path in folder.glob("reference-*.txt")}
    return Recording(
        f"talk-{language} {'+'.join(files)}",
        b"".join(decode(folder / file) for file in files),
        " ".join(said[file] for file in files),
        language,
        {code: " ".join(lines[file] for file in files) for code, lines in references.items()},
    )


def address() -> Recording:
    """Slow, with pauses and echo; 44.1 kHz stereo."""
    return Recording("jfk", decode(_speech() / "jfk.flac"), ADDRESS)


def two_cities(data: Path | None = None) -> Recording:
    """The sample of the model catalogue, 44 s. Raises Unavailable when it was not fetched."""
    catalogue = Catalogue.load(data or Path(os.environ.get("LINGOCAST_DATA") or data_default()))
    return Recording("two_cities", decode(catalogue.path("sample-talk", "two_cities.wav")), TWO_CITIES)


def sentences() -> list[Recording]:
    """Five sentences of Sense and Sensibility, from Debian's pocketsphinx-testdata."""
    lines = (TESTDATA / "transcription").read_text().splitlines()
    found = [re.fullmatch(r"<s> (.*) </s> \((\S+)\)", line.strip()) for line in lines]
    return [Recording(match[2], decode(TESTDATA / f"{match[2]}.wav"), match[1]) for match in found if match]


def present() -> list[Recording]:
    """All recordings of more than a sentence that are here, each file by itself. Skips where there are none."""
    found: list[Recording] = []
    for folder in sorted(SPEECH.glob("talk-*")):
        said = entries(folder / "trans.txt")
        found += [talk(folder.name.removeprefix("talk-"), file) for file in said if (folder / file).exists()]
    if (SPEECH / "jfk.flac").exists():
        found.append(address())
    with suppress(Unavailable):
        found.append(two_cities())
    if TESTDATA.is_dir():
        parts = sentences()
        text = " ".join(part.text for part in parts)
        found.append(Recording("sentences", b"".join(part.audio for part in parts), text))
    if not found:
        pytest.skip("needs recordings; none are here")
    return found


def word_error_rate(expected: str, heard: str) -> float:
    """Substituted, lost and added words per word expected. Of words alone: case, punctuation and the spelling of
    "speech-to-text" are not what was said."""
    return float(jiwer.wer(plain(expected), plain(heard)))


def chrf(reference: str, text: str) -> float:
    """chrF (character n-gram F-score, 0 to 100) as sacrebleu computes it."""
    return sacrebleu.sentence_chrf(text, [reference]).score


def plain(text: str) -> str:
    """Words alone, in lower case."""
    text = unicodedata.normalize("NFKC", text).casefold().replace("’", "'").replace("/", " slash ")
    return " ".join(re.sub(r"[^\w']+", " ", text).split())


def entries(path: Path) -> dict[str, str]:
    """What is said in which file: lines of file name, tab, text. A line without a tab goes on from the one before."""
    # The files of some languages lack the line break between two entries; there names have no blanks.
    parts = re.split(r"^([^\t\n]+)\t|(?<=[\s.])([\w-]+\.\w+)\t", path.read_text("utf-8-sig"), flags=re.MULTILINE)
    names = [(first or inside).strip() for first, inside in zip(parts[1::3], parts[2::3], strict=True)]
    return {name: " ".join(text.split()) for name, text in zip(names, parts[3::3], strict=True)}


def _speech() -> Path:
    if not HERE:
        pytest.skip(f"needs the recordings in {SPEECH.parent.name}/{SPEECH.name} beside the project")
    return SPEECH
