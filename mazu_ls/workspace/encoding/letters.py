"""The letters that people write in each encoding: the data with which `plausibility.py` compares decoded text."""

from __future__ import annotations

TYPOGRAPHIC = frozenset("“”‘’„‚–—…•€£©®°§«»·×±²³µ¿¡№™")
OPENING = frozenset("„‚¿¡“‘«")
"""Signs that precede a word, never within or after one."""
APOSTROPHES = frozenset("’‘")
"""Signs within words."""
_WESTERN = (
    "àâæçéèêëîïôœùûüÿ", "äöüßé", "áéíñóúü¿¡", "ãáàâçéêíóôõúü", "åäöæøé", "àèéìíòóù", "ëïöéèêç", "áðéíóúýþæö", "àçèéíïòóúü·",
)  # fmt: skip
_CENTRAL = ("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "ăâîşţ", "čćđšž", "äöüßé")
ALPHABETS: dict[str, tuple[str, ...]] = {
    "cp1252": _WESTERN,
    "latin_1": _WESTERN,
    "iso8859_15": _WESTERN,
    "mac_roman": _WESTERN,
    "cp850": _WESTERN,
    "cp1250": _CENTRAL,
    "iso8859_2": _CENTRAL,
    "cp852": _CENTRAL,
    "cp1254": ("çğıöşüâîû",),
    "cp857": ("çğıöşüâîû",),
    "mac_latin2": _CENTRAL,
    **dict.fromkeys(
        ("cp1257", "iso8859_13", "iso8859_4", "cp775"),
        ("āčēģīķļņšūž", "ąčęėįšųūž", "äöõüšž", "ąćęłńóśźż"),
    ),
}
"""For each encoding of Latin letters, the non-ASCII letters of the languages that are written in it."""
RARE = frozenset(["áðéíóúýþæö"])
"""Alphabets whose letters are more often those of another encoding (Icelandic for Turkish)."""
RARER = {
    "mac_roman": 0.2,
    "cp850": 0.2,
    "cp852": 0.25,
    "cp857": 0.2,
    "mac_latin2": 0.25,
    "cp775": 0.25,
    "iso8859_4": 0.1,
    "cp1252": 0.0,
    "latin_1": 0.0,
    "iso8859_15": 0.0,
}
"""How much less likely text in other Latin encodings is than in Western European ones; 0.05 for those not named."""
SCRIPTS = {
    "cp1251": "CYRILLIC", "koi8_r": "CYRILLIC", "koi8_u": "CYRILLIC", "cp866": "CYRILLIC", "iso8859_5": "CYRILLIC",
    "cp1125": "CYRILLIC", "mac_cyrillic": "CYRILLIC", "cp855": "CYRILLIC", "mac_greek": "GREEK", "cp737": "GREEK", "cp862": "HEBREW", "cp1253": "GREEK", "iso8859_7": "GREEK", "cp1255": "HEBREW", "cp1256": "ARABIC",
    "iso8859_6": "ARABIC", "cp874": "THAI",
}  # fmt: skip
CYRILLIC = {
    **dict.fromkeys("оеаинтсрвлкмдпу", 1.0),
    **dict.fromkeys("яыьгзбчйхжшюцщэфіїє", 0.7),
    **dict.fromkeys("ёъґ", 0.4),
}
GREEK = {
    **dict.fromkeys("αοιετσνηυρπκμλςδγθω", 1.0),
    **dict.fromkeys("άίόέήύώχφβξζψϊϋΐΰ", 0.8),
}
GREEK_ACCENTED = frozenset("άίόέήύώΐΰΆΈΉΊΌΎΏ")
HEBREW_FINAL = frozenset("ךםןףץ")
ARABIC_SIGNS = frozenset("،؟؛")
ARABIC = {
    **dict.fromkeys("اليمنتروبدعسهفكحقةجخشصأ", 0.95),
    **dict.fromkeys("طضغثذزىءإآئؤظ", 0.75),
    **dict.fromkeys(ARABIC_SIGNS, 0.75),
}
THAI = {**dict.fromkeys("านรอกเงยลวมสตทคบปดหไแใพขจช่้ัิีื็ุู์ำะ", 0.95)}
THAI_ABOVE = frozenset("ัิีึืฺุู็่้๊๋์ํ๎")
"""Vowels and tone marks written on a consonant."""
THAI_LEADING = frozenset("เแโใไ")
"""Vowels written before one."""
ENCLOSED = frozenset(map(chr, (*range(0x2160, 0x217A), *range(0x2460, 0x2474), *range(0x3220, 0x3400))))
"""Numbers in circles, Roman ones, and words or units in one character, as lists and dates in East Asian text have them."""
KANA_VOICED = frozenset("ｳｶｷｸｹｺｻｼｽｾｿﾀﾁﾂﾃﾄﾊﾋﾌﾍﾎ")
"""Half-width letters that a voice mark may follow."""
KANA_SMALL = frozenset("ｧｨｩｪｫｬｭｮｯｰﾝ")
"""Half-width letters that never begin a word."""
KANA_USUAL = frozenset("ﾝｰﾙｽﾄｲﾗﾘｸｼﾞｯｱﾀﾌﾃｺﾟｶﾚｻﾛｪｬｭｮｧﾏﾒﾐｴｵｷﾁﾊﾋﾎﾆﾅﾉｳｾ")
HANGUL = frozenset(
    "이다는에의을를가고하은한로지도서기리사자어인나스시정대부일수그라해보전아장만주제여동과들구면있것상조소우공성었원년위거중마계문오비신생물"
    "내세무바모관방경유선실명국회학교연화히식영안치입니습요데용분류값등록설파글테트한름변환출력호없합된될할함"
)
HANZI = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去法学如都同"
    "现当没动面起看定天分还进好小部其些主样理心本前开但因只从想实日者意无力它与长把机民第公此已工使情明性知全又关点正业外将两高间由问很最重并"
    "物手应向头文体相见被等产或新己制身果加合回特代内信表化给位次度常先通原声提立及比员解水名真论处各入几口认条平系题更别变总何电数安少报才结"
    "反受目量再建务做接必场件计管期直资指统区保至形空始据程式色路记类求码注释测试打配置参返错误户称默认输返函串编辑写读加载删除项目标"
    "這個們來為國說時會對發後裡種經學現當沒動還進樣開從實無與長機關點業將兩間問應頭體見產給門員論處幾條題變總電數報結務場計資區記類據程碼註"
    "檔設測試開啟讀寫錯誤輸檢刪項標預顯預設變數參數傳回"
)
KANJI = frozenset(
    "日本語文字設定読込書追加削除変更確認表示処理開始終了実行入力出名前値数関一覧作成取得新保存画面情報時間場合使用必要方法結果対象東京人大年中国"
    "会社上下内外生学事者自地見話気分手水金土月火木今何私前後左右小高安全部同的性化最終接続検索通信管理登録利用者番号種類項目型列構文解析失敗"
)
FIRST_LEVEL = {  # the lead bytes of the first level of ideographs
    "cp932": ("euc_jp", 0xB0, 0xCF), "euc_jp": ("euc_jp", 0xB0, 0xCF), "gb18030": ("gb2312", 0xB0, 0xD7),
    "big5": ("big5", 0xA4, 0xC6), "euc_jis_2004": ("euc_jp", 0xB0, 0xCF), "big5hkscs": ("big5", 0xA4, 0xC6), "cp949": ("", 1, 0),
}  # fmt: skip
