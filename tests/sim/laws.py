"""Laws of tempo to compare the one in use with."""

from transcription_svc.domain.pacing import MAX_STEP, MAX_TEMPO, Outlook


def unpaced(outlook: Outlook) -> float:
    """Always 1.0."""
    return 1.0


def by_queue(outlook: Outlook) -> float:
    """Grows linearly from 1 s to 6 s of audio that was made: the first law."""
    wanted = min(max(1.0 + 0.25 * (outlook.queued - 1.0) / 5.0, 1.0), MAX_TEMPO)
    return min(max(wanted, outlook.tempo - MAX_STEP), outlook.tempo + MAX_STEP)
