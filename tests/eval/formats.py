"""Logs in the formats of the field's own tools, so that others can score what came out.

For each performance and language a folder:
`instances.log` and `config.yaml` as SimulEval writes them for speech to text, an instance for each piece of the
recording; times in milliseconds from the start of the piece. `hypothesis.jsonl`, `segmentation.json` and
`references.txt` as OmniSTEval's `longform` reads them: the recording as one instance. Both only for languages with
references.

A caption may be replaced, which neither format knows: a word counts from the moment from which it stayed. Words go out
in order, so one that stayed early waits for those before it. `delays` is how much of the source had been played then,
`elapsed` the time that had passed; played at the speed of speech they differ only after the source's end.
"""

import json
import re
from itertools import accumulate
from pathlib import Path

from tests.eval.measures import Emission, by_piece, settled
from tests.eval.records import Performance, Piece, Track


def write(performance: Performance, folder: Path) -> list[Path]:
    """The folders written, one for each language with references."""
    written = []
    for language, track in performance.tracks.items():
        if not performance.reference(language):
            continue
        here = folder / re.sub(r"\W+", "-", f"{performance.name} {performance.recording} {language}").strip("-")
        here.mkdir(parents=True, exist_ok=True)
        (here / "config.yaml").write_text("source_type: speech\ntarget_type: text\n")
        (here / "instances.log").write_text(_lines(simuleval(performance, track)), "utf-8")
        (here / "hypothesis.jsonl").write_text(_lines([long_form(performance, track)]), "utf-8")
        (here / "segmentation.json").write_text(json.dumps(segmentation(performance), indent=1))
        references = [" ".join(piece.references[language].split()) for piece in performance.pieces]
        (here / "references.txt").write_text("\n".join(references) + "\n", "utf-8")
        written.append(here)
    return written


def simuleval(performance: Performance, track: Track) -> list[dict[str, object]]:
    """An instance for each piece."""
    emissions = by_piece(performance, track)
    return [
        {"index": index, **_instance(performance, piece, piece.references.get(track.language, ""), emission)}
        for index, (piece, emission) in enumerate(zip(performance.pieces, emissions, strict=True))
    ]


def long_form(performance: Performance, track: Track) -> dict[str, object]:
    """The whole recording as one instance."""
    found = settled(track.captions)
    words = [word for final, _ in found for word in final.text.split()]
    times = [time for _, each in found for time in each]
    whole = Piece(0.0, performance.length, performance.transcript)
    return {"index": 0, **_instance(performance, whole, performance.reference(track.language), Emission(words, times))}


def segmentation(performance: Performance) -> list[dict[str, object]]:
    """Where the pieces lie in the recording, seconds."""
    wav = _wav(performance)
    return [{"wav": wav, "offset": piece.start, "duration": piece.length} for piece in performance.pieces]


def _instance(performance: Performance, piece: Piece, reference: str, emission: Emission) -> dict[str, object]:
    elapsed = [round(max(time - piece.start, 0.0) * 1000, 1) for time in accumulate(emission.times, max)]
    length = round(piece.length * 1000, 1)
    return {
        "prediction": " ".join(emission.words),
        "delays": [min(time, length) for time in elapsed],
        "elapsed": elapsed,
        "prediction_length": len(emission.words),
        "reference": reference,
        "source": [_wav(performance), f"samplerate: 16000 Hz, offset: {piece.start:.3f} s"],
        "source_length": length,
    }


def _wav(performance: Performance) -> str:
    return re.sub(r"\W+", "-", performance.recording).strip("-") + ".wav"


def _lines(records: list[dict[str, object]]) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
