"""The words of session ids, in plain files next to this one."""

from importlib import resources

from session_svc.domain import ids


def load() -> ids.Vocabulary:
    """Reads the word files. Raises ValueError naming words that cannot be used."""
    return ids.vocabulary(_words("adjectives.txt"), _words("nouns.txt"), _words("blocklist.txt"))


def _words(name: str) -> tuple[str, ...]:
    return ids.words((resources.files(__package__) / name).read_text(encoding="utf-8"))
