"""What a page's <audio> element plays, as samples: recorded in the page from the very stream that is heard.

Chromium hands out nothing while a stream has nothing to play, so silence is told from the blocks' times alone. These
are of the wall clock, and a busy machine is late; what it catches up with later was no silence.
"""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from playwright.async_api import Page

from tests.browser.waiting import until

Samples = npt.NDArray[np.float32]

AUDIBLE = 10 ** (-50 / 20)
"""Root mean square of 20 ms, of full scale, above which something is heard."""

_RECORD = """async ([selector]) => {
  const stream = () => {
    const element = document.querySelector(selector);
    if (!element) return undefined;
    if (element.srcObject) return element.srcObject;
    return element.currentSrc && !element.paused ? element.captureStream() : undefined;
  };
  while (!stream()?.getAudioTracks().length) await new Promise((resolve) => setTimeout(resolve, 20));
  const [track] = stream().getAudioTracks();
  const { readable } = new MediaStreamTrackProcessor({ track: track.clone(), maxBufferSize: 6000 });
  const recording = { rate: 0, blocks: [] };
  window.__recordings = [...(window.__recordings ?? []), recording];
  const number = window.__recordings.length - 1;
  (async () => {
    for await (const data of readable) {
      const samples = new Float32Array(data.numberOfFrames);
      data.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
      recording.rate = data.sampleRate;
      recording.blocks.push({ at: data.timestamp, samples });
      data.close();
    }
  })();
  return number;
}"""

_TAKE = """(number) => {
  const recording = window.__recordings[number];
  const blocks = recording.blocks.splice(0);
  const all = new Int16Array(blocks.reduce((sum, block) => sum + block.samples.length, 0));
  let at = 0;
  for (const { samples } of blocks) {
    for (const sample of samples) all[at++] = Math.max(-32768, Math.min(32767, Math.round(sample * 32768)));
  }
  const bytes = new Uint8Array(all.buffer);
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return { rate: recording.rate, stamps: blocks.map(({ at, samples }) => [at, samples.length]), pcm: btoa(text) };
}"""

RECOGNISED = 0.8
"""Likeness from which on a piece of sound is surely where it was found."""


@dataclass
class Heard:
    """A recording that goes on until its page is closed."""

    page: Page
    number: int
    rate: int = 0
    samples: Samples = field(default_factory=lambda: np.zeros(0, np.float32))
    _blocks: list[tuple[float, Samples]] = field(default_factory=list)

    async def take(self) -> Samples:
        """All that was played so far, -1..1, at `rate` a second."""
        taken = await self.page.evaluate(_TAKE, self.number)
        self.rate = int(taken["rate"])
        fresh = np.frombuffer(base64.b64decode(taken["pcm"]), "<i2").astype(np.float32) / np.float32(32768)
        at = 0
        for stamp, length in taken["stamps"]:
            self._blocks.append((stamp / 1e6, fresh[at : at + length]))
            at += length
        self.samples = placed(self._blocks, self.rate)
        return self.samples

    async def until(self, met: Callable[["Heard"], object], seconds: float = 30.0) -> None:
        """Waits until what was played so far is `met`. Raises TimeoutError."""

        async def heard() -> object:
            await self.take()
            return met(self)

        await until(heard, "the sound that was waited for", seconds)

    def audible(self) -> npt.NDArray[np.bool_]:
        """For every 20 ms, whether something was heard."""
        return audible(self.samples, self.rate)

    @property
    def audible_seconds(self) -> float:
        """How long something was heard."""
        return float(np.count_nonzero(self.audible())) * 0.02

    def stretches(self, join_seconds: float = 0.2) -> list[tuple[float, float]]:
        """Where something was heard, from and to in seconds; pauses up to `join_seconds` are part of a stretch."""
        found: list[tuple[float, float]] = []
        for index in np.flatnonzero(self.audible()):
            start = float(index) * 0.02
            if found and start - found[-1][1] <= join_seconds + 1e-6:
                found[-1] = (found[-1][0], start + 0.02)
            else:
                found.append((start, start + 0.02))
        return found


async def hear(page: Page, selector: str = "audio") -> Heard:
    """Begins to record what the first element of `selector` plays, once it has something to play."""
    return Heard(page, await page.evaluate(_RECORD, [selector]))


