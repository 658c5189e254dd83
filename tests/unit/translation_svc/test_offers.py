"""Wishes matched to the pairs an engine has."""

import pytest

from translation_svc.domain.offers import Offers

CODES = ("en", "es", "es-MX", "pt", "pt-PT", "zh", "zh-TW", "no")
AMAZON = Offers((source, target) for source in CODES for target in CODES if source != target)
LOCAL = Offers([("en", "pt"), ("pt", "es")])


@pytest.mark.parametrize(
    ("offers", "source", "target", "served"),
    [
        (LOCAL, "en", "pt", ("en", "pt")),
        (LOCAL, "en-GB", "pt-BR", ("en", "pt")),
        (LOCAL, "en", "es", None),
        (LOCAL, "de", "pt", None),
        (LOCAL, "en", "en-GB", None),
        (AMAZON, "en", "pt-PT", ("en", "pt-PT")),
        (AMAZON, "en", "pt-AO", ("en", "pt-PT")),
        (AMAZON, "en", "pt-BR", ("en", "pt")),
        (AMAZON, "en", "zh-HK", ("en", "zh-TW")),
        # One language into its other kind, where somebody asked for that kind.
        (AMAZON, "zh", "zh-TW", ("zh", "zh-TW")),
        (AMAZON, "zh", "zh-Hant", ("zh", "zh-TW")),
        (AMAZON, "zh-TW", "zh", ("zh-TW", "zh")),
        (AMAZON, "pt", "pt-BR", None),
        (AMAZON, "pt-BR", "pt", None),
        (AMAZON, "es", "es", None),
    ],
)
def test_the_pair_that_serves_is_the_closest_on_offer(
    offers: Offers, source: str, target: str, served: tuple[str, str] | None
) -> None:
    assert offers.find(source, target) == served
