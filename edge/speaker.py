"""The speaker's socket: what may come in, in which order, and what each action does to the broadcast."""

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from chassis.errors import Invalid
from chassis.telemetry import Attribute
from edge.broadcast import Broadcast
from edge.domain.admission import AUDIO_MAX_BYTES, AUDIO_MIN_BYTES, RateWindow, Reorder, audio_flaw
from edge.domain.limits import TokenBucket, Verdict
from edge.gate import too_fast
from edge.protocol import client, server
from edge.protocol.errors import Close
from edge.protocol.wire import notice_message
from edge.resample import Resampler
from edge.socket import Socket, now_ms
from edge.upstream import audio_dropped

_FLAWS = {
    "AUDIO_CHUNK_TOO_LARGE": f"an audio chunk has at most {AUDIO_MAX_BYTES} bytes",
    "AUDIO_CHUNK_TOO_SMALL": f"an audio chunk has at least {AUDIO_MIN_BYTES} bytes",
    "INVALID_AUDIO_FORMAT": "16-bit samples make an even number of bytes",
}


GLOSSARIES_A_SECOND: Final = 0.5
GLOSSARIES_AT_ONCE: Final = 5
"""Each may be 500 terms, which every service behind reads."""


@dataclass(frozen=True, slots=True)
class _Arrived:
    audio: bytes
    received_at: float


class SpeakerActions:
    """What a speaker may do. One for each socket; the broadcast is what stays when sockets change."""

    def __init__(
        self, socket: Socket, broadcast: Broadcast, *, sample_rate: int, ack: bool, rate_window: RateWindow
    ) -> None:
        self._socket = socket
        self._broadcast = broadcast
        self._ack = ack
        self._rate = rate_window
        self._order: Reorder[_Arrived] = Reorder()
        self._numbered = False  # No chunk has had a number yet: nothing can be out of order.
        self._timer: asyncio.TimerHandle | None = None
        self._resampler = Resampler(sample_rate)
        self._glossaries = TokenBucket(GLOSSARIES_A_SECOND, GLOSSARIES_AT_ONCE)

    async def receive_audio(self, audio: bytes, seq: int | None = None, chunk_id: str | None = None) -> None:
        if not self._admit(audio, seq, chunk_id):
            # A socket whose buffer is never empty would let no other have its turn.
            await asyncio.sleep(0)

    async def receive(self, request: client.ClientMessage) -> None:  # noqa: C901 - a table
        match request:
            case client.SendAudio():
                await self.receive_audio(request.audio_data, request.seq, request.chunk_id)
            case client.PauseBroadcast():
                self._move("paused", paused=True)
            case client.ResumeBroadcast():
                self._move("resumed", paused=False)
            case client.MuteBroadcast():
                self._move("muted", muted=True)
            case client.UnmuteBroadcast():
                self._move("unmuted", muted=False)
            case client.SetVolume():
                self._move("volume", volume=request.volume_level)
            case client.SpeakerStateChange():
                wanted = request.state
                self._move("state", paused=wanted.is_paused, muted=wanted.is_muted, volume=wanted.volume)
            case client.ControlSession():
                self._control(request.command)
            case client.GetSessionStatus():
                await self._broadcast.push_status("requested")
            case client.EndSession():
                self._end(request.reason)
            case client.SetGlossary():
                self._set_glossary(request)
            case _:
                raise Invalid("INVALID_ACTION", "there is no such action")

    def finish(self) -> None:
        """The socket is gone: what waited for a missing chunk goes on without it."""
        if self._timer is not None:
            self._timer.cancel()
        self._forward(self._order.finish())

    def _move(
        self, action: str, *, paused: bool | None = None, muted: bool | None = None, volume: float | None = None
    ) -> None:
        # What was sent before the switch was said before it.
        self._forward(self._order.finish())
        notice = self._broadcast.move(action, paused=paused, muted=muted, volume=volume)
        self._socket.tell(notice_message(self._socket.session_id, notice))

    def _control(self, command: str) -> None:
        match command:
            case "pause":
                self._move("paused", paused=True)
            case "resume":
                self._move("resumed", paused=False)
            case "mute":
                self._move("muted", muted=True)
            case "unmute":
                self._move("unmuted", muted=False)
            case _:
                self._end(None)

    def _set_glossary(self, request: client.SetGlossary) -> None:
        if wait := self._glossaries.take(asyncio.get_running_loop().time()):
            raise too_fast("too many glossaries; try again in a moment", wait)
        accepted = client.glossary_of(request.terms)
        self._broadcast.set_glossary(accepted)
        self._socket.tell(server.GlossaryAccepted(version=accepted.version, terms=len(accepted.terms)))

    def _end(self, reason: str | None) -> None:
        self._forward(self._order.finish())
        self._broadcast.end(reason or "speaker")
        self._socket.tell(server.SessionEnded(session_id=self._socket.session_id, reason=reason or "speaker"))
        self._socket.close(Close.NORMAL, "ended by the speaker")

    def _admit(self, audio: bytes, seq: int | None, chunk_id: str | None) -> bool:
        """One chunk. False: it came too fast, and is dropped."""
        now = asyncio.get_running_loop().time()
        # Chunks with flaws count: who sends fifty of them a second has had its share.
        verdict = self._rate.take(now)
        if verdict is not Verdict.ADMIT:
            self._too_fast(verdict)
            return False
        flaw = audio_flaw(len(audio))
        if flaw is not None:
            raise Invalid(flaw, _FLAWS[flaw])
        if seq is None and not self._numbered:
            self._pass_on(audio, time.time())
        else:
            self._put_in_order(audio, seq, now)
        if self._ack:
            self._socket.tell(server.AudioReceived(timestamp=now_ms(), seq=seq, chunk_id=chunk_id))
        return True

    def _put_in_order(self, audio: bytes, seq: int | None, now: float) -> None:
        self._numbered = True
        late = self._order.dropped
        self._forward(self._order.receive(seq, _Arrived(audio, time.time()), now))
        if self._order.dropped > late:
            audio_dropped.add(self._order.dropped - late, {Attribute.REASON: "late"})
        self._arm()

    def _too_fast(self, verdict: Verdict) -> None:
        audio_dropped.add(1, {Attribute.REASON: "rate"})
        if verdict is Verdict.WARN:
            sentence = "too many audio chunks a second; those beyond the limit are dropped"
            self._socket.tell(server.RateLimitWarning(code="RATE_LIMIT_EXCEEDED", message=sentence))
        elif verdict is Verdict.CLOSE and not self._socket.closing:
            self._socket.refuse(too_fast("too many audio chunks a second, for too long", 1.0))
            self._broadcast.end("rate_limited")
            self._socket.close(Close.RATE_LIMITED, "rate limited")

    def _forward(self, ready: list[_Arrived]) -> None:
        for arrived in ready:
            self._pass_on(arrived.audio, arrived.received_at)

    def _pass_on(self, audio: bytes, received_at: float) -> None:
        resampled = self._resampler.process(audio)
        if resampled:
            self._broadcast.receive(resampled, received_at, self._socket)

    def _arm(self) -> None:
        due = self._order.deadline()
        if due is not None and self._timer is None:
            self._timer = asyncio.get_running_loop().call_at(due, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._forward(self._order.tick(asyncio.get_running_loop().time()))
        self._arm()
