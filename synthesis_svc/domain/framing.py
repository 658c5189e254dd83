"""How text and audio are cut: text into pieces that an engine takes, audio into chunks that the wire takes.

Both only cut: joined again, nothing is lost or added.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from chassis.pcm import BYTES_PER_SAMPLE, byte_count

MAX_CHUNK_SECONDS: Final = 0.2
MAX_CHUNK_BYTES: Final = byte_count(MAX_CHUNK_SECONDS)

SENTENCE_PAUSE_SECONDS: Final = 0.3
CLAUSE_PAUSE_SECONDS: Final = 0.12

# A mark, what closes after it, then space; the marks of Chinese and Japanese need none.
_SENTENCE_END: Final = re.compile(r"(?:[.?!…؟۔।॥]+[\"'”’»)\]]*(?=\s|$)|[。！？]+[」』”]*)\s*")
_CLAUSE_END: Final = re.compile(r"(?:[,;:،؛–—][\"'”’»)]*(?=\s|$)|[，、；：]+)\s*")
# Points after these do not end a sentence. Not exhaustive: a wrong cut costs a pause, nothing more.
_ABBREVIATIONS: Final = frozenset(
    {"dr", "dra", "mr", "mrs", "ms", "prof", "profa", "sr", "sra", "srta", "st", "sta", "sto"}  # en es pt
    | {"mme", "mlle", "dott", "sig", "ing", "av", "avda", "vs", "etc", "no", "nº", "núm", "pág", "p.ex", "e.g", "i.e"}
)
# Small words that belong to what follows them (en pt es fr it): a voice draws breath before them, not after.
_LEANING: Final = frozenset(
    """
    a an the of to in on at by for from with without into about as than and or but that which who when if because
    o os as um uma de da do das dos em na no nas nos por pela pelo para com sem e ou mas que se ao aos à às como
    el la los las un una del en con sin y pero al quando cuando si porque le les une des du dans par pour avec
    sans et mais qui ce au aux comme quand il lo i gli di della dei nel nella per senza ma che alla come
    """.split()  # noqa: SIM905 - a list of a hundred words is read as text
)
_SPACE: Final = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text spoken in one go. `pause_seconds`: silence after it, at normal tempo; 0 after the last."""

    text: str
    pause_seconds: float


@dataclass(frozen=True, slots=True)
class Limits:
    """How long pieces may be, in characters.

    `first`: the first piece ends at the first clause end after this many, so that audio leaves early, and between two
    phrases before `first_most`. `most`: no piece is longer. `every_clause`: one piece a clause, for voices whose
    pauses are made between pieces.
    """

    first: int
    first_most: int
    most: int
    every_clause: bool = False


PLAYED_SECONDS_PER_CHARACTER: Final = 0.065
"""How long a character sounds at tempo 1; near enough for planning, in the languages of Europe."""

FIRST_AUDIO_SECONDS: Final = 0.6
"""What making the first audio of a cue may cost of its lag. Shorter pieces are heard sooner and joined more often."""


def paced(seconds_per_character: float, *, piece_characters: int = 0, every_clause: bool = False) -> Limits:
    """Limits for a voice that works `seconds_per_character`, so that it is heard soon and then without gaps.
    `piece_characters`: what a piece costs beside its text, in characters.

    The first piece is done within 0.6 s where it can be; a later one while the one before it plays. A slow machine so
    pays with more joins, not with waiting.
    """
    first_most = round(min(max(FIRST_AUDIO_SECONDS / seconds_per_character - piece_characters, 32), 80))
    most = round(min(max(first_most * PLAYED_SECONDS_PER_CHARACTER / seconds_per_character, 40), 140))
    return Limits(first=16, first_most=min(first_most, most), most=most, every_clause=every_clause)


def pieces(text: str, limits: Limits) -> list[Piece]:
    """Cuts at sentence ends, else clause ends, else spaces, else anywhere. Joined, the texts are `text` again."""
    packed: list[Piece] = []
    for clause in _short_clauses(text, limits):
        if packed and _goes_on(packed, clause, limits):
            packed[-1] = Piece(packed[-1].text + clause.text, clause.pause_seconds)
        else:
            packed.append(clause)
    if packed:
        packed[-1] = Piece(packed[-1].text, 0.0)
    return packed


def clauses(text: str) -> list[Piece]:
    """The text cut at every clause and sentence end, with the pause that each calls for."""
    found: list[Piece] = []
    start = 0
    for end, pause in _ends(text):
        if end < len(text):
            found.append(Piece(text[start:end], pause))
            start = end
    if start < len(text):
        found.append(Piece(text[start:], 0.0))
    return found


