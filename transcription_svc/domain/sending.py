"""How fast a stream is sent to an engine far away, and when its silence means that it is gone. Pure.

Such an engine says nothing of how much it has taken. So audio goes at most two seconds ahead of what it answered or,
where it has nothing to answer, in bursts of two seconds refilled at twice the speed of speech: enough to make up for a
delay, little enough to be lost. While nobody reads the answers, that ends after ten seconds.
"""

from typing import Final

AHEAD_SECONDS: Final = 2.0
# Of audio, while nobody reads the answers.
UNREAD_SECONDS: Final = 10.0
# Times the speed of speech.
CATCH_UP: Final = 2.0
# Partials come each 0.3 s and finals within two seconds: after so much without either, none will come.
OPEN_SECONDS: Final = 8.0
# Nothing heard in so much sound. Music and noise give no results either, and a wrong guess costs a new connection, so
# this is long. Connections that are lost are noticed otherwise; this is for a service that hangs between two sentences.
SOUND_SECONDS: Final = 75.0
_EPSILON: Final = 1e-6


class Sending:
    """One stream. `now` is monotonic seconds."""

    def __init__(self, now: float, open_seconds: float = OPEN_SECONDS, sound_seconds: float = SOUND_SECONDS) -> None:
        self._open_seconds = open_seconds
        self._sound_seconds = sound_seconds
        self._allowance = AHEAD_SECONDS
        self._refilled = now
        self._reading = False
        self._sent = 0.0
        self._answered_at = now
        self._answered_until = 0.0  # Seconds of the stream, as the last answer placed its end.
        # Since the last answer, seconds of audio.
        self._unanswered = 0.0
        self._unanswered_sound = 0.0

    def wait(self, seconds: float, now: float) -> float | None:
        """How long until `seconds` of audio may be sent: 0 for now, None for not before an answer is read."""
        self._refill(now)
        ahead = self._sent + seconds - self._answered_until
        if ahead <= AHEAD_SECONDS + _EPSILON or self._allowance >= seconds - _EPSILON:
            return 0.0
        return (seconds - self._allowance) / CATCH_UP if self._refills else None

    def sent(self, seconds: float, now: float, *, audible: bool) -> None:
        """So much audio went out."""
        self._refill(now)
        self._allowance = max(0.0, self._allowance - seconds)
        self._sent += seconds
        self._unanswered += seconds
        self._unanswered_sound += seconds * audible

    def answered(self, until: float, now: float) -> None:
        """An answer came. `until`: where its speech ends in the stream; 0 where it tells of none."""
        self._answered_at = now
        self._answered_until = max(self._answered_until, until)
        self._unanswered = self._unanswered_sound = 0.0

    def reads(self, now: float, *, waiting: bool) -> None:
        """Whether somebody waits for answers, from now on."""
        self._refill(now)
        if waiting and not self._reading:
            # What came while nobody waited is told to nobody yet: silence is counted from here.
            self._answered_at = now
        self._reading = waiting

    def is_stalled(self, now: float, *, has_open: bool) -> bool:
        """Whether answers are missing. `has_open`: something was told whose final is still to come."""
        for limit, unanswered, counts in (
            (self._open_seconds, self._unanswered, has_open),
            (self._sound_seconds, self._unanswered_sound, True),
        ):
            if counts and self._reading and unanswered > limit and now - self._answered_at > limit:
                return True
        return False

    @property
    def _refills(self) -> bool:
        return self._reading or self._unanswered < UNREAD_SECONDS - _EPSILON

    def _refill(self, now: float) -> None:
        if self._refills:
            self._allowance = min(AHEAD_SECONDS, self._allowance + CATCH_UP * (now - self._refilled))
        self._refilled = now
