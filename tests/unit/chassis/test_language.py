import pytest

from chassis.errors import Invalid
from chassis.language import match, parse, primary


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("es", "es"),
        ("pt_br", "pt-BR"),
        ("PT-br", "pt-BR"),
        ("ZH-hant-tw", "zh-Hant-TW"),
        ("es-419", "es-419"),
        (" en ", "en"),
        ("iw", "he"),
        ("nb-NO", "no-NO"),
        ("fil", "tl"),
        ("cmn-Hans-CN", "zh-Hans-CN"),
        ("arb", "ar"),
    ],
)
def test_codes_are_spelled_one_way(written: str, canonical: str) -> None:
    assert parse(written) == canonical


@pytest.mark.parametrize("nonsense", ["", "e", "english", "en-", "en-USA", "12", "en us", "es;drop", "pt-BR-x-y"])
def test_what_is_no_code_is_refused_with_a_reason(nonsense: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse(nonsense)
    assert caught.value.reason == "INVALID_LANGUAGE"


def test_the_primary_language_drops_script_and_region() -> None:
    assert [primary(code) for code in ("pt-BR", "zh-Hant-TW", "es")] == ["pt", "zh", "es"]


@pytest.mark.parametrize(
    ("wanted", "offered", "served"),
    [
        ("pt-BR", {"pt", "pt-BR"}, "pt-BR"),
        ("pt-BR", {"pt", "es"}, "pt"),
        ("pt-BR", {"pt-PT"}, "pt-PT"),
        ("pt", {"pt-PT", "pt-BR"}, "pt-BR"),
        ("pt", {"es"}, None),
        ("zh-Hant", {"zh", "zh-TW"}, "zh-TW"),
        ("zh-HK", {"zh", "zh-TW"}, "zh-TW"),
        ("zh-Hant", {"zh"}, "zh"),
        ("zh-Hans", {"zh", "zh-TW"}, "zh"),
        ("es-419", {"es", "es-MX"}, "es-MX"),
        ("pt-AO", {"pt", "pt-PT"}, "pt-PT"),
        ("pt", set(), None),
    ],
)
def test_the_nearest_offered_code_serves(wanted: str, offered: set[str], served: str | None) -> None:
    assert match(wanted, offered) == served