def passages(text: str, most: int) -> list[str]:
    """Cuts at the last sentence end within `most` characters, else clause end, else space. Joined, they are `text`."""
    whole = Limits(first=most, first_most=most, most=most)
    packed: list[str] = []
    for sentence in _sentences(text):
        if packed and len(packed[-1]) + len(sentence) <= most:
            packed[-1] += sentence
        else:
            packed += [piece.text for piece in pieces(sentence, whole)]
    return packed


def _sentences(text: str) -> Iterator[str]:
    sentence = ""
    for clause in clauses(text):
        sentence += clause.text
        if clause.pause_seconds >= SENTENCE_PAUSE_SECONDS:
            yield sentence
            sentence = ""
    if sentence:
        yield sentence


def _goes_on(packed: Sequence[Piece], clause: Piece, limits: Limits) -> bool:
    last = packed[-1]
    if len(last.text) + len(clause.text) > limits.most:
        return False
    if limits.every_clause and last.pause_seconds > 0:
        return False
    # A piece without its own voice ("Yes,") sounds cut off: whatever is short is joined to what follows.
    if len(packed) == 1:
        return len(last.text) < limits.first
    return last.pause_seconds < SENTENCE_PAUSE_SECONDS or len(last.text) < limits.first


def _ends(text: str) -> list[tuple[int, float]]:
    """Where clauses end (after the space that follows) and the pause there, in order."""
    sentences = [(m.end(), SENTENCE_PAUSE_SECONDS) for m in _SENTENCE_END.finditer(text) if _ends_sentence(text, m)]
    breaks = [(m.end(), CLAUSE_PAUSE_SECONDS) for m in _CLAUSE_END.finditer(text)]
    return sorted(dict([*breaks, *sentences]).items())


def _ends_sentence(text: str, mark: re.Match[str]) -> bool:
    if text[mark.start()] != "." or mark.end() == len(text):
        return True
    before = text[: mark.start()].rsplit(maxsplit=1)
    word = before[-1].lstrip("([\"'«“¿¡").lower() if before else ""
    if word in _ABBREVIATIONS or len(word) == 1:
        return False
    # "a.m. and": a point before a small letter goes on.
    return not text[mark.end()].islower()


def _short_clauses(text: str, limits: Limits) -> Iterator[Piece]:
    for number, clause in enumerate(clauses(text)):
        head = _cut_at_spaces(clause.text, limits.first_most)[:1] if number == 0 else []
        tail = clause.text[len(head[0]) :] if head else clause.text
        parts = [*head, *(_cut_at_spaces(tail, limits.most) if tail else [])]
        yield from (Piece(part, 0.0) for part in parts[:-1])
        yield Piece(parts[-1], clause.pause_seconds)


def _cut_at_spaces(text: str, most: int) -> list[str]:
    parts = []
    while len(text) > most:
        spaces = [space.end() for space in _SPACE.finditer(text, 0, most) if space.end() <= most]
        # Not so early that the rest of the text is cut once more for it.
        late = [space for space in spaces if space >= most // 2] or spaces[-1:]
        cut = max(late, key=lambda space: (_parts_phrases(text, space), space), default=most)
        parts.append(text[:cut])
        text = text[cut:]
    return [*parts, text]


def _parts_phrases(text: str, space: int) -> int:
    """How well a voice can draw breath at `space`: 2 where a phrase begins, 0 after a word that leans on the next."""
    before, after = text[max(space - 20, 0) : space].split()[-1:], text[space : space + 20].split()[:1]
    if before and before[0].lower() in _LEANING:
        return 0
    return 2 if after and after[0].lower() in _LEANING else 1


class Framer:
    """Cuts a run of audio of any block sizes into chunks of whole samples, at most MAX_CHUNK_BYTES each.

    Nothing is held back to fill a chunk up; only half a sample waits for its other half.
    """

    def __init__(self) -> None:
        self._rest = b""
        self.sent_bytes = 0
        """Bytes of all chunks so far."""

    def push(self, audio: bytes) -> list[bytes]:
        """The chunks that `audio` completes."""
        audio = self._rest + audio
        whole = len(audio) - len(audio) % BYTES_PER_SAMPLE
        self._rest = audio[whole:]
        self.sent_bytes += whole
        return [audio[at : min(at + MAX_CHUNK_BYTES, whole)] for at in range(0, whole, MAX_CHUNK_BYTES)]
