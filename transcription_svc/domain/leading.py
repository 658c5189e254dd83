"""Words that lead into what follows them: a text that must be cut is cut before one, never after. Tables."""

from typing import Final


def _table(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Articles, prepositions, conjunctions, relatives, possessives and auxiliaries, by language.
LEADING: Final[dict[str, frozenset[str]]] = {
    "en": _table(
        "a an the this these those my your his her its our their some any no every each very of to in on at by for "
        "with from into onto about over under between among through during against without within upon towards until "
        "since and or but nor so that which who whom whose what where when while because if unless although though as "
        "than after before whether how is are was were be been am has have had do does did will would can could shall "
        "should may might must not"
    ),
    "es": _table(
        "el la los las un una unos unas este esta estos estas ese esa su sus mi mis tu tus nuestro nuestra de del a "
        "al en con por para sin sobre entre hasta desde hacia según durante contra y e o u ni pero sino que quien "
        "cuyo donde cuando como porque si aunque mientras se no muy más lo le les me te nos es son era fue ha han "
        "había"
    ),
    "pt": _table(
        "o a os as um uma uns umas este esta estes estas esse essa seu sua seus suas meu minha nosso nossa de do da "
        "dos das em no na nos nas a ao aos à às com por pelo pela para sem sobre entre até desde durante contra e ou "
        "nem mas que quem cujo onde quando como porque se embora enquanto não muito mais é são era foi tem têm"
    ),
    "fr": _table(
        "le la les l un une des du de d à au aux en dans sur sous avec par pour sans entre vers chez depuis pendant "
        "contre et ou ni mais donc que qui dont où quand comme parce si lorsque puisque ce cet cette ces mon ma mes "
        "ton son sa ses notre nos votre vos leur leurs ne pas se est sont était a ont très plus"
    ),
    "it": _table(
        "il lo la i gli le un uno una di del dello della dei degli delle a al alla ai alle da dal dalla in nel nella "
        "con su sul sulla per tra fra senza e ed o ma né che chi cui dove quando come perché se mentre non è sono era "
        "ha hanno questo questa questi queste suo sua suoi sue mio mia nostro nostra molto più"
    ),
    "ca": _table(
        "el la els les un una uns unes de del dels a al als en amb per sense sobre entre fins des i o ni però que qui "
        "on quan com perquè si mentre no és són era ha han aquest aquesta el seu la seva molt més"
    ),
    "gl": _table(
        "o a os as un unha de do da dos das en no na nos nas ao á con por polo pola para sen sobre entre ata e ou nin "
        "mais pero que quen onde cando como porque se mentres non é son era este esta seu súa moi máis"
    ),
    "de": _table(
        "der die das den dem des ein eine einen einem einer dieser diese dieses mein dein sein ihr unser in im an am "
        "auf aus bei mit nach von vom zu zum zur für gegen ohne um durch über unter vor zwischen und oder aber "
        "sondern dass weil wenn ob als wie wo obwohl während nicht sehr ist sind war hat haben wird"
    ),
}
