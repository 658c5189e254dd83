"""Which of an engine's pairs serves a wish: codes as people write them, matched to what is on offer."""

from collections.abc import Iterable

from chassis.language import match, primary

Ends = tuple[str, str]


class Offers:
    """The pairs on offer, by their ends. An engine may have thousands, and every segment asks for several."""

    def __init__(self, pairs: Iterable[Ends]) -> None:
        self._targets: dict[str, set[str]] = {}
        for source, target in pairs:
            self._targets.setdefault(source, set()).add(target)

    def source(self, wanted: str) -> str:
        """The offered code that serves a source language; the wanted one where none does."""
        return match(wanted, self._targets) or wanted

    def find(self, source: str, target: str) -> Ends | None:
        """The pair that serves these ends; None where nothing does, and where nothing needs to.

        Between kinds of one language only what is offered by name is a translation (`zh` into `zh-TW`): a Brazilian's
        Portuguese is not translated into Portugal's because somebody asked for `pt-BR`.
        """
        source = self.source(source)
        offered = self._targets.get(source, set())
        found = match(target, offered)
        if found is None or (is_kin(source, target) and match(target, {source, *offered}) == source):
            return None
        return source, found


def is_kin(source: str, target: str) -> bool:
    """Two codes of one language: whatever no engine translates between them can be read as it is."""
    return primary(source) == primary(target)
