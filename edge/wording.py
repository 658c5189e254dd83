"""A page's markup in the languages of the interface, so that its first sight is in the person's own, before any script
has come, and where none runs.

The words are those of the scripts (web/interface/words/): a module holds one object, and what is needed of it here are
its plain texts. What a script puts together, such as plurals, stays the script's.
"""

import json
import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Final

_ENTRY: Final = re.compile(r'^ *"([^"]+)":\s*("(?:[^"\\]|\\.)*"),$', re.MULTILINE)
"""A key and its text, as the formatter writes them."""
_MARKED: Final = re.compile(r'(<[a-z][^<>]*\sdata-t="([^"]+)"[^<>]*>)([^<]*)(?=</)')
_LANGUAGE: Final = '<html lang="en"'


def texts(modules: Iterable[str]) -> dict[str, str]:
    """The plain texts of catalogues, by key; later ones win."""
    found = {key: json.loads(text) for module in modules for key, text in _ENTRY.findall(module)}
    return {key: text for key, text in found.items() if "{" not in text}


def said(page: str, language: str, words: Mapping[str, str]) -> str:
    """A template with its marked elements in another language. What has no words stays as it is."""

    def say(found: re.Match[str]) -> str:
        tag, key, text = found.groups()
        # What stands in a template must not be taken for one of its places.
        return tag + (escape(words[key], quote=False).replace("$", "$$") if key in words else text)

    return _MARKED.sub(say, page.replace(_LANGUAGE, f'<html lang="{language}"', 1))
