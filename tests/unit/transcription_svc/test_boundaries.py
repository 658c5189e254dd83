"""Where sentences and clauses end (speech.md's rules as a table)."""

import pytest

from transcription_svc.domain.boundaries import ends_clause, ends_sentence


@pytest.mark.parametrize(
    ("word", "following", "language", "ends"),
    [
        ("house.", None, "en", True),
        ("house.", "The", "en", True),
        ("really?", "yes", "en", True),
        ('now!"', None, "en", True),
        ("終わり。", None, "ja", True),
        ("house", None, "en", False),
        ("Dr.", "Smith", "en", False),
        ("Mr.", None, "en", False),
        ("(Mrs.", "Jones)", "en", False),
        ("e.g.", "apples", "en", False),
        ("J.", "Smith", "en", False),
        ("U.S.", "Army", "en", False),
        ("I.", None, "en", True),
        ("Sra.", "García", "es", False),
        ("Sra.", None, "en", True),
        ("1999.", "Then", "en", True),
        ("3.", "Oktober", "de", False),
        ("3.", None, "en", True),
        ("3.5", "percent", "en", False),
        ("3:16", "says", "en", False),
        ("wait...", "for", "en", False),
        ("wait...", "For", "en", True),
        ("wait…", None, "en", True),
        ("", None, "en", False),
    ],
)
def test_a_sentence_ends_at_a_mark_that_is_no_abbreviation(
    word: str, following: str | None, language: str, ends: bool
) -> None:
    assert ends_sentence(word, following, language) is ends


@pytest.mark.parametrize(
    ("word", "ends"),
    [("Yes,", True), ("here;", True), ("this:", True), ("3:16", False), ("1,000", False), ("—", False)],
)
def test_a_clause_ends_at_a_comma_that_is_not_inside_a_number(word: str, ends: bool) -> None:
    assert ends_clause(word) is ends
