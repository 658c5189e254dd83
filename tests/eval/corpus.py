"""The recordings that are evaluated: those of a folder in a simple layout, and those that the set-up brings.

Layout, one folder for each talk, its language at the end of its name (docs/evaluation.md):

    <folder>/<any name>-<language>/trans.txt                 lines: file name, tab, what is said
                                   reference-<language>.txt  lines: file name, tab, the same in that language
                                   <the files>               WAV, FLAC, MP3 …
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from chassis.errors import LingocastError
from chassis.pcm import byte_count, seconds
from edge.client import decode
from tests.eval.measures import sentences, timed
from tests.eval.records import Piece, TimedWord
from tests.recordings import HERE, TESTDATA, Recording, address, entries, plain, two_cities
from tests.recordings import sentences as read_sentences

_LANGUAGE = re.compile(r"-([a-z]{2,3}(?:-[A-Z]\w+)?)$")


# Of the words of a file, the part that must have been found for their times to be trusted.
_HEARD = 0.8


class Ear(Protocol):
    """Finds out which word is said when: (word, start, end) in seconds."""

    def words(self, pcm: bytes, language: str) -> list[tuple[str, float, float]]: ...


@dataclass(frozen=True)
class Script:
    """A recording with the time of each word. `pieces`: its sentences where transcript and references have equally
    many, else its files. `words[].said` is the offset here, for nothing has been played yet."""

    name: str
    language: str
    audio: bytes = field(repr=False)
    pieces: tuple[Piece, ...]
    words: tuple[TimedWord, ...]

    @property
    def length(self) -> float:
        return seconds(self.audio)

    @property
    def transcript(self) -> str:
        return " ".join(piece.text for piece in self.pieces if piece.text)

    @property
    def languages(self) -> set[str]:
        """Those with a reference for all of it."""
        found = [set(piece.references) for piece in self.pieces]
        return set.intersection(*found) if found else set()


def talks(folder: Path) -> list[list[Recording]]:
    """Each talk of the folder, file by file. Raises ValueError, with the file's name, for a layout it cannot read."""
    found = []
    for here in sorted(path for path in folder.glob("*/") if not path.name.startswith(".")):
        transcript = here / "trans.txt"
        if not transcript.exists():
            print(f"{here} is left out: it has no trans.txt")
            continue
        named = _LANGUAGE.search(here.name)
        if not named:
            raise ValueError(f"{here} does not say its language at the end, as in talk-en or talk-pt-BR")
        language = named[1]
        references = {path.stem.removeprefix("reference-"): entries(path) for path in here.glob("reference-*.txt")}
        texts = entries(transcript)
        if absent := [name for name in texts if not (here / name).is_file()]:
            print(f"{transcript} names files that are not there: {', '.join(absent)}")
        files = [
            Recording(
                f"{here.name}/{name}",
                decode(here / name),
                text,
                language,
                {code: lines[name] for code, lines in references.items() if name in lines},
            )
            for name, text in texts.items()
            if name not in absent
        ]
        if not files:
            raise ValueError(f"{transcript} names no file that is there")
        found.append(files)
    if not found:
        raise ValueError(f"{folder} has no folder with a trans.txt and recordings (docs/evaluation.md)")
    return found


def packaged(data: Path) -> list[list[Recording]]:
    """What the set-up brings: a reading of Dickens, and five sentences of Austen; a slow address where it is there."""
    found: list[list[Recording]] = []
    try:
        found.append([two_cities(data)])
    except LingocastError as error:
        print(f"without the sample talk: {error.message}")
    if TESTDATA.is_dir():
        found.append(read_sentences())
    if HERE:
        found.append([address()])
    return found


def script(files: Sequence[Recording], ear: Ear, gap: float = 0.0) -> Script:
    """The files one after the other, `gap` seconds of silence between them."""
    audio, pieces, words = bytearray(), [], []
    for file in files:
        offset = seconds(bytes(audio))
        heard = ear.words(file.audio, file.language)
        found = timed(plain(file.text).split(), heard)
        if len(heard) < _HEARD * len(file.text.split()):
            print(f"{file.name}: only {len(heard)} of {len(file.text.split())} words were found; lags will be rough")
        pieces += _shifted(_pieces(file, found), offset)
        words += [_moved(word, offset) for word in found]
        audio += file.audio + bytes(byte_count(gap))
    name = files[0].name.partition("/")[0] if len(files) > 1 else files[0].name
    return Script(name, files[0].language, bytes(audio), tuple(pieces), tuple(words))


def beginning(whole: Script, longest: float) -> Script:
    """Its first sentences, as many as end within `longest` seconds; of a longer first one its first words, without
    references, and at least one of them."""
    kept = [piece for piece in whole.pieces if piece.start + piece.length <= longest]
    if not kept:
        words = [word for word in spoken(whole) if word.end <= longest] or spoken(whole)[:1]
        kept = [Piece(0.0, words[-1].end if words else longest, " ".join(word.text for word in words))]
    end = kept[-1].start + kept[-1].length
    times = tuple(word for word in whole.words if word.end <= end)
    return Script(whole.name, whole.language, whole.audio[: byte_count(end)], tuple(kept), times)


@dataclass(frozen=True)
class Spoken:
    """A word of the transcript as written, punctuation and all; offsets in seconds."""

    text: str
    start: float
    end: float


def spoken(script: Script) -> list[Spoken]:
    """The transcript's words as written, each from the start of its first part to the end of its last."""
    found, place = [], 0
    for word in script.transcript.split():
        count = len(plain(word).split())
        parts = script.words[place : place + count]
        place += count
        if parts:
            found.append(Spoken(word, parts[0].start, parts[-1].end))
    return found


def repeated(scripts: Sequence[Script], length: float, gap: float = 1.0) -> Script:
    """The scripts one after the other, over and over until `length` seconds are full; a gap between them."""
    audio, pieces, words = bytearray(), [], []
    while seconds(bytes(audio)) < length:
        for each in scripts:
            offset = seconds(bytes(audio))
            pieces += _shifted(each.pieces, offset)
            words += [_moved(word, offset) for word in each.words]
            audio += each.audio + bytes(byte_count(gap))
    name = " + ".join(each.name for each in scripts)
    whole = Script(name, scripts[0].language, bytes(audio), tuple(pieces), tuple(words))
    return beginning(whole, length) if whole.length > length else whole


def _pieces(file: Recording, words: Sequence[TimedWord]) -> list[Piece]:
    """Sentences, cut in the middle of the pause between them; the whole file where languages disagree on how many."""
    texts = sentences(file.text)
    translations = {code: sentences(text) for code, text in file.references.items()}
    counts = [len(plain(text).split()) for text in texts]
    agreed = all(len(each) == len(texts) for each in translations.values()) and sum(counts) == len(words)
    if not agreed or not texts or not all(counts):
        return [Piece(0.0, file.seconds, file.text, dict(file.references))]
    pieces, start, place = [], 0.0, 0
    for number, (text, count) in enumerate(zip(texts, counts, strict=True)):
        place += count
        end = file.seconds if place == len(words) else (words[place - 1].end + words[place].start) / 2
        references = {code: translated[number] for code, translated in translations.items()}
        pieces.append(Piece(start, end - start, text, references))
        start = end
    return pieces


def _shifted(pieces: Iterable[Piece], offset: float) -> list[Piece]:
    return [Piece(each.start + offset, each.length, each.text, each.references) for each in pieces]


def _moved(word: TimedWord, offset: float) -> TimedWord:
    return TimedWord(word.text, word.start + offset, word.end + offset, word.said + offset)
