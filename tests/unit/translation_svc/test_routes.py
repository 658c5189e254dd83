"""Ways over the hops there are."""

from translation_svc.domain.routes import routes


def test_a_hop_is_its_own_way() -> None:
    assert routes([("en", "pt")]) == {("en", "pt"): ("en", "pt")}


def test_the_shortest_way_wins() -> None:
    hops = [("en", "pt"), ("pt", "es"), ("es", "fr"), ("en", "fr")]
    assert routes(hops)["en", "fr"] == ("en", "fr")


def test_among_equals_the_way_of_the_earlier_hop_wins() -> None:
    hops = [("en", "pt"), ("en", "es"), ("es", "fr"), ("pt", "fr")]
    assert routes(hops)["en", "fr"] == ("en", "pt", "fr")


def test_a_missing_hop_takes_the_pairs_that_need_it_and_no_others() -> None:
    found = routes([("en", "pt"), ("pt", "es"), ("ca", "it")])
    assert set(found) == {("en", "pt"), ("en", "es"), ("pt", "es"), ("ca", "it")}


def test_a_circle_ends_and_leads_nobody_home() -> None:
    assert set(routes([("es", "ca"), ("ca", "es")])) == {("es", "ca"), ("ca", "es")}
