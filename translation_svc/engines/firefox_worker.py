"""The Firefox engine as a program of its own: a sentence in, its translation out, null characters between.

A program and not a thread: the engine holds the interpreter's lock while it works (30 ms a sentence, seconds for some
input), which would stop the service's event loop; it may panic; and only a process can be ended when it hangs.

Run as a script with a model's folder as argument. It ends with its standard input, and so with the service, however
that ends. It imports nothing of the service: it starts in a tenth of a second.
"""

import os
import sys
from pathlib import Path

from fxtranslate import Translator

FLUSH = b"\0"


def load(folder: Path) -> Translator:
    """The engine on a model's files, named as Mozilla names them. Vocabularies are one file, or one for each side."""
    shortlist = next(folder.glob("lex.*.bin"), None)
    return Translator(
        model=_only(folder, "model.*.bin"),
        src_vocab=_only(folder, "srcvocab.*.spm", "vocab.*.spm"),
        trg_vocab=_only(folder, "trgvocab.*.spm", "vocab.*.spm"),
        shortlist=shortlist.read_bytes() if shortlist else None,
    )


def _only(folder: Path, *patterns: str) -> bytes:
    for pattern in patterns:
        for path in folder.glob(pattern):
            return path.read_bytes()
    raise FileNotFoundError(f"no {patterns[-1]} in {folder}")


def main() -> None:
    translator = load(Path(sys.argv[1]))
    waiting = b""
    # os.read: what is there, at once; a buffered read would wait for a full buffer.
    while chunk := os.read(sys.stdin.fileno(), 65536):
        *sentences, waiting = (waiting + chunk).split(FLUSH)
        for sentence in sentences:
            answer = translator.translate(sentence.decode())
            sys.stdout.buffer.write(answer.replace("\0", " ").encode() + FLUSH)
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
