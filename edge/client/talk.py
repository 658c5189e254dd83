"""Plays one recorded talk into a running system, with a listener for each language, and keeps what they heard."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from edge.client.listener import AudioFormat, Listener
from edge.client.messages import (
    AudioDropped,
    Caption,
    CueStart,
    Disconnected,
    ErrorEvent,
    Event,
    LanguageUnavailable,
    QualityWarning,
    Reconnected,
    SourceCaption,
    TranscriptionError,
)
from edge.client.pacing import BYTES_PER_SAMPLE, SAMPLE_RATE, pace
from edge.client.report import Heard, Report, SendLog, measure
from edge.client.screen import SOURCE, Screen
from edge.client.speaker import Speaker, TokenSource

BYTES_PER_SECOND = BYTES_PER_SAMPLE * SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Seconds around a talk: of silence after it (a microphone would go on, and the last words need their pause to be
    known as the last), without news before it counts as over, and the longest that this is waited for."""

    silence: float = 2.0
    quiet: float = 5.0
    settle: float = 120.0


@dataclass(slots=True)
class Talk:
    """One broadcast: what was sent, what the speaker was told (`source`), what each listener heard."""

    source: Heard
    listeners: dict[str, Heard]
    log: SendLog = field(default_factory=SendLog)
    session_id: str = ""
    last_event_at: float = 0.0

    def report(self) -> Report:
        """The lags and counts so far."""
        return measure(self.log, self.source, self.listeners)

    def tracks(self) -> dict[str, bytes]:
        """By language, what was heard from the talk's first sample on, as PCM s16le mono at 16 kHz."""
        if not self.log.seconds:
            return dict.fromkeys(self.listeners, b"")
        return {language: heard.playback.render(self.log.began) for language, heard in self.listeners.items()}


def silent_talk(source: str, languages: Sequence[str]) -> Talk:
    """A talk of which nothing has been heard yet."""
    return Talk(Heard(source), {language: Heard(language) for language in languages})


async def perform(
    talk: Talk,
    url: str,
    token: TokenSource,
    pcm: bytes,
    screen: Screen,
    *,
    quality_tier: str = "standard",
    partial_results: bool | None = None,
    audio_format: AudioFormat = "pcm",
    rhythm: Rhythm | None = None,
) -> None:
    """Plays `pcm` (s16le mono 16 kHz) at real-time speed; returns when all of it has been heard and the session ended.

    `talk` is filled as it goes, so that an interrupted performance keeps what was heard. Raises ClientError.
    """
    loop, rhythm = asyncio.get_running_loop(), rhythm or Rhythm()
    async with AsyncExitStack() as stack:
        speaker = await stack.enter_async_context(
            Speaker.open(
                url,
                token,
                source_language=talk.source.language,
                quality_tier=quality_tier,
                partial_results=partial_results,
            )
        )
        talk.session_id = speaker.session_id
        screen.note(f"listen: {speaker.join_url}")
        listeners = [
            await stack.enter_async_context(Listener.open(url, speaker.session_id, language, audio_format=audio_format))
            for language in talk.listeners
        ]
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_hear(talk, talk.source, SOURCE, speaker, screen))
                for listener, (language, heard) in zip(listeners, talk.listeners.items(), strict=True):
                    tasks.create_task(_hear(talk, heard, language, listener, screen))
                ticking = tasks.create_task(_tick(talk, len(pcm) / BYTES_PER_SECOND, screen))
                async for chunk in pace(pcm):
                    talk.log.sent(chunk, loop.time())
                    await speaker.send(chunk)
                async for chunk in pace(bytes(round(rhythm.silence * SAMPLE_RATE) * BYTES_PER_SAMPLE)):
                    await speaker.send(chunk)
                await _settled(talk, rhythm)
                await speaker.end()
                ticking.cancel()
        except BaseExceptionGroup as group:
            # When the session fails, everybody's failure is the same one.
            raise group.exceptions[0] from None


async def _hear(talk: Talk, heard: Heard, channel: str, events: AsyncIterator[Event], screen: Screen) -> None:
    loop = asyncio.get_running_loop()
    async for event in events:
        now = loop.time()
        before = len(heard.playback.cues)
        heard.receive(event, now)
        match event:
            case Caption() | SourceCaption():
                talk.last_event_at = now
                screen.caption(channel, event)
            case CueStart():
                talk.last_event_at = now
            case AudioDropped(cues, seconds):
                screen.note(f"{channel}: {cues} cues ({seconds:.1f} s) dropped")
            case _:
                if text := _notice(event):
                    screen.note(f"{channel or 'speaker'}: {text}")
        if len(heard.playback.cues) > before and talk.log.seconds:
            cue = heard.playback.cues[-1]
            screen.voice(channel, cue.plays_at - talk.log.spoken_at(cue.end_ms / 1000), True)


def _notice(event: Event) -> str:
    """What a person should know of an event; empty for most."""
    match event:
        case Disconnected():
            return "connection lost, trying again"
        case Reconnected():
            return "connected again"
        case ErrorEvent(code, _, message) | TranscriptionError(code, message):
            return f"{code} {message}"
        case LanguageUnavailable(language, reason):
            return f"{language} fails at present ({reason})"
        case QualityWarning(issue, _, _, advice):
            return f"{issue}: {advice}"
    return ""


async def _tick(talk: Talk, total: float, screen: Screen) -> None:
    loop = asyncio.get_running_loop()
    while True:
        for language, heard in talk.listeners.items():
            screen.voice(language, None, heard.playback.queued(loop.time()) > 0)
        screen.tick(min(talk.log.seconds, total), total)
        await asyncio.sleep(0.125)


async def _settled(talk: Talk, rhythm: Rhythm) -> None:
    """Waits until nothing new has come for a while and what came has been played."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while (now := loop.time()) < began + rhythm.settle:
        playing = max((heard.playback.queued(now) for heard in talk.listeners.values()), default=0.0)
        lacking = max(playing, max(talk.last_event_at, began) + rhythm.quiet - now)
        if lacking <= 0:
            return
        await asyncio.sleep(lacking)
