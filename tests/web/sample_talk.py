"""Makes the sample talk of the speaker page: `python -m tests.web.sample_talk`, with the local engines' models fetched.

The words are ours, the voice is the project's own, as listeners hear it. It writes edge/web/audio/sample.mp3, which is
committed: a browser without a microphone speaks it, so it must be there without any engine.
"""

import asyncio
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np

from chassis.pcm import SAMPLE_RATE, byte_count, seconds
from chassis.system import ROOT
from synthesis_svc.config import Config
from synthesis_svc.domain.prosody import Delivery
from synthesis_svc.domain.voices import PREMIUM
from synthesis_svc.engines import Order
from synthesis_svc.engines.local import open_engine

FILE: Final = ROOT / "edge" / "web" / "audio" / "sample.mp3"
VOICE: Final = "kokoro/af_heart"
MP3_BITS_A_SECOND: Final = 32_000

# A welcome for a congregation, a class, a town meeting: sentences short and long, figures, a name, a question.
PARAGRAPHS: Final = (
    "Good morning, everyone, and welcome. It is good to see so many of you here today.",
    "Some of you have come from across the street, and some from the other side of the world. Last week I counted the "
    "languages that we speak at home, and there were twenty-three of them in this one room.",
    "Until now, many of our friends sat at the back and hoped that somebody next to them would whisper a few words.",
    "Today we are trying something new. Take out your phone, choose your own language, and listen. There is nothing to "
    "install and nothing to pay.",
    "My grandmother Elena never learned the language of the country she moved to. She smiled a lot, but she missed the "
    "stories. What would she have given to hear them?",
    "So this is for everyone who has ever smiled without understanding. You belong here. Let us begin.",
)
PAUSE_SECONDS: Final = 0.7


async def spoken() -> bytes:
    """The talk, PCM s16le mono at SAMPLE_RATE."""
    async with open_engine(Config()) as local:
        voice = next(each for each in local.voices if each.name == VOICE)
        pause = bytes(byte_count(PAUSE_SECONDS))
        parts: list[bytes] = []
        for paragraph in PARAGRAPHS:
            order = Order(paragraph, voice.language, voice, Delivery(), PREMIUM, pinned=True)
            async with local.speak(order) as speech:
                parts.append(b"".join([block async for block in speech.audio]))
        return pause.join(parts) + pause


def write_mp3(path: Path, audio: bytes) -> None:
    """Mono at SAMPLE_RATE, without tags."""
    with av.open(str(path), "w", format="mp3", options={"id3v2_version": "0"}) as container:
        stream = container.add_stream("libmp3lame", rate=SAMPLE_RATE)
        stream.bit_rate = MP3_BITS_A_SECOND
        stream.codec_context.layout, stream.codec_context.format = "mono", "s16p"
        frame = av.AudioFrame.from_ndarray(np.frombuffer(audio, "<i2")[np.newaxis], format="s16p", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, 0, Fraction(1, SAMPLE_RATE)
        # The encoder takes frames of its own size only.
        fifo = av.AudioFifo()
        fifo.write(frame)
        while (block := fifo.read(stream.codec_context.frame_size or 576, partial=True)) is not None:
            container.mux(stream.encode(block))
        container.mux(stream.encode(None))


def main() -> None:
    """Writes the file and says how long and how large it is."""
    audio = asyncio.run(spoken())
    write_mp3(FILE, audio)
    print(f"{FILE.relative_to(ROOT)}: {seconds(audio):.1f} s, {FILE.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
