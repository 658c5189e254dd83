"""`make screenshots`: pictures of the pages in all their states, to be looked at; and how long a slow phone takes.

A real talk is given in a real system, with this machine's own engines where their models are there, and every scene is
photographed on a phone and on a large screen, in light and dark. Everything goes to `out/screenshots/`, with a page
that shows it all. `--docs` renews the README's pictures from the same run.
"""

import argparse
import asyncio
import shutil
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal

from PIL import Image
from playwright.async_api import Error, expect

from chassis.pcm import byte_count
from chassis.settings import data_default
from edge.client import decode
from tests.browser.chromium import open_browsers, write_wav
from tests.browser.loading import SLOW_PHONE, watched
from tests.browser.scenes import SCENES, Place, Scene, part
from tests.browser.stage import lingocast
from tests.browser.visiting import Visitors
from tests.browser.waiting import until
from tests.browser.watching import Watch

ROOT: Final = Path(__file__).resolve().parents[2]
OUT: Final = ROOT / "out" / "screenshots"
DOCS: Final = ROOT / "docs"
SAMPLE: Final = ROOT / "edge" / "web" / "audio" / "sample.mp3"
READING_SECONDS: Final = 6.0
"""How long captions may gather before they are photographed."""
MOST_BYTES: Final = 120_000
"""Of a picture in the README."""

DEVICES: Final = ("phone", "desktop")
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
IN_README: Final = {
    ("listen-start", "phone", "light"): "page-join.png",
    ("listen-playing", "phone", "light"): "page-listen.png",
    ("listen-playing", "phone", "dark"): "page-listen-dark.png",
    ("speak-live", "desktop", "light"): "page-speak.png",
    ("screen-two-languages", "desktop", "light"): "page-screen.png",
}


@dataclass(frozen=True)
class Shot:
    """One picture. `problem`: why there is none, or what the page complained of."""

    scene: Scene
    device: str
    scheme: str
    path: Path
    problem: str = ""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make screenshots", description=__doc__.partition("\n")[0])
    parser.add_argument("--docs", action="store_true", help="renew the pictures of the README")
    parser.add_argument("--only", default="", metavar="WORD", help="scenes whose name holds the word")
    parser.add_argument("--engines", default="", help="local or scripted; the default is what is there")
    options = parser.parse_args(arguments)
    scenes = [scene for scene in SCENES if options.only in scene.name]
    shots = asyncio.run(_photographed(scenes, options.engines or _engines()))
    if options.docs:
        for shot in shots:
            if name := IN_README.get((shot.scene.name, shot.device, shot.scheme)):
                _made_small(shot.path, DOCS / name)
    failed = [shot for shot in shots if shot.problem]
    for shot in failed:
        print(f"{shot.scene.name}, {shot.device}, {shot.scheme}: {shot.problem}", file=sys.stderr)
    print(f"{len(shots) - len(failed)} pictures; look at {(OUT / 'index.html').relative_to(ROOT)}")
    return 1 if failed else 0


def _engines() -> str:
    return "local" if (data_default() / "models").is_dir() else "scripted"


async def _photographed(scenes: Sequence[Scene], engines: str) -> list[Shot]:
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        if engines == "local":
            (folder / "models").symlink_to(data_default() / "models")
        speech = decode(SAMPLE) if engines == "local" else None
        system = await stack.enter_async_context(lingocast(folder, engines=engines))
        browsers = await stack.enter_async_context(open_browsers(folder))
        said: dict[str, Any] = {"speech": speech} if speech else {}
        talk = await stack.enter_async_context(system.talk(**said))
        await stack.enter_async_context(talk.going_on())
        short: dict[str, Any] = {"speech": speech[: byte_count(9.0)]} if speech else {}
        voice = write_wav(folder / "voice.wav", speech) if speech else None
        shots: list[Shot] = []
        for scene in scenes:
            for device in DEVICES[1:] if scene.for_large else DEVICES:
                watch = Watch()
                visitors = Visitors(system, browsers, watch)
                view: dict[str, Any] = {"device": device, "color_scheme": "light", "voice": voice}
                view["device_scale_factor"] = 2 if device == "phone" else 1
                async with AsyncExitStack() as audience:
                    place = Place(system, talk, visitors, watch, view, stack=audience, **short)
                    shots += await _shots(place, scene, device)
                    await visitors.leave()
        loading = await _loading(Visitors(system, browsers, Watch()), f"/s/{talk.session_id}")
        (OUT / "index.html").write_text(_index(shots, loading, engines), "utf-8")
        print(loading)
    return shots


