"""Which encoding text has that is no UTF-8 and does not say: candidates by charset-normalizer, ranked by plausible characters.

charset-normalizer leaves out what cannot be; of short text, such as a source file with one comment, much is left. The
ranking then asks whether the characters are ones that people write: frequent ideographs, letters of one script in a
word, lower case behind upper case.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import NamedTuple

CANDIDATES = (
    "cp1252", "cp932", "euc_jp", "gb18030", "big5", "cp949", "cp1251", "koi8_r", "cp866", "cp1250", "latin_1",
    "iso8859_15", "iso8859_2", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "iso8859_5",
)  # fmt: skip
"""In the order of preference where they are equally plausible."""
SAMPLED = 1 << 13
"""Bytes of lines with non-ASCII text that are looked at."""
NEAR = 0.3
"""Encodings whose plausibility is so close to the best one's are its rivals; the more text there is, the closer."""
ENOUGH = 4
"""Characters from which on a guess can be sure."""
_TYPOGRAPHIC = frozenset("“”‘’„‚–—…•€£©®°§«»·×±²³µ¿¡№™")
_USUAL_LATIN = {
    "cp1250": "ąćęłńóśźżáčďéěíňřšťúůýžäöüőűôâăîßĄĆĘŁŃÓŚŹŻÁČĎÉĚÍŇŘŠŤÚŮÝŽÄÖÜŐŰ",
    "iso8859_2": "ąćęłńóśźżáčďéěíňřšťúůýžäöüőűôâăîßĄĆĘŁŃÓŚŹŻÁČĎÉĚÍŇŘŠŤÚŮÝŽÄÖÜŐŰ",
    "cp1254": "çğıöşüâîûÇĞİÖŞÜéàèêôäß",
    "cp1257": "āčēģīķļņšūžąęėįųõäöüĀČĒĢĪĶĻŅŠŪŽĄĘĖĮŲÕÄÖÜßéåæø",
}
_WESTERN = "àâäáãåæçèéêëìíîïñòóôöõøœùúûüýÿßÀÂÄÁÃÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÖÕØŒÙÚÛÜÝß"
_CYRILLIC = {
    **dict.fromkeys("оеаинтсрвлкмдпу", 1.0),
    **dict.fromkeys("яыьгзбчйхжшюцщэфіїє", 0.7),
    **dict.fromkeys("ёъґ", 0.4),
}
_HANGUL = frozenset(
    "이다는에의을를가고하은한로지도서기리사자어인나스시정대부일수그라해보전아장만주제여동과들구면있것상조소우공성었원년위거중마계문오비신생물"
    "내세무바모관방경유선실명국회학교연화히식영안치입니습요데용분류값등록설파글테트한름변환출력호없합된될할함"
)
_HANZI = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去法学如都同"
    "现当没动面起看定天分还进好小部其些主样理心本前开但因只从想实日者意无力它与长把机民第公此已工使情明性知全又关点正业外将两高间由问很最重并"
    "物手应向头文体相见被等产或新己制身果加合回特代内信表化给位次度常先通原声提立及比员解水名真论处各入几口认条平系题更别变总何电数安少报才结"
    "反受目量再建务做接必场件计管期直资指统区保至形空始据程式色路记类求码注释测试打配置参返错误户称默认输返函串编辑写读加载删除项目标"
    "這個們來為國說時會對發後裡種經學現當沒動還進樣開從實無與長機關點業將兩間問應頭體見產給門員論處幾條題變總電數報結務場計資區記類據程碼註"
    "檔設測試開啟讀寫錯誤輸檢刪項標預顯預設變數參數傳回"
)
_KANJI = frozenset(
    "日本語文字設定読込書追加削除変更確認表示処理開始終了実行入力出名前値数関一覧作成取得新保存画面情報時間場合使用必要方法結果対象東京人大年中国"
    "会社上下内外生学事者自地見話気分手水金土月火木今何私前後左右小高安全部同的性化最終接続検索通信管理登録利用者番号種類項目型列構文解析失敗"
)
_SCRIPTS = {
    "cp1251": "CYRILLIC", "koi8_r": "CYRILLIC", "cp866": "CYRILLIC", "iso8859_5": "CYRILLIC", "cp1253": "GREEK",
    "cp1255": "HEBREW", "cp1256": "ARABIC",
}  # fmt: skip
_FREQUENT = {  # the lead bytes of the first level of ideographs
    "cp932": ("euc_jp", 0xB0, 0xCF), "euc_jp": ("euc_jp", 0xB0, 0xCF), "gb18030": ("gb2312", 0xB0, 0xD7),
    "big5": ("big5", 0xA4, 0xC6), "cp949": ("", 1, 0),
}  # fmt: skip


class EncodingGuess(NamedTuple):
    """The most plausible encoding, those that are nearly as plausible, and whether there was enough text to tell."""

    encoding: str
    rivals: tuple[str, ...]
    sure: bool


