"""Captions as they come, in a terminal: drawn in place, or plain lines of finals where there is no terminal."""

import sys
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from edge.client.messages import Caption, SourceCaption

SOURCE: Final = ""
"""The channel of the speaker's own words."""
KEPT: Final = 40
"""Segments a channel remembers; more than fit on any screen."""


@dataclass(slots=True)
class Channel:
    """What one language shows: its latest captions by segment, and how far behind its voice is (seconds)."""

    title: str
    segments: "OrderedDict[int, Caption | SourceCaption]" = field(default_factory=OrderedDict)
    lag: float | None = None
    speaking: bool = False

    def show(self, caption: Caption | SourceCaption) -> None:
        """A later caption of a segment takes the place of the earlier, where that stands."""
        self.segments[caption.segment_id] = caption
        if len(self.segments) > KEPT:
            self.segments.popitem(last=False)

    def text(self) -> Text:
        """All of it in one flow; what may still change is dim."""
        flow = Text()
        for caption in self.segments.values():
            stable = len(caption.text) if caption.is_final else caption.stable_chars
            flow.append(caption.text[:stable]).append(caption.text[stable:], style="dim italic").append(" ")
        return flow

    def heading(self) -> str:
        voice = "" if self.lag is None else f" · voice {self.lag:.1f} s behind"
        return f"{self.title}{voice}" + (" ♪" if self.speaking else "")


class Screen(Protocol):
    """Where a demo shows what it hears. `lag` in seconds; `elapsed` and `total` in seconds of the talk."""

    def caption(self, channel: str, caption: Caption | SourceCaption) -> None: ...
    def voice(self, channel: str, lag: float | None, speaking: bool) -> None: ...
    def note(self, text: str) -> None: ...
    def tick(self, elapsed: float, total: float) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_screen(source: str, languages: Sequence[str], console: Console) -> Screen:
    """Drawn in place on a terminal; lines elsewhere."""
    return LiveScreen(source, languages, console) if console.is_terminal else LineScreen(source)


class LiveScreen:
    """One panel a language, redrawn in place by `tick`, which the caller paces."""

    def __init__(self, source: str, languages: Sequence[str], console: Console) -> None:
        self._console = console
        self._channels = {SOURCE: Channel(f"{source} · speaker")}
        self._channels |= {language: Channel(language) for language in languages}
        self._note = ""
        self._live = Live(console=console, auto_refresh=False, transient=False, vertical_overflow="crop")

    def caption(self, channel: str, caption: Caption | SourceCaption) -> None:
        self._channels[channel].show(caption)

    def voice(self, channel: str, lag: float | None, speaking: bool) -> None:
        self._channels[channel].lag = self._channels[channel].lag if lag is None else lag
        self._channels[channel].speaking = speaking

    def note(self, text: str) -> None:
        self._note = text

    def tick(self, elapsed: float, total: float) -> None:
        self._live.update(self.drawn(elapsed, total), refresh=True)

    def drawn(self, elapsed: float, total: float) -> Group:
        """What the terminal shows now."""
        # Every panel gets the same share of the height: two lines of border each, one line for the clock.
        height = max((self._console.height - 2) // len(self._channels), 4)
        panels = [self._panel(channel, height) for channel in self._channels.values()]
        clock = Text(
            f" {_clock(elapsed)} / {_clock(total)}   {self._note}", style="bold", no_wrap=True, overflow="ellipsis"
        )
        return Group(*panels, clock)

    def _panel(self, channel: Channel, height: int) -> Panel:
        lines = channel.text().wrap(self._console, max(self._console.width - 4, 10))
        latest = Text("\n").join(lines[-(height - 2) :])
        colour = "cyan" if channel is self._channels[SOURCE] else "green"
        return Panel(latest, title=channel.heading(), title_align="left", border_style=colour, height=height)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()


class LineScreen:
    """A line for each final caption: for pipes, logs and tests."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._elapsed = 0.0

    def caption(self, channel: str, caption: Caption | SourceCaption) -> None:
        if caption.is_final:
            self._line(channel or self._source, caption.text)

    def voice(self, channel: str, lag: float | None, speaking: bool) -> None:
        pass

    def note(self, text: str) -> None:
        self._line("--", text)

    def tick(self, elapsed: float, total: float) -> None:
        self._elapsed = elapsed

    def _line(self, label: str, text: str) -> None:
        sys.stdout.write(f"{_clock(self._elapsed)} {label:<6} {text}\n")
        sys.stdout.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
