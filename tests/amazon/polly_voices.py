"""The voices that Amazon Polly listed in 2026, as far as botocore's description knows their names."""

from typing import Any, Final

_ENGINES: Final = {"s": "standard", "n": "neural", "l": "long-form", "g": "generative"}
# Name, language, engines, further languages.
_TABLE: Final = """
Zeina arb s|Hala ar-AE n|Zayd ar-AE n|Lisa nl-BE ng|Arlet ca-ES n|Jitka cs-CZ n|Hiujin yue-CN n|Zhiyu cmn-CN sn
Naja da-DK s|Mads da-DK s|Sofie da-DK n|Laura nl-NL ng|Lotte nl-NL s|Ruben nl-NL s|Nicole en-AU s|Olivia en-AU ng
Russell en-AU s|Amy en-GB sng|Emma en-GB sn|Brian en-GB sng|Arthur en-GB n|Aditi en-IN s hi-IN|Raveena en-IN s
Kajal en-IN ng hi-IN|Niamh en-IE ng|Aria en-NZ ng|Jasmine en-SG ng|Ayanda en-ZA ng|Danielle en-US nlg|Gregory en-US nl
Ivy en-US sn|Joanna en-US sng|Kendra en-US sn|Kimberly en-US sn|Salli en-US sng|Joey en-US sn|Justin en-US sn
Kevin en-US n|Matthew en-US sng|Ruth en-US nlg|Stephen en-US ng|Geraint en-GB-WLS s|Suvi fi-FI n|Celine fr-FR s
Lea fr-FR sng|Mathieu fr-FR s|Remi fr-FR ng|Isabelle fr-BE ng|Chantal fr-CA s|Gabrielle fr-CA ng|Liam fr-CA ng
Marlene de-DE s|Vicki de-DE sng|Hans de-DE s|Daniel de-DE ng|Hannah de-AT ng|Sabrina de-CH ng|Dora is-IS s|Karl is-IS s
Carla it-IT s|Bianca it-IT sng|Giorgio it-IT s|Adriano it-IT n|Mizuki ja-JP s|Takumi ja-JP sn|Kazuha ja-JP n
Tomoko ja-JP n|Seoyeon ko-KR sng|Jihye ko-KR n|Liv nb-NO s|Ida nb-NO n|Ewa pl-PL s|Maja pl-PL s|Jacek pl-PL s
Jan pl-PL s|Ola pl-PL ng|Camila pt-BR sng|Vitoria pt-BR sn|Ricardo pt-BR s|Thiago pt-BR n|Ines pt-PT sn
Cristiano pt-PT s|Carmen ro-RO s|Tatyana ru-RU s|Maxim ru-RU s|Conchita es-ES s|Lucia es-ES sng|Enrique es-ES s
Sergio es-ES ng|Mia es-MX sng|Andres es-MX ng|Lupe es-US sng|Penelope es-US s|Miguel es-US s|Pedro es-US ng
Astrid sv-SE s|Elin sv-SE n|Filiz tr-TR s|Burcu tr-TR n|Gwyneth cy-GB s
"""


def _entry(row: str) -> dict[str, Any]:
    name, language, engines, *more = row.split()
    entry: dict[str, Any] = {
        "Id": name,
        "Name": name,
        "LanguageCode": language,
        "LanguageName": language,
        "SupportedEngines": [_ENGINES[letter] for letter in engines],
    }
    return entry | ({"AdditionalLanguageCodes": more} if more else {})


VOICES: Final = tuple(_entry(row) for line in _TABLE.split("\n") for row in line.split("|") if row)
"""As DescribeVoices answers them."""
