"""Words that lead into what follows them: a text that must be cut is cut before one, never after. Tables."""

from typing import Final


def _table(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Articles, prepositions, conjunctions, relatives, possessives and auxiliaries, by language.
LEADING: Final[dict[str, frozenset[str]]] = {
    "en": _table(
        "a an the this these those my your his her its our their some any no every each all both such very of to in on "
        "at by for "
        "with from into onto about over under between among through during against without within upon towards until "
        "since and or but nor so that which who whom whose what where when while because if unless although though as "
        "than after before whether how is are was were be been am has have had do does did will would can could shall "
        "should may might must not"
    ),
    "es": _table(
        "el la los las un una unos unas este esta estos estas ese esa su sus mi mis tu tus nuestro nuestra de del a "
        "al en con por para sin sobre entre hasta desde hacia según durante contra y e o u ni pero sino que quien "
        "cuyo donde cuando como porque si aunque mientras se no muy más lo le les me te nos es son era fue ha han "
        "había todo toda todos todas cada otro otra otros otras algunos algunas"
    ),
    "pt": _table(
        "o a os as um uma uns umas este esta estes estas esse essa seu sua seus suas meu minha nosso nossa de do da "
        "dos das em no na nos nas a ao aos à às com por pelo pela para sem sobre entre até desde durante contra e ou "
        "nem mas que quem cujo onde quando como porque se embora enquanto não muito mais é são era foi tem têm "
        "todo toda todos todas cada outro outra outros outras alguns algumas"
    ),
    "fr": _table(
        "le la les l un une des du de d à au aux en dans sur sous avec par pour sans entre vers chez depuis pendant "
        "contre et ou ni mais donc que qui dont où quand comme parce si lorsque puisque ce cet cette ces mon ma mes "
        "ton son sa ses notre nos votre vos leur leurs ne pas se est sont était a ont très plus tout "
        "toute tous toutes chaque autre autres quelques"
    ),
    "it": _table(
        "il lo la i gli le un uno una di del dello della dei degli delle a al alla ai alle da dal dalla in nel nella "
        "con su sul sulla per tra fra senza e ed o ma né che chi cui dove quando come perché se mentre non è sono era "
        "ha hanno questo questa questi queste suo sua suoi sue mio mia nostro nostra molto più "
        "tutto tutta tutti tutte ogni altro altra altri altre alcuni alcune"
    ),
    "ca": _table(
        "el la els les un una uns unes de del dels a al als en amb per sense sobre entre fins des i o ni però que qui "
        "on quan com perquè si mentre no és són era ha han aquest aquesta el seu la seva molt més tot tota "
        "tots totes cada altre altra altres alguns algunes"
    ),
    "gl": _table(
        "o a os as un unha de do da dos das en no na nos nas ao á con por polo pola para sen sobre entre ata e ou nin "
        "mais pero que quen onde cando como porque se mentres non é son era este esta seu súa moi máis todo toda "
        "todos todas cada outro outra outros outras algúns algunhas"
    ),
    "de": _table(
        "der die das den dem des ein eine einen einem einer dieser diese dieses mein dein sein ihr unser in im an am "
        "auf aus bei mit nach von vom zu zum zur für gegen ohne um durch über unter vor zwischen und oder aber "
        "sondern dass weil wenn ob als wie wo obwohl während nicht sehr ist sind war hat haben wird "
        "alle jeder jede jedes einige andere"
    ),
    "nl": _table(
        "de het een deze dit die dat mijn jouw zijn haar ons onze hun van in op aan bij met naar uit voor door over "
        "onder tussen tegen zonder om te en of maar want dus omdat als dan wie wat waar wanneer terwijl hoewel niet "
        "zeer is was waren wordt heeft hebben kan zal alle elke ieder andere"
    ),
    "sv": _table(
        "en ett den det de denna detta dessa min din sin hans hennes vår deras av i på till från med för om under över "
        "mellan mot utan genom efter före och eller men att som när där vad vem medan eftersom fast inte mycket är var "
        "har hade kan ska skall alla varje andra"
    ),
    "da": _table(
        "en et den det de denne dette disse min din sin hans hendes vores deres af i på til fra med for om under over "
        "mellem mod uden gennem efter før og eller men at som der når hvor hvad hvem mens fordi ikke meget er var har "
        "havde kan skal alle hver andre"
    ),
    "no": _table(
        "en et ei den det de denne dette disse min din sin hans hennes vår deres av i på til fra med for om under over "
        "mellom mot uten gjennom etter før og eller men at som når der hvor hva hvem mens fordi ikke veldig er var har "
        "hadde kan skal alle hver andre"
    ),
    "pl": _table(
        "w we z ze na do od dla o u po przy przez bez nad pod przed za między wśród i oraz a ale lub albo że żeby "
        "który która które którzy co gdzie gdy kiedy jak jeśli ponieważ choć nie bardzo jest są był była ten ta te "
        "tego mój jego jej ich każdy wszystkie"
    ),
    "cs": _table(
        "v ve z ze na do od pro o u po při přes bez nad pod před za mezi a i ale nebo že aby který která které co kde "
        "když jak jestli protože i ne velmi je jsou byl byla ten ta to můj jeho její jejich každý všechny"
    ),
    "ro": _table(
        "un o unei unui de din în la pe cu prin pentru fără sub peste între spre după până și sau dar ci că care cine "
        "ce unde când cum dacă deoarece deși nu foarte este sunt era a au al ai ale lui acest această acești fiecare "
        "toate toți"
    ),
    "ru": _table(
        "в во на с со к ко о об от до из у по за под над перед между при без для через и или но а что чтобы который "
        "которая которое которые кто где когда как если потому хотя не очень это этот эта эти мой его её их каждый все"
    ),
    "uk": _table(
        "в у на з із зі до від про для без під над перед між при через за по і й та або але що щоб який яка яке які "
        "хто де коли як якщо бо хоча не дуже це цей ця ці мій його її їх кожен всі"
    ),
    "id": _table(
        "di ke dari pada untuk dengan oleh tentang antara tanpa sampai sejak dan atau tetapi bahwa yang siapa di mana "
        "ketika saat bagaimana jika karena meskipun tidak sangat adalah sebuah para setiap semua"
    ),
}
