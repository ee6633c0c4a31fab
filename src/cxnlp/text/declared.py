"""What a file, a client or a caller says a language is: codes, tags and names to the codes that the package gives."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Each code that is given, and what else stands for it: ISO 639-1 with the codes of 639-2 and 639-3, of the members of
# a language and of old, as in CLDR. Bokmål and Nynorsk are one language to the model.
_ISO_639 = (
    "aa:aar ab:abk ae:ave af:afr ak:aka am:amh an:arg ar:arb,ara as:asm av:ava ay:ayr,aym az:azj,aze ba:bak "
    "be:bel bg:bul bi:bis bm:bam bn:ben bo:bod,tib br:bre bs:bos ca:cat ce:che ch:cha co:cos cr:cwd,cre "
    "cs:ces,cze cu:chu cv:chv cy:cym,wel da:dan de:deu,ger dv:div dz:adp,dzo ee:ewe el:ell,gre en:eng eo:epo "
    "es:spa et:ekk,est eu:eus,baq fa:pes,fas,per ff:fuc,ful fi:fin fj:fij fo:fao fr:fra,fre fy:fry ga:gle gd:gla "
    "gl:glg gn:gug,grn gu:guj,prp gv:glv ha:hau he:heb,iw hi:hin ho:hmo hr:scr,hrv ht:hat hu:hun hy:hye,arm "
    "hz:her ia:ina id:ind,in ie:ile ig:ibo ii:iii ik:esk,ipk io:ido is:isl,ice it:ita iu:ike,iku ja:jpn jv:jav,jw "
    "ka:kat,geo kg:kng,kon ki:kik kj:kua kk:kaz kl:kal km:khm kn:kan ko:kor kr:knc,kau ks:kas ku:kmr,kur "
    "kv:kpv,kom kw:cor ky:kir la:lat lb:ltz lg:lug li:lim ln:lin lo:lao lt:lit lu:lub lv:lvs,lav mg:plt,mlg "
    "mh:mah mi:mri,mao mk:mkd,mac ml:mal mn:drh,khk,mon mr:mar ms:zsm,msa,may mt:mlt my:mya,bur na:nau nd:nde "
    "ne:npi,nep ng:ndo nl:nld,dut no:nb,nn,nor,nob,nno nr:nbl nv:nav ny:nya oc:oci oj:ojg,oji om:gaz,orm "
    "or:ory,ori os:oss pa:pan pi:pli pl:pol ps:pbu,pus pt:por qu:quz,que rm:roh rn:run ro:mol,ron,rum,mo ru:rus "
    "rw:kin sa:cls,san sc:src,srd sd:snd se:sme sg:sag si:sin sk:slk,slo sl:slv sm:smo sn:sna so:som "
    "sq:als,sqi,alb sr:scc,srp ss:ssw st:sot su:sun sv:swe sw:swh,swa ta:tam te:tel tg:tgk th:tha ti:tir tk:tuk "
    "tl:tgl,fil tn:tsn to:ton tr:tur ts:tso tt:tat tw:twi ty:tah ug:uig uk:ukr ur:urd uz:uzn,uzb ve:ven vi:vie "
    "vo:vol wa:wln wo:wol xh:xho yi:ydd,yid,ji yo:yor za:zyb,zha zh:cmn,zho,chi zu:zul "
)
# Languages that are identified and have no code of two letters.
_THREE_LETTERS = "ace ary arz bcl crh ext fuv gcf gcr gom grc guw hbo kab lij ltg nso sdh uzs vec wuu yue"
# As people write them: in English, in the language itself, and in Norwegian, Danish and Swedish.
_NAMED = (
    "no norwegian norsk bokmål bokmal nynorsk norska; da danish dansk danska; sv swedish svensk svenska; en "
    "english engelsk engelska; fi finnish suomi finsk finska; de german deutsch tysk tyska; fr french français "
    "fransk franska; es spanish español spansk spanska castilian; it italian italiano italiensk italienska; pt "
    "portuguese português portugisisk portugisiska; nl dutch nederlands nederlandsk hollandsk nederländska "
    "flemish; pl polish polski polsk polska; is icelandic íslenska islandsk isländska; fo faroese føroyskt "
    "færøysk færøsk färöiska; kl greenlandic kalaallisut grønlandsk grönländska; se sami samisk samiska "
    "davvisámegiella nordsamisk nordsamiska; et estonian eesti estisk estniska; lv latvian latviešu lettisk "
    "lettiska; lt lithuanian lietuvių litauisk litauiska; ru russian русский russisk ryska; uk ukrainian "
    "українська ukrainsk ukrainska; ar arabic العربية arabisk arabiska; tr turkish türkçe tyrkisk turkiska; zh "
    "chinese 中文 kinesisk kinesiska mandarin; ja japanese 日本語 japansk japanska; so somali soomaali somalisk "
    "somaliska; cs czech čeština tsjekkisk tjekkisk tjeckiska; hu hungarian magyar ungarsk ungerska; ro romanian "
    "română rumensk rumænsk rumänska; el greek ελληνικά gresk græsk grekiska; fa persian فارسی persisk persiska "
    "farsi dari; th thai; vi vietnamese; hi hindi; ur urdu; he hebrew עברית hebraisk hebreiska; ko korean 한국어 "
    "koreansk koreanska; hr croatian hrvatski kroatisk kroatiska; sr serbian serbisk serbiska; bs bosnian "
    "bosanski bosnisk bosniska; sk slovak; sl slovenian; bg bulgarian "
)
_MAX_CHARS = 64
_FORM = re.compile(r"([^\W\d_]+)(.*)", re.DOTALL)
# What may stand behind a code: nothing, a region as in nn-NO, nb_NO.UTF-8, en (US), en - English; but no word, as that
# would take "so good" for Somali.
_BEHIND_CODE = re.compile(r"[-_.@(,;/]|\s+[-(]|$")


def _codes() -> dict[str, str]:
    made = {code: code for code in _THREE_LETTERS.split()}
    for code, others in (entry.split(":") for entry in _ISO_639.split()):
        made |= dict.fromkeys((code, *others.split(",")), code)
    return made


def _names() -> dict[str, str]:
    entries = (entry.split() for entry in _NAMED.split(";"))
    return {name.casefold(): code for code, *names in entries for name in names}


_CODES = _codes()
_NAMES = _names()


@lru_cache(1024)
def _read(declared: str) -> str:
    match = _FORM.fullmatch(unicodedata.normalize("NFC", declared).casefold())
    if not match:
        return ""
    word, rest = match[1], match[2]
    return _NAMES.get(word) or (_CODES.get(word, "") if _BEHIND_CODE.match(rest) else "")


def language_of(declared: object) -> str:
    """Give the code of a declared language, empty if it is none that is known; never what was declared itself.

    Known are the codes of ISO 639-1, 639-2 and 639-3 of every language that has one of two letters, alone or at the
    beginning of a tag (``nb-NO``, ``nor``, ``en_US``), and names such as ``Norwegian (Bokmål)`` or ``svenska``. Given
    is ISO 639-1 where there is a code, ``no`` for both forms of Norwegian.
    """
    if not isinstance(declared, str):
        return ""
    return _read(declared.strip()[:_MAX_CHARS].rstrip())
