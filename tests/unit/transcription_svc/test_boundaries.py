"""Where sentences and clauses end (speech.md's rules as a table)."""

import pytest

from transcription_svc.domain.boundaries import ends_clause, ends_sentence

CUTS = [
    ("en", "The house.| The door.|"),
    ("en", "Really?| yes|"),
    ("en", "Stop!| No.| Go on.|"),
    # Numbers, times, money, years.
    ("en", "It grew by 3.5 percent to 1,000.50 at 10:30 today.|"),
    ("en", "In 1999.| Then we left.|"),
    ("en", "In 1999.| 2000 was better.|"),
    ("en", "It was 3. 5 percent.|"),
    ("en", "We are 12.| They are 13.|"),
    ("de", "Am 3. Oktober war es.|"),
    ("de", "Der 20. Juli 1944.| Danach kam nichts.|"),
    ("de", "Es waren 30.| Dann ging er.|"),
    ("de", "Ludwig XIV. war König.|"),
    ("da", "Det var civil.| Vi gik.|"),
    ("pl", "To był 3. maja.| Potem nic.|"),
    # Abbreviations.
    ("en", "Dr. Smith met Mrs. Jones at St. Paul, e.g. on Monday.|"),
    ("en", "She said no.| Then she left.|"),
    ("en", "See no. 5 on p. 12, fig. 3.|"),
    ("en", "Bread, wine, etc.| They ate.|"),
    ("en", "Bread, wine, etc. and fruit.|"),
    ("en", "At 5 p.m. Monday.| At 6 p.m.| The end.|"),
    ("en", "Martin Luther King Jr. spoke.|"),
    ("en", "Apple Inc. said so.| It lied.|"),
    ("es", "La Sra. García y el Dr. Ruiz.| Vamos al mar.| Hay sol.|"),
    ("es", "Los EE. UU. son grandes.|"),
    ("pt", "O Sr. Silva e a Profa. Ana.| O mar.| O sol.|"),
    ("fr", "M. Dupont et Mme. Martin.| Il est là.|"),
    ("fr", "Comment allez-vous ?| Bien, merci !| Et.|"),
    ("de", "Hr. Maier kommt bzw. Fr. Huber, z.B. heute.|"),
    ("de", "Brot, Wein usw.| Dann ging er.|"),
    ("it", "Il sig. Rossi e il dott. Bianchi.| La casa.|"),
    ("nl", "De heer Jansen, d.w.z. Piet.| Daarna.|"),
    ("ru", "Г-н Иванов, т.е. Пётр.| Потом.|"),
    ("tr", "Sn. Demir geldi.| Sonra gitti.|"),
    ("hi", "डॉ. शर्मा आए।| फिर गए।|"),
    ("mr", "तो आला।| मग गेला॥|"),
    ("ar", "هل جئت؟| نعم، جئت.| ثم ذهبت|"),
    ("ur", "وہ آیا۔| پھر گیا۔|"),
    ("ja", "終わり。| 次！|"),
    ("el", "Πού είναι;| Εδώ.|"),
    # Verses.
    ("en", "As John 3:16 says, and 1 Cor. 13:4-7 too.| Amen.|"),
    ("en", "Read Ps. 23 and Ps. 119:105.| Then Rev. 21.|"),
    ("en", "I spoke to Tim.| He left.|"),
    ("de", "Lies 1. Kor. 13 und Joh 3,16.| Amen.|"),
    ("pt", "Em Sal. 23 e 1 Cor. 13.| Amém.|"),
    # Names, initials, acronyms.
    ("en", "J. R. R. Tolkien and John F. Kennedy met.|"),
    ("en", "The U.S. Army left the U.S.| The end.|"),
    ("en", "So do I.| You too.|"),
    ("en", "Take vitamin C.| It helps.|"),
    # Quotes, brackets, ellipses, inverted marks.
    ("en", '"Come in!"| He came.|'),
    ("en", '"Why?" he asked.|'),
    ("en", "(Mrs. Jones left.)| Then he came.|"),
    ("en", "He said: “Go.”| They went.|"),
    ("en", "Wait... for me.| Well...| Then go.|"),
    ("en", "Wait… for me.| Well…| Then go.|"),
    ("es", "¿Qué hora es?| ¡Vamos!| ¿Y tú?|"),
    ("es", "Pues... ¿quién sabe?| Nadie.|"),
    ("en", "The version 2. of it.|"),
    ("en", "approx. five. but not six.|"),
]


@pytest.mark.parametrize(("language", "marked"), CUTS)
def test_sentences_end_where_the_bars_are(language: str, marked: str) -> None:
    words = marked.replace("|", "").split()
    following: list[str | None] = [*words[1:], None]
    told = " ".join(w + "|" * ends_sentence(w, f, language) for w, f in zip(words, following, strict=True))
    wanted = marked if marked.rstrip("|")[-1:] in '.?!"”)»।॥؟۔。！;' else marked.rstrip("|")
    assert told == wanted


@pytest.mark.parametrize(
    ("word", "language", "ends"),
    [
        ("house.", "en", True),
        ("now!", "en", True),
        ("Mr.", "en", False),
        ("Sra.", "es", False),
        ("Sra.", "en", True),
        ("Cor.", "en", False),
        ("U.S.", "en", False),
        ("3.", "en", True),
        ("3.", "de", False),
        ("wait…", "en", True),
        ("house", "en", False),
        ("»", "fr", False),
        ("", "en", False),
    ],
)
def test_before_the_next_word_is_known_only_what_is_surely_no_abbreviation_ends(
    word: str, language: str, ends: bool
) -> None:
    assert ends_sentence(word, None, language) is ends


@pytest.mark.parametrize(
    ("word", "following", "ends"),
    [
        ("Yes,", "we", True),
        ("here;", None, True),
        ("this:", "that", True),
        ("sí؛", None, True),
        ("نعم،", "جئت", True),
        (";", None, True),
        ("3:16", "says", False),
        ("1,000", "men", False),
        ("3:", "16", False),
        ("3,", "verse", False),
        ("3,", "v.", False),
        ("1,", "2,", False),
        ("1999,", "when", True),
        ("5,", "and", True),
        ("—", None, False),
        ("—", "so", False),
        ("well—", None, True),
        ('"yes,"', "he", True),
    ],
)
def test_a_clause_ends_at_its_mark_but_not_inside_numbers_and_references(
    word: str, following: str | None, ends: bool
) -> None:
    assert ends_clause(word, following) is ends
