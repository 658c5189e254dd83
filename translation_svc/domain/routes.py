"""Ways from language to language over the hops that exist: the shortest; among equals the one whose hops come first."""

from collections.abc import Iterable

Pair = tuple[str, str]


def routes(hops: Iterable[Pair]) -> dict[Pair, tuple[str, ...]]:
    """For every pair that can be reached, the languages on the way, both ends included.

    >>> routes([("en", "pt"), ("pt", "es")])[("en", "es")]
    ('en', 'pt', 'es')
    """
    neighbours: dict[str, list[str]] = {}
    for source, target in hops:
        neighbours.setdefault(source, []).append(target)
    return {
        (source, target): path
        for source in neighbours
        for target, path in _paths_from(source, neighbours).items()
        if target != source
    }


def _paths_from(source: str, neighbours: dict[str, list[str]]) -> dict[str, tuple[str, ...]]:
    paths: dict[str, tuple[str, ...]] = {source: (source,)}
    ends = [source]
    # Breadth first: `ends` grows while it is read, nearest languages first.
    for end in ends:
        for target in neighbours.get(end, ()):
            if target not in paths:
                paths[target] = (*paths[end], target)
                ends.append(target)
    return paths
