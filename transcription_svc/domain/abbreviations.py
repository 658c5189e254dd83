"""Words whose dot is not a full stop, and words that begin sentences: tables for `boundaries`. Lower case, no last dot.

Written languages as Whisper and Amazon write them; a language without a row has the rows that hold for all.
"""

from typing import Final


def _table(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Abbreviations that something always follows, by language; "" holds for all. Lower case, without the last dot.
GOES_ON: Final[dict[str, frozenset[str]]] = {
    "": _table("dr prof st ste vs cf approx e.g i.e p.ex p.ej"),
    "en": _table("mr mrs ms messrs rev revd gen sen rep gov capt lt cmdr sgt hon pres supt viz al"),
    "es": _table("sr sra srta sres dra ud uds lic ing d dña dª sto sta fr mons excmo ee aa.vv p.ej núm"),
    "pt": _table("sr sra srta srs dra exmo exma ilmo ilma eng d sto sta pe fr p.ex profa prof.ª sr.ª dr.ª"),
    "fr": _table("m mm mme mmes mlle mlles mgr me pr ste p.ex env c.-à-d"),
    "de": _table("hr fr frl z.b d.h u.a bzw ca evtl ggf inkl sog vgl dipl ing hl i.d.r z.t"),
    "it": _table("sig sigg sig.ra sig.na dott dott.ssa avv ing on mons prof.ssa rag geom p.es"),
    "ca": _table("sr sra srta dra sta mn fra p.ex aprox"),
    "gl": _table("sr sra dra sto sta p.ex"),
    "nl": _table("dhr mevr mw mr drs ir ds bijv d.w.z m.b.t o.a resp"),
    "sv": _table("bl.a t.ex d.v.s s.k ca kl resp"),
    "pl": _table("np tzn tj św ks mgr inż hab ul al gen płk im tzw wg"),
    "ru": _table("т.е т.н им ул св тов гр проф акад напр см ср стр"),
    "uk": _table("т.зв ім вул св проф акад напр див тов"),
    "tr": _table("sn dr doç prof av örn bkz hz"),
    "id": _table("bpk sdr sdri yth tgl jl no hlm"),
    "hi": _table("डॉ प्रो श्री श्रीमती पं"),
}
# Those that a number follows, when they do not end a sentence ("no. 5", but "She said no."): pages, figures, verses.
BEFORE_NUMBER: Final = _table(
    "no nos nr núm nº n p pp pg pgs pag pág págs s str fig figs vol vols ch chap cap caps c art arts abs sec sect § §§ "
    "ed eq op v vv vers tel t bd av ave ver ex exod lev num nm dt deut josh judg jdg sam kgs chr chron neh esth ps pss "
    "psa prov prv eccl ecc isa jer lam ez ezek dan hos obad jon mic nah hab zeph hag zech mal mt matt mk mc lk lc jn "
    "jo rom cor gal eph phil col thess thes tim tit philem phlm heb jas pet pt rev apoc ap hch hb sal sl gn gén éx lv "
    "jr zc ml flp 1cor 2cor röm kor offb mose hebr jak petr thimoth sant st"
)
# Those that may end a sentence: they do when the next word begins one.
MAY_END: Final = _table(
    "etc jr sr inc ltd corp co bros dept ph.d m.d b.a m.a a.m p.m u.s u.k u.s.a u.n d.c e.u b.c a.d a.c d.c uu "
    "ee.uu s.a ltda cia cía usw ecc enz itd itp osv m.m vb т.д т.п др г гг в вв руб тыс млн dll dsb jan feb "
    "apr jun jul aug sep oct nov dec"
)
# Words that rarely begin anything but a sentence when they are capitalised in the middle of text.
STARTERS: Final = _table(
    # English, German, French, Spanish, Portuguese, Italian, Catalan, Galician.
    "the a an it he she we they you i this that these those there but and so then now in on at when what who how if "
    "der die das ein eine er sie es wir ihr ich und aber dann da wenn was wer wie im in am "
    "le la les un une il elle nous vous ils elles on je ce cette ces et mais alors dans quand qui que "
    "el los las una él ella nosotros ellos yo esto eso y pero entonces en cuando quien como "
    "o os as um uma ele ela eles elas eu isto isso e mas então em quando quem na no "
    "il lo gli uno una lui lei noi loro io questo quello ed ma allora quando chi come i els però si"
)
# What follows the number of a chapter: "chapter 3, verse 16".
VERSES: Final = _table(
    "v vv verse verses vers verset versets versículo versículos versicle versicles versetto versetti verso"
)
