"""Languages that an engine has no voice for, spoken in the voices of the nearest language that has."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from chassis.language import primary


@dataclass(frozen=True, slots=True)
class Loan:
    """`lender`: the BCP 47 code whose voices speak. `respelling`: letters that the lender reads otherwise, and how it
    has to see them."""

    lender: str
    respelling: Mapping[str, str] = field(default_factory=dict)


LOANS: Final[Mapping[str, Loan]] = {
    # Galician has the vowels, ñ, ll and ch of Spanish; its x is the sh of English.
    "gl": Loan("es", {"x": "sh", "X": "Sh"}),
    # Catalan has phonemes of its own; only the voice is Spanish. Recognised back: chrF 63 to 70, espeak-ng's voice 46.
    "ca": Loan("es"),
}


def lender(language: str) -> str:
    """The language whose voices speak `language`: itself where it borrows from none."""
    loan = LOANS.get(primary(language))
    return loan.lender if loan else language


def respelled(text: str, language: str) -> str:
    """The text as the lender's voice has to see it; unchanged where nothing is borrowed."""
    loan = LOANS.get(primary(language))
    if loan is None or not loan.respelling:
        return text
    letters = "|".join(map(re.escape, loan.respelling))
    return re.sub(letters, lambda found: loan.respelling[found[0]], text)


def borrowers(language: str) -> list[str]:
    """The languages that the voices of `language` speak besides it."""
    return [code for code, loan in LOANS.items() if loan.lender == language]
