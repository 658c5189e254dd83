"""Draws the README's picture of the demo's terminal, from a real run: `make picture`."""

import asyncio
import io
import os
import re
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from chassis.settings import data_default
from chassis.system import ROOT, launched
from edge.client.demo import show
from edge.client.screen import LiveScreen
from edge.client.talk import perform, silent_talk
from tests.recordings import HERE, talk, two_cities

LANGUAGES = ("pt", "es")
MOMENT_SECONDS = 27.0


class OneMoment(LiveScreen):
    """A live screen of which one moment is kept."""

    def __init__(self, console: Console) -> None:
        super().__init__("en", LANGUAGES, console)
        self._paper = console
        self._taken = False

    def tick(self, elapsed: float, total: float) -> None:
        if elapsed >= MOMENT_SECONDS and not self._taken:
            self._taken = True
            self._paper.print(self.drawn(elapsed, total))


async def main() -> int:
    data = Path(os.environ.get("LINGOCAST_DATA") or data_default())
    recording = talk("en") if HERE else two_cities(data)
    console = Console(record=True, width=92, height=26, file=io.StringIO(), force_terminal=True)
    console.print("$ make demo\n", style="bold")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "models").symlink_to(data / "models")
        async with launched(data=Path(folder), engines="local") as system:
            performed = silent_talk("en", LANGUAGES)
            await perform(performed, system.url, system.speaker_token, recording.audio, OneMoment(console))
    show(performed.report(), Path("out"), console)
    svg = console.export_svg(title="Lingocast")
    # The viewer's own monospace font: a picture in a README must not fetch anything.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    (ROOT / "docs").mkdir(exist_ok=True)
    (ROOT / "docs" / "demo.svg").write_text(svg, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
