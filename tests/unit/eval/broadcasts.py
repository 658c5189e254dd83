"""Small broadcasts whose measures can be computed by hand."""

from tests.eval.records import Performance, Piece, Shown, TimedWord, Track, Usage, Voiced


def shown(segment_id: int, text: str, at: float, *, final: bool = False, start: float = 0.0, end: float = 0.0) -> Shown:
    return Shown(segment_id, text, final, at, start, end)


def voiced(segment_id: int, plays_at: float, length: float = 1.0, tempo: float = 1.0) -> Voiced:
    return Voiced(segment_id, tempo, plays_at, plays_at, length, True, 0.0, 0.0)


def words(*ends: tuple[str, float]) -> list[TimedWord]:
    """Each half a second long, heard as soon as played."""
    return [TimedWord(text, end - 0.5, end, end) for text, end in ends]


def performance(
    source: list[Shown],
    tracks: dict[str, Track],
    said: list[TimedWord],
    *,
    pieces: list[Piece] | None = None,
    usage: list[Usage] | None = None,
    length: float = 10.0,
) -> Performance:
    whole = [Piece(0.0, length, " ".join(word.text for word in said))]
    return Performance(
        name="one language",
        recording="talk",
        language="en",
        length=length,
        final_only=False,
        pieces=whole if pieces is None else pieces,
        words=said,
        source=Track("en", source),
        tracks=tracks,
        usage=usage or [],
    )


def two_segments() -> Performance:
    """ "Good morning everyone." said at 1, 2, 3 s and "Let us begin." at 4, 5, 6 s, into Spanish."""
    source = [
        shown(1, "Good", 1.4),
        shown(1, "Good mourning", 2.5),
        shown(1, "Good morning everyone.", 4.0, final=True, start=0.5, end=2.9),
        shown(2, "Let us", 5.8, start=3.5, end=5.0),
        shown(2, "Let us begin.", 7.0, final=True, start=3.5, end=6.1),
    ]
    spanish = Track(
        "es",
        [
            shown(1, "Buenos", 3.0, start=0.5, end=2.0),
            shown(1, "Buenos días a todos.", 4.5, final=True, start=0.5, end=2.9),
            shown(2, "Empecemos.", 7.25, final=True, start=3.5, end=6.1),
        ],
        [voiced(1, 5.0, 1.5, 1.0), voiced(2, 8.5, 1.0, 1.17)],
    )
    said = words(("good", 1.0), ("morning", 2.0), ("everyone", 3.0), ("let", 4.0), ("us", 5.0), ("begin", 6.0))
    pieces = [
        Piece(0.0, 3.25, "Good morning everyone.", {"es": "Buenos días a todos."}),
        Piece(3.25, 6.75, "Let us begin.", {"es": "Vamos a empezar ya."}),
    ]
    return performance(source, {"es": spanish}, said, pieces=pieces)