async def _shots(place: Place, scene: Scene, device: str) -> list[Shot]:
    """A scene in light, and a moment later in dark; what is made for a projector has no other scheme."""
    print(f"{scene.name}, {device}", file=sys.stderr)
    shots: list[Shot] = []
    try:
        page = await scene.reach(place)
        if await page.locator("[data-part=captions]:visible, #stage").count():
            await asyncio.sleep(READING_SECONDS)
        for scheme in SCHEMES[:1] if scene.for_large else SCHEMES:
            path = OUT / f"{scene.name}-{device}-{scheme}.png"
            await page.emulate_media(color_scheme=scheme)
            await page.wait_for_timeout(300)
            await page.screenshot(path=path, omit_background=True, timeout=60_000)
            shots.append(Shot(scene, device, scheme, path, "; ".join(place.watch.wrong())))
    except (Error, AssertionError, TimeoutError) as error:
        shots.append(Shot(scene, device, "", OUT / "none.png", str(error).partition("\n")[0]))
    return shots


async def _loading(visitors: Visitors, address: str) -> str:
    """How long it takes until a listener can choose and tap, on a slow phone and a slow line."""
    page = await visitors.open(None)
    load = await watched(page, slow=True)
    await page.add_init_script(_NOTE_WHEN_READY)
    await page.goto(address)
    await expect(part(page, "listen")).to_be_enabled()
    await until(lambda: page.evaluate("performance.getEntriesByName('interactive').length"), "a page that can be used")
    times = await page.evaluate(_TIMES)
    await page.wait_for_load_state("networkidle")
    await visitors.leave()
    return (
        f"listener page, processor {SLOW_PHONE} times slower, 1.6 Mbit/s, 150 ms: first words after"
        f" {times['painted'] / 1000:.2f} s, usable after {times['interactive'] / 1000:.2f} s;"
        f" {load.total_bytes / 1000:.1f} KB with headers, {len(load.bytes)} requests, {load.depth()} after one another"
    )


_NOTE_WHEN_READY: Final = """
new MutationObserver((_, observer) => {
  if (!document.querySelector("[data-part=language] option")) return;
  performance.mark("interactive");
  observer.disconnect();
}).observe(document, { childList: true, subtree: true });
"""
_TIMES: Final = """() => ({
  interactive: performance.getEntriesByName("interactive")[0].startTime,
  painted: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0,
})"""


def _made_small(picture: Path, where: Path) -> None:
    """A copy of few colours, and half as large where that is not enough."""
    with Image.open(picture) as image:
        smaller = image.convert("RGB")
    for colours, scale in ((256, 1.0), (128, 0.75), (64, 0.6), (64, 0.5), (32, 0.4)):
        size = round(smaller.width * scale), round(smaller.height * scale)
        smaller.resize(size, Image.Resampling.LANCZOS).quantize(colours).save(where, optimize=True)
        if where.stat().st_size <= MOST_BYTES:
            return


def _index(shots: Sequence[Shot], loading: str, engines: str) -> str:
    def figure(shot: Shot) -> str:
        told = escape(f"{shot.device}, {shot.scheme}" + (f": {shot.problem}" if shot.problem else ""))
        picture = f'<img src="{shot.path.name}" alt="" loading="lazy">' if shot.path.exists() else ""
        return f'<figure class="{shot.device}">{picture}<figcaption>{told}</figcaption></figure>'

    def of(scene: Scene) -> str:
        return "".join(figure(shot) for shot in shots if shot.scene is scene)

    scenes = dict.fromkeys(shot.scene for shot in shots)
    parts = "".join(f"<h2>{escape(scene.title)}</h2><div>{of(scene)}</div>" for scene in scenes)
    style = (
        "body{font:16px sans-serif;margin:2rem;background:#8a8f98}div{display:flex;flex-wrap:wrap;gap:1rem}"
        "figure{margin:0}img{display:block;max-width:100%}.phone{width:260px}.desktop{width:720px}"
    )
    head = f"<!doctype html><html lang='en'><meta charset='utf-8'><title>Lingocast</title><style>{style}</style>"
    return f"{head}<h1>The pages, with {escape(engines)} engines</h1><p>{escape(loading)}</p>{parts}</html>"


if __name__ == "__main__":
    sys.exit(main())