def guess_encoding(data: bytes) -> EncodingGuess | None:
    """The encoding of text that is no UTF-8; None where it fits none."""
    return _guess(_sample(data))


@lru_cache(maxsize=128)
def _guess(sample: bytes) -> EncodingGuess | None:
    from charset_normalizer import from_bytes

    decoded: dict[str, str] = {}
    for encoding in CANDIDATES:
        try:
            decoded[encoding] = sample.decode(encoding)
        except UnicodeDecodeError:
            continue
    if not decoded:
        return None
    found = from_bytes(sample, cp_isolation=list(decoded), preemptive_behaviour=False)
    fitting = {name for match in found for name in (match.encoding, *match.could_be_from_charset)}
    scores = {name: plausibility(text, name) for name, text in decoded.items()}
    ranked = sorted(
        decoded, key=lambda name: (-scores[name] - 0.1 * (name in fitting), CANDIDATES.index(name))
    )
    best = ranked[0]
    count = sum(not char.isascii() for char in decoded[best])
    near = NEAR * min(1.0, (ENOUGH / max(count, 1)) ** 0.5)
    rivals = tuple(name for name in ranked[1:] if scores[name] >= scores[best] - near)
    return EncodingGuess(best, rivals, count >= ENOUGH and scores[best] > 0.3)


def _sample(data: bytes) -> bytes:
    lines: list[bytes] = []
    size = 0
    for line in data.split(b"\n"):
        if not line.isascii():
            lines.append(line)
            size += len(line)
            if size > SAMPLED:
                break
    return b"\n".join(lines)


def plausibility(text: str, encoding: str) -> float:
    """How far the characters that are no ASCII are ones that people write in an encoding: at most 1, negative for noise."""
    kana = any("\u3040" <= char <= "\u30ff" for char in text)
    scores = [
        _character(text, index, char, encoding, kana) for index, char in enumerate(text) if not char.isascii()
    ]
    return sum(scores) / len(scores) if scores else 0.0


def _character(text: str, index: int, char: str, encoding: str, kana: bool) -> float:
    category = unicodedata.category(char)
    if category in ("Cc", "Cn", "Co", "Cs"):
        return -2.0
    if char in _TYPOGRAPHIC:
        return 0.8 if char == "€" else 0.5
    before, behind = text[max(0, index - 1) : index], text[index + 1 : index + 2]
    if encoding in _FREQUENT:
        return _east_asian(char, encoding, _is_latin(before) + _is_latin(behind), kana)
    if category[0] != "L" and category != "Mn":
        return -0.5
    script = _SCRIPTS.get(encoding)
    if script is None:
        return _latin(char, before, behind, encoding)
    if script not in unicodedata.name(char, "") or _is_latin(before) or _is_latin(behind):
        return -0.7
    if char.isupper() and before.islower():
        return -0.7
    if script == "CYRILLIC":
        usual = _CYRILLIC.get(char.lower(), 0.2)
        return usual - 0.15 * char.isupper() - 0.2 * (encoding in ("iso8859_5", "cp866"))
    return 0.75 if script == "GREEK" else 0.85


def _is_latin(char: str) -> bool:
    return char.isalpha() and char < "\u0250"


def _latin(char: str, before: str, behind: str, encoding: str) -> float:
    if char in "ªºƒˆ":
        return -0.5
    score = 0.8 if char in _USUAL_LATIN.get(encoding, _WESTERN) else 0.1
    crowded = sum(not near.isascii() and near.isalpha() for near in (before, behind))
    if crowded:
        score -= 0.25 * crowded
    if char.isupper() and before.islower():
        score -= 0.9
    return score


def _east_asian(char: str, encoding: str, glued: int, kana: bool) -> float:
    """`glued`: how many Latin letters stand next to it; `kana`: whether the text has any, as Japanese has."""
    code = ord(char)
    japanese = encoding in ("cp932", "euc_jp")
    if 0x3040 <= code <= 0x30FF:
        return 1.0 if japanese else 0.0
    if 0x3000 <= code <= 0x303F or 0xFF01 <= code <= 0xFF5E:  # punctuation, full-width forms
        return 0.5
    if 0xAC00 <= code <= 0xD7A3:  # Hangul: those of KS X 1001 are the frequent ones
        frequent = encoding == "cp949" and len(char.encode("euc_kr")) == 2
        return -0.7 if not frequent else 1.0 if char in _HANGUL else 0.5
    if 0x4E00 <= code <= 0x9FFF:
        if char in (_KANJI if japanese else _HANZI) and encoding != "cp949":
            return 1.0 - 0.1 * glued
        charset, first, last = _FREQUENT[encoding]
        usual = 0.8 if kana or not japanese else 0.6
        return usual - 0.3 * glued if first <= _lead(char, charset) <= last else -0.5
    return -0.6


def _lead(char: str, charset: str) -> int:
    try:
        return char.encode(charset)[0] if charset else 0
    except UnicodeEncodeError:
        return 0