def placed(blocks: Sequence[tuple[float, Samples]], rate: int) -> Samples:
    """Blocks of (seconds, samples) one after the other, with silence where the stream had none.

    A block is as late as its time is after the sum of all samples before it; a pause of the stream makes all later
    blocks late, a pause of the machine only some.
    """
    if not blocks:
        return np.zeros(0, np.float32)
    stamps = np.array([stamp for stamp, _ in blocks])
    lengths = np.array([samples.size for _, samples in blocks])
    late = stamps - stamps[0] - np.concatenate([[0], np.cumsum(lengths)[:-1]]) / rate
    for_good = np.minimum.accumulate(late[::-1])[::-1]
    parts: list[Samples] = []
    inserted = 0
    for (_, samples), seconds in zip(blocks, for_good, strict=True):
        silence = round(seconds * rate) - inserted
        # The two clocks are not quite equally fast.
        if silence > rate // 50:
            parts.append(np.zeros(silence, np.float32))
            inserted += silence
        parts.append(samples)
    return np.concatenate(parts)


def audible(samples: Samples, rate: int) -> npt.NDArray[np.bool_]:
    """For every whole 20 ms, whether something is heard."""
    width = rate // 50
    if not width:
        return np.zeros(0, np.bool_)
    blocks = samples[: samples.size // width * width].reshape(-1, width)
    return np.asarray(np.sqrt(np.mean(blocks.astype(np.float64) ** 2, axis=1)) > AUDIBLE)


@dataclass(frozen=True)
class Found:
    """Where a sound is in a recording. `starts`: of every piece of a quarter of a second that was recognised, seconds
    into the sound and seconds into the recording. `likeness`: of all pieces that are not silent, 1 the same, 0 nothing
    alike."""

    starts: list[tuple[float, float]]
    likeness: float

    @property
    def start(self) -> float:
        """Seconds into the recording at which the sound begins."""
        return self.starts[0][1] - self.starts[0][0]

    @property
    def longest_gap(self) -> float:
        """The longest stop within the sound, in seconds; below zero where something was left out."""
        late = [there - here for here, there in self.starts]
        steps = [after - before for before, after in pairwise(late)]
        return max(steps, key=abs, default=0.0)


def find(sound: Samples, recording: Samples, rate: int, gap_seconds: float = 1.0) -> Found | None:
    """Where `sound` is in `recording`, both at `rate`; None where its beginning is not. Its pieces may come up to
    `gap_seconds` later than the one before, or earlier."""
    width, slack = rate // 4, int(gap_seconds * rate)
    at = [
        start for start in range(0, sound.size - width + 1, width) if audible(sound[start : start + width], rate).any()
    ]
    if not at:
        return None
    first = sound[at[0] : at[0] + rate]
    place, likeness = _best(first, recording)
    if likeness < 0.5:
        return None
    starts, alike = [(at[0] / rate, place / rate)], [likeness]
    for here in at[1:]:
        expected = int((starts[-1][1] - starts[-1][0]) * rate) + here
        low = max(0, expected - slack)
        place, likeness = _best(sound[here : here + width], recording[low : expected + slack + width])
        alike.append(likeness)
        # The soft end of a word, after Opus, may be most alike to something else.
        if likeness >= RECOGNISED:
            starts.append((here / rate, (low + place) / rate))
    return Found(starts, float(np.mean(alike)))


def _best(piece: Samples, among: Samples) -> tuple[int, float]:
    """Where in `among` the piece is most alike, and how alike: the normalised correlation."""
    if among.size < piece.size:
        return 0, 0.0
    length = 1 << (among.size + piece.size - 1).bit_length()
    spectrum = np.fft.rfft(among, length) * np.conj(np.fft.rfft(piece, length))
    products = np.fft.irfft(spectrum, length)[: among.size - piece.size + 1]
    energy = np.concatenate([[0.0], np.cumsum(among.astype(np.float64) ** 2)])
    power = (energy[piece.size :] - energy[: -piece.size]) * float(np.sum(piece.astype(np.float64) ** 2))
    alike = products / np.sqrt(np.maximum(power, 1e-6))
    place = int(np.argmax(alike))
    return place, float(alike[place])
