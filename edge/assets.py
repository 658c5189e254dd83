"""The files of the pages: which there are, how they are told apart from yesterday's, and how they travel.

All are read and compressed at the start, and addressed below one prefix that names their content: a phone that has
them asks for none again, and a new version is another address. A request only picks from what was found, so that no
path leads anywhere else. Whoever edits a file sees it at the next load: times and sizes are looked at now and then.
"""

import gzip
import os
import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from string import Template
from typing import Final, Self, TypeAlias

from aiohttp import hdrs, web

from edge import wording
from edge.joining import Unjoinable, joined

LOOK_AGAIN_SECONDS: Final = 1.0
"""How old the knowledge of the folder may be; a look takes a millisecond."""
PREFIX: Final = "/web"

_TYPES: Final = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".mp3": "audio/mpeg",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
"""What is served; anything else in the folder is not."""
_SERVED: Final = {*_TYPES, ".html"}
_PACKED: Final = {".mp3", ".png"}
_ICON: Final = "icon.svg"
WORDS: Final = "interface/words"

_IMPORT: Final = re.compile(r"""^(?:import|export)\b(?:[^"';]*?\bfrom)?\s*["'](\.{1,2}/[^"']+)["']""", re.MULTILINE)
"""A static import or re-export of one of our modules. Types in comments are indented by their star."""
_WORDS: Final = re.compile(r'\bload\("(\w+)"\)')
"""Whose words a page's script says (interface/i18n.js)."""
_ENTRY: Final = re.compile(r'<script\b[^>]*\bsrc="\$assets/([^"]+)"')


Stamp: TypeAlias = tuple[tuple[str, int, int], ...]
"""What tells whether something has changed: names, times and sizes."""


@dataclass(frozen=True, slots=True)
class File:
    """A file as it is sent."""

    content_type: str
    body: bytes
    gzipped: bytes | None
    """None: it would gain nothing."""
    tag: str

    @classmethod
    def of(cls, path: Path) -> Self:
        body = path.read_bytes()
        if path.suffix == ".js":
            body = bare(body.decode()).encode()
        return cls.made(path.suffix, body)

    @classmethod
    def made(cls, suffix: str, body: bytes) -> Self:
        """`suffix`: of the names of such files."""
        # No time of day in it: the same content is the same bytes on every edge.
        smaller = gzip.compress(body, mtime=0) if suffix not in _PACKED else None
        if smaller is not None and len(smaller) >= len(body):
            smaller = None
        return cls(_TYPES[suffix], body, smaller, sha256(body).hexdigest()[:16])


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The folder at one moment."""

    digest: str
    files: Mapping[str, File]
    templates: Mapping[str, Mapping[str, Template]]
    """By name and language."""
    preloads: Mapping[str, tuple[str, ...]]
    """By template: the modules that its script leads to, so that a slow phone fetches all in one round. One where they
    could be joined."""
    words: Mapping[str, Mapping[str, tuple[str, ...]]]
    """By template and language: the modules of the interface's words, which scripts ask for last."""

    @property
    def prefix(self) -> str:
        """What the addresses of all files begin with."""
        return f"{PREFIX}/{self.digest}"

    @classmethod
    @lru_cache(maxsize=2)
    def of(cls, root: Path, stamp: Stamp) -> Self:
        """The files that a look has found. Made once in a process, for all that serve them."""
        files, pages = {}, {}
        for path in sorted(root / name for name, _, _ in stamp):
            name = path.relative_to(root).as_posix()
            if path.suffix == ".html":
                pages[name] = path.read_text("utf-8")
            else:
                files[name] = File.of(path)
        preloads = {name: _imported(text, files) for name, text in pages.items()}
        words = {name: _words(modules, files) for name, modules in preloads.items()}
        for name, modules in preloads.items():
            if together := _together(modules, files):
                files |= together
                pages[name] = pages[name].replace(f'"$assets/{modules[0]}"', f'"$assets/{next(iter(together))}"')
                preloads[name] = tuple(together)
        digest = sha256("".join(f"{name} {file.tag}\n" for name, file in files.items()).encode()).hexdigest()[:12]
        templates = {name: _said(text, words[name], files) for name, text in pages.items()}
        return cls(digest, files, templates, preloads, words)


