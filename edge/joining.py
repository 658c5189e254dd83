"""One module out of a page's many, so that a phone asks once: over HTTP/1.1 a browser has six requests under way, and
sixty small files are ten rounds of a slow line one after the other.

The files stay what they are, for those who read them and for whoever takes the client from here. Joining is not
understanding JavaScript: it knows the few ways in which our modules say `import` and `export`, each at the beginning of
a line, and refuses whatever else there is. Each module becomes a block with its own names, in the order in which a
browser would run them.
"""

import posixpath
import re
from collections.abc import Collection, Mapping
from typing import Final

_IMPORT: Final = re.compile(r'^import\s*\{([^}]*)\}\s*from\s*"([^"]+)";?[^\S\n]*$', re.MULTILINE)
_PASSED_ON: Final = re.compile(r'^export\s*\{([^}]*)\}\s*from\s*"([^"]+)";?[^\S\n]*$', re.MULTILINE)
_LISTED: Final = re.compile(r"^export\s*\{([^}]*)\};?[^\S\n]*$", re.MULTILINE)
_DECLARED: Final = re.compile(r"^export\s+((?:async\s+)?function\s*\*?|class|const)\s+([\w$]+)", re.MULTILINE)
_LEFT: Final = re.compile(r"^(?:import|export)\b(?!\()", re.MULTILINE)
_VARIABLE: Final = re.compile(r"^(?:let|var)\b.*", re.MULTILINE)
_LAZILY: Final = re.compile(r"\bimport\(")
_ADDRESS: Final = re.compile(r"\bimport\.meta\.url\b")


class Unjoinable(Exception):
    """A module says something that is not known here; the message says which. It is served as it is."""


def joined(entry: str, modules: Mapping[str, str], *, place: str) -> str:
    """The module at the path `entry` with all that it imports, as one module that is served at the path `place`.

    `modules`: the text of every module by its path, without comments. What a module asks for later (`import()`) or by
    its own address (`import.meta.url`) is found where it was. Exports of `entry` are left out. Raises Unjoinable.
    """
    order: list[str] = []
    _visit(entry, modules, order, ())
    up = posixpath.relpath(".", posixpath.dirname(place) or ".")
    parts = [
        f'const $root = new URL("{up}/", import.meta.url);',
        "const $at = (path) => new URL(path, $root).href;",
        "const $import = (here, path) => import(new URL(path, $at(here)).href);",
        f"let {', '.join(f'$m{number}' for number in range(len(order)))};",
    ]
    numbers = {path: number for number, path in enumerate(order)}
    given: dict[str, Collection[str]] = {}
    parts += [_block(path, modules[path], numbers, given) for path in order]
    return "\n".join([*parts, ""])


def _visit(path: str, modules: Mapping[str, str], order: list[str], above: tuple[str, ...]) -> None:
    """Puts a module behind all that it imports."""
    if path in order:
        return
    if path in above:
        raise Unjoinable(f"{path} imports itself by way of {' and '.join(above[above.index(path) :])}")
    if path not in modules:
        raise Unjoinable(f"{above[-1] if above else 'nobody'} imports {path}, which is not there")
    text = modules[path]
    found = [(match.start(), match[2]) for pattern in (_IMPORT, _PASSED_ON) for match in pattern.finditer(text)]
    for _, target in sorted(found):
        _visit(_beside(path, target), modules, order, (*above, path))
    order.append(path)


def _block(path: str, text: str, numbers: Mapping[str, int], given: dict[str, Collection[str]]) -> str:
    """A module as a block. `given`: the names that each module before it gives; its own are added."""
    exported: dict[str, str] = {}

    def taken(match: re.Match[str]) -> tuple[int, list[tuple[str, str]]]:
        source, names = _beside(path, match[2]), _names(match[1])
        # Without this a way to export that is not known here would be `undefined` in somebody's browser.
        if missing := [theirs for theirs, _ in names if theirs not in given[source]]:
            raise Unjoinable(f"{path} imports {missing[0]}, which {source} is not seen to export")
        return numbers[source], names

    def imported(match: re.Match[str]) -> str:
        source, names = taken(match)
        return f"const {{ {', '.join(f'{theirs}: {ours}' for theirs, ours in names)} }} = $m{source};"

    def passed_on(match: re.Match[str]) -> str:
        source, names = taken(match)
        exported.update((ours, f"$m{source}.{theirs}") for theirs, ours in names)
        return ""

    def listed(match: re.Match[str]) -> str:
        # What changes later would be known to others as it was at first.
        variables = " ".join(_VARIABLE.findall(text))
        for ours, theirs in _names(match[1]):
            if re.search(rf"(?<![\w$]){re.escape(ours)}(?![\w$])", variables):
                raise Unjoinable(f"{path} exports {ours}, which may change")
            exported[theirs] = ours
        return ""

    def declared(match: re.Match[str]) -> str:
        exported[match[2]] = match[2]
        return f"{match[1]} {match[2]}"

    text = _DECLARED.sub(declared, _LISTED.sub(listed, _PASSED_ON.sub(passed_on, _IMPORT.sub(imported, text))))
    if unknown := _LEFT.search(text):
        line = text[unknown.start() :].partition("\n")[0]
        raise Unjoinable(f"{path}: {line}")
    text = _ADDRESS.sub(f'$at("{path}")', _LAZILY.sub(f'$import("{path}", ', text))
    given[path] = exported.keys()
    names = ", ".join(name if name == value else f"{name}: {value}" for name, value in exported.items())
    return f"{{\n{text.strip()}\n$m{numbers[path]} = {{ {names} }};\n}}"


def _names(listed: str) -> list[tuple[str, str]]:
    """Of `a, b as c`: the name there and the name here."""
    pairs = (part.split() for part in listed.split(",") if part.strip())
    return [(words[0], words[-1]) for words in pairs]


def _beside(path: str, target: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
