"""One speaker's recognition, decided: when to decode which audio, and what to believe of the transcripts. Pure.

Time is audio time, in seconds from the stream's first sample, so that a recording fed fast is recognised as the same
one fed live; when the recogniser falls behind, the audio that waits is decoded at one go and the partials between are
skipped. The shell loops: `hear` windows of the voice detector, perform the decode that is `due`, `receive` its words.

- While speech goes on, a quick decode every half second, or as often as its cost allows; agreement of two makes words
  stable, and so does time: who waits for a word is not kept waiting by two transcripts in turn.
- The audio of stable words is left behind, but for the last: every token and every second that is decoded costs.
  What they said goes along as context, which is cheap.
- Where the voice pauses, one thorough decode at once, whose words are stable: of 50 none was wrong, and its full stops
  are better than those found later from half a sentence. If it stays quiet until the end-point they are already the
  final. A pause costs one decode, not one every half second.
- A transcript that accounts for less than was voiced left something out. It counts for nothing, and the next decode
  looks harder; what that one leaves out too was no speech.
- An utterance that grows long is closed at the end of a stable sentence, or at its best pause, and the words after it
  begin the next: no audio is decoded twice into both, and the decode never grows beyond the recogniser's window.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from transcription_svc.domain.agreement import AGREEING, Agreement
from transcription_svc.domain.endpoint import Endpointer, Speech, Window
from transcription_svc.domain.hypothesis import Hypothesis, Word
from transcription_svc.domain.invention import plausible

UPDATE: Final = 0.5
PAUSE: Final = 0.3
# Of one processor, that quick decodes may take: the next starts so long after the last that its cost is this share.
SHARE: Final = 0.35
# But no later than this, however slow the machine.
RAREST: Final = 2.0
# Stable words whose audio is heard again, so that the recogniser finds its place. With none it lost whole sentences
# (word error rate 0.68 on one talk); with one, full stops were lost that two keep.
KEPT: Final = 2
# Audio that a quick decode must have heard for its words to count. Of less, the recogniser makes the same wrong
# sentence twice ("Why do you are" for "What your country": word error rate 0.18 on one speech, 0.00 with this). Not to
# count the words at the very end instead gained nothing and cost 0.06 s.
LEAST_HEARD: Final = 1.0
# Audio worth dropping: fewer cuts, fewer errors at them.
WORTH: Final = 1.0
# How wrong the times of words are, for finding the quietest moment between two.
BLUR: Final = 0.05
# Audio after the voice that goes along with it: Whisper ends sentences better for it.
TAIL: Final = 0.3
# From here on an utterance is closed at a sentence's end; from LONG on at any stable word. LONGEST is what a decode may
# hear: where no words become stable for so long, some are made so.
SENTENCE: Final = 6.0
LONG: Final = 15.0
LONGEST: Final = 15.0
# Between sentences, not after "Mr.".
BREATH: Final = 0.2
# Words that ended so long ago are decided without agreement, by the newest transcript: somebody waits for them. Or so
# many steps ago, where quick decodes come rarely.
DOUBT: Final = 2.5
DOUBT_STEPS: Final = 2.5
CONTEXT_WORDS: Final = 24
# Nobody voices one word for so long, nor so long between two: the transcript has left out what was said there.
SWALLOWED: Final = 1.4
_SENTENCE_END: Final = (".", "?", "!", "…")
_CLAUSE_END: Final = (",", ";", ":")
_EPSILON: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Decode:
    """Audio to transcribe, `start` to `end` in seconds.

    `prefix`: how the transcript begins, already decided. `context`: what was said just before, in the same utterance or
    sentence.
    `thorough`: quality over cost. `again`: the transcript before this one left something out; look harder.
    """

    start: float
    end: float
    prefix: str = ""
    context: str = ""
    thorough: bool = False
    again: bool = False


class Dictation:
    """The state of one stream. `final_only`: no quick decodes, hypotheses only when final.

    `agreeing`: how many quick decodes in a row make a word stable.
    """

    def __init__(self, *, final_only: bool = False, agreeing: int = AGREEING) -> None:
        self._final_only = final_only
        self._agreeing = agreeing
        self._ear = Endpointer()
        self._speeches: deque[Speech] = deque()
        self._start = 0.0
        self._window = 0.0  # Where decodes begin: the words before are stable, and their audio is not heard again.
        self._passed = 0  # How many stable words those are.
        self._cost = 0.0  # Of the last decode, seconds.
        self._id = 1
        self._agreement = Agreement(agreeing)
        self._context = ""
        self._decoded = Decode(0.0, 0.0)
        self._shown: tuple[Word, ...] = ()
        self._said_until = 0.0
        self._doubted = False  # The last transcript left something out.

    @property
    def heard(self) -> float:
        """Seconds of audio heard so far."""
        return self._ear.heard

    @property
    def needed_from(self) -> float:
        """Audio before this is not asked for any more."""
        return self._window if self._speeches else max(0.0, self.heard - 1.0)

    def hear(self, windows: Iterable[Window]) -> list[Hypothesis]:
        """The next windows of the voice detector. May close the utterance whose words are known already."""
        for speech in self._ear.hear(windows):
            self._speeches.append(speech)
            if len(self._speeches) == 1:
                self._begin()
        return self._close() if self._speeches and self._is_settled() else []

    def finish(self) -> list[Hypothesis]:
        """No more audio: speech that goes on ends here. Decodes may still be due."""
        self._ear.finish()
        return self.hear(())

    def due(self) -> Decode | None:
        """What to decode now, if anything."""
        if not self._speeches:
            return None
        speech, quiet = self._speeches[0], self.heard - self._speeches[0].voiced_until
        end = min(self.heard, self._window + LONGEST + TAIL)
        if speech.ended or quiet >= PAUSE - _EPSILON:
            end = min(end, speech.voiced_until + TAIL)
            return None if self._covers(end) else self._decode(end, thorough=True)
        return self._decode(end, thorough=False) if self._quick_due(end, quiet) else None

    def receive(self, decode: Decode, tail: Sequence[Word], cost: float = 0.0) -> list[Hypothesis]:
        """The words that follow `decode.prefix`, timed from the stream's first sample. `cost`: seconds it took."""
        self._decoded, self._cost = decode, cost
        voiced_until = self._speeches[0].voiced_until
        stable = self._agreement.stable
        fresh = plausible([*stable, *self._in_order(tail, decode.end)], voiced_until)[len(stable) :]
        self._doubted = not decode.again and self._leaves_out(fresh, decode)
        if self._doubted:
            return []
        if decode.thorough:
            self._agreement.settle(fresh)
            if self._is_settled():
                return self._close()
        else:
            heard_enough = decode.end - decode.start >= LEAST_HEARD - _EPSILON
            overdue = decode.end - max(DOUBT, DOUBT_STEPS * self._step)
            self._agreement.receive(fresh, voting=len(fresh) if heard_enough else 0, overdue=overdue)
        finals = self._shorten(decode)
        self._slide()
        return [*finals, *self._show()]

    def _quick_due(self, end: float, quiet: float) -> bool:
        length = end - self._window
        if length >= LONGEST:
            return True
        # In a pause just begun: wait for what it becomes, rather than decode twice.
        waits = quiet > UPDATE / 4 or (self._final_only and length < LONG)
        return not waits and end - max(self._decoded.end, self._start + PAUSE) >= self._step - _EPSILON

    @property
    def _step(self) -> float:
        """Seconds from the audio of one quick decode to that of the next."""
        return min(max(UPDATE, self._cost / SHARE), RAREST)

    def _begin(self) -> None:
        self._start = self._window = max(self._speeches[0].start, self._said_until)
        self._passed = 0
        self._decoded = Decode(self._start, self._start)
        self._context = ""

    def _decode(self, end: float, *, thorough: bool) -> Decode:
        stable = [word.text for word in self._agreement.stable]
        context = " ".join([*self._context.split(), *stable[: self._passed]][-CONTEXT_WORDS:])
        return Decode(self._window, end, " ".join(stable[self._passed :]), context, thorough, self._doubted)

    def _slide(self) -> None:
        """Leaves the audio of stable words behind."""
        stable = self._agreement.stable
        passed = len(stable) - KEPT
        if passed <= self._passed:
            return
        last, following = stable[passed - 1], stable[passed]
        cut = self._ear.quietest(last.end - BLUR, following.start + BLUR)
        if cut - self._window >= WORTH:
            self._window, self._passed = cut, passed

    def _covers(self, end: float) -> bool:
        return self._decoded.thorough and not self._doubted and self._decoded.end >= end - _EPSILON

    def _is_settled(self) -> bool:
        """Whether the speech is over and its last decode was thorough and saw all of it."""
        speech = self._speeches[0]
        return speech.ended and self._covers(min(self.heard, speech.voiced_until + TAIL))

    def _leaves_out(self, words: Sequence[Word], decode: Decode) -> bool:
        """Whether more was voiced than these words, the first not yet stable, can have been."""
        stable = self._agreement.stable
        ends = [stable[-1].end if stable else self._start, *(word.end for word in words)]
        if decode.thorough:  # In the midst of speech the last words are still to come.
            ends.append(max(ends[-1], decode.end))
        return any(self._ear.voiced(before, end) > SWALLOWED for before, end in pairwise(ends))

    def _in_order(self, tail: Sequence[Word], end: float) -> list[Word]:
        """The words with times that never go back, neither over stable words nor over the utterance before."""
        stable = self._agreement.stable
        floor, words = stable[-1].end if stable else max(self._said_until, self._start), []
        for word in tail:
            start = max(word.start, floor)
            floor = max(min(word.end, max(end, start)), start)
            words.append(replace(word, start=start, end=floor))
        return words

    def _show(self) -> list[Hypothesis]:
        words = self._agreement.words
        if words == self._shown or self._final_only:
            return []
        self._shown = words
        return [Hypothesis(self._id, words, is_final=False)]

    def _close(self) -> list[Hypothesis]:
        """The utterance is over and so is its speech."""
        self._agreement.settle([word for word in self._agreement.words if not word.stable])
        finals = self._final(self._agreement)
        self._said_until = max(self._said_until, self._speeches.popleft().voiced_until)
        self._agreement = Agreement(self._agreeing)
        if self._speeches:
            self._begin()
        return finals

    def _final(self, agreement: Agreement) -> list[Hypothesis]:
        words, shown = agreement.words, self._shown
        self._shown = ()
        if not words and not shown:
            return []
        self._id += 1
        self._said_until = words[-1].end if words else self._said_until
        return [Hypothesis(self._id - 1, words, is_final=True)]

    def _shorten(self, decode: Decode) -> list[Hypothesis]:
        """Closes the utterance at a good place while its speech goes on, if it is time to."""
        length = decode.end - self._start
        count = self._cut(length)
        if count == 0:
            return self._skip(decode) if decode.end - self._window >= LONGEST else []
        words = self._agreement.words
        last, after = words[count - 1], words[count].start if count < len(words) else decode.end
        begin = max(self._window, self._ear.quietest(last.end, max(after, last.end)))
        if decode.end - self._window >= LONGEST and begin - self._window < UPDATE:
            return self._skip(decode)
        rest = self._agreement.split(count)
        finals, self._start, self._window, self._passed = self._final(self._agreement), begin, begin, 0
        in_sentence = not last.text.endswith(_SENTENCE_END)
        self._context = " ".join(word.text for word in words[max(0, count - CONTEXT_WORDS) : count]) * in_sentence
        self._agreement = rest
        return finals

    def _skip(self, decode: Decode) -> list[Hypothesis]:
        """A full window that brings no word to keep, such as music: closes with those before, goes on after it."""
        known = Agreement()
        known.settle(self._agreement.stable)
        finals = self._final(known)
        self._agreement, self._start, self._context = Agreement(self._agreeing), decode.end, ""
        self._window, self._passed = decode.end, 0
        return finals

    def _cut(self, length: float) -> int:
        """How many of the stable words to close with; 0 for not now. Never fewer than were shown as stable."""
        stable, words = self._agreement.stable, self._agreement.words
        counts = range(max(1, self._passed, sum(word.stable for word in self._shown)), len(stable) + 1)
        if length < SENTENCE or not counts:
            return 0

        def breath(count: int) -> float:
            return words[count].start - words[count - 1].end if count < len(words) else 0.0

        def merit(count: int) -> float:
            """The later, the shorter the next utterance; a clause's end and a pause are worth some seconds of that."""
            word = words[count - 1]
            return (word.end - self._start) / 3 + 2.0 * word.text.endswith(_CLAUSE_END) + 4.0 * breath(count)

        ends = [n for n in counts if words[n - 1].text.endswith(_SENTENCE_END) and breath(n) >= BREATH]
        if ends:
            return ends[-1]
        return max(counts, key=merit) if length >= LONG else 0