class Assets:
    """The files below a folder, read again when one has changed."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._stamp = _look(root)
        self._snapshot = Snapshot.of(root, self._stamp)
        self._looked_at: float | None = None

    def at(self, now: float) -> Snapshot:
        """The folder as it is, or was a second ago. `now`: seconds of any clock that only goes forward."""
        if self._looked_at is None or now - self._looked_at >= LOOK_AGAIN_SECONDS:
            self._looked_at = now
            try:
                if (stamp := _look(self._root)) != self._stamp:
                    self._snapshot = Snapshot.of(self._root, stamp)
                    self._stamp = stamp
            except FileNotFoundError:
                pass  # Somebody is just replacing it; the next look will find it.
        return self._snapshot


def answer(file: File, request: web.Request, *, immutable: bool) -> web.Response:
    """The file, in as few bytes as the client's headers allow. `immutable`: its address will never mean other bytes."""
    zipped = file.gzipped if takes_gzip(request) else None
    headers = {
        # Each form has a tag of its own, as strong tags must.
        hdrs.ETAG: f'"{file.tag}-gz"' if zipped else f'"{file.tag}"',
        hdrs.CACHE_CONTROL: "max-age=31536000, immutable" if immutable else "no-cache",
    }
    if file.gzipped:
        headers[hdrs.VARY] = hdrs.ACCEPT_ENCODING
    if _has(request, file.tag):
        return web.Response(status=304, headers=headers)
    if zipped:
        headers[hdrs.CONTENT_ENCODING] = "gzip"
    # Modules are read as UTF-8, whatever is said.
    charset = "utf-8" if file.content_type == "text/css" else None
    return web.Response(body=zipped or file.body, content_type=file.content_type, charset=charset, headers=headers)


def icon(snapshot: Snapshot) -> File:
    """What browsers ask for unasked."""
    return snapshot.files[_ICON]


def bare(module: str) -> str:
    """A module without the comments that begin a line and without indents, every line where it was: two fifths of what
    a phone would load are words for us. No line of code can begin like a comment, but in a template literal of several
    lines, or behind a comment in the middle of a line, which ours have not: a test has a compiler read both."""
    blocks = re.compile(r"^[ \t]*/\*.*?\*/", re.MULTILINE | re.DOTALL)
    code = blocks.sub(lambda found: "\n" * found[0].count("\n"), module)
    return re.sub(r"^[ \t]*//.*$|^[ \t]+", "", code, flags=re.MULTILINE)


def _look(folder: Path, inside: str = "") -> Stamp:
    """Name, time and size of all that may be served. Nothing hidden, and no links: they might lead elsewhere."""
    found: list[tuple[str, int, int]] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            name = f"{inside}{entry.name}"
            if entry.name.startswith(".") or entry.is_symlink():
                continue
            if entry.is_dir():
                found += _look(folder / entry.name, f"{name}/")
            elif os.path.splitext(entry.name)[1] in _SERVED:
                stat = entry.stat()
                found.append((name, stat.st_mtime_ns, stat.st_size))
    return tuple(sorted(found))


def _imported(page: str, files: Mapping[str, File]) -> tuple[str, ...]:
    """The modules that a page's scripts lead to by static imports, the scripts first, breadth first."""
    found = [name for name in _ENTRY.findall(page) if name in files]
    for name in found:  # Grows as it goes.
        for target in _IMPORT.findall(files[name].body.decode()):
            path = posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
            if path in files and path not in found:
                found.append(path)
    return tuple(found)


def _together(modules: Sequence[str], files: Mapping[str, File]) -> dict[str, File]:
    """What a page's script leads to as one file; none where it cannot be joined, and then it works as it is."""
    if not modules:
        return {}
    entry = modules[0]
    place = f"{entry.removesuffix('.js')}.all.js"
    try:
        text = joined(entry, {name: files[name].body.decode() for name in modules}, place=place)
    except Unjoinable:
        return {}
    return {place: File.made(".js", text.encode())}


def _words(modules: Sequence[str], files: Mapping[str, File]) -> dict[str, tuple[str, ...]]:
    """The modules of words that a page loads, by language."""
    said = [name for module in modules for name in _WORDS.findall(files[module].body.decode())]
    found: dict[str, tuple[str, ...]] = {}
    for path in files:
        name, _, language = path.removeprefix(f"{WORDS}/").removesuffix(".js").partition(".")
        if path.startswith(f"{WORDS}/") and name in {"common", "problems", *said}:
            found[language] = (*found.get(language, ()), path)
    return found


def _said(page: str, words: Mapping[str, Sequence[str]], files: Mapping[str, File]) -> dict[str, Template]:
    """A page in every language that all of its words are there for, and as it is in English."""
    spoken = {"en": Template(page)}
    for language, modules in words.items():
        if language != "en":
            texts = wording.texts(files[name].body.decode() for name in modules)
            spoken[language] = Template(wording.said(page, language, texts))
    return spoken


def takes_gzip(request: web.Request) -> bool:
    """Whether the client can read it."""
    for part in request.headers.get(hdrs.ACCEPT_ENCODING, "").lower().split(","):
        name, _, quality = part.partition(";")
        if name.strip() in {"gzip", "*"}:
            return quality.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


def _has(request: web.Request, tag: str) -> bool:
    """Whether the client has these bytes already, in either form."""
    asked = {part.strip().removeprefix("W/") for part in request.headers.get(hdrs.IF_NONE_MATCH, "").split(",")}
    return bool(asked & {"*", f'"{tag}"', f'"{tag}-gz"'})
