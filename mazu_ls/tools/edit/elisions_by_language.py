"""Comments that say in other languages than English that existing text continues: "le reste du code", "其余代码不变".

Each names what continues, code or a part of it: "le reste de la division" is an ordinary comment.
"""

from __future__ import annotations

_GERMAN = (
    r"(?:der\s+|den\s+)?(?:rest|restliche[rn]?\s+\w+|übrige[rn]?\s+\w+|bestehende[rn]?\s+\w+)\s.*(?:unverändert|wie\s+(?:zuvor|bisher)|gleich|hier|ohne\s+Änderung\w*)\b.*",
    r"bestehender?\s+code",
)
_DUTCH = (
    r"(?:de\s+)?rest\s+van\s+(?:de|het)\s+(?:code|bestand|functie|klasse|methode|inhoud)\b.*",
    r"bestaande\s+code\b.*",
)
_NORDIC = (
    r"rest(?:en)?\s+av\s+(?:koden?|filen|funktionen|funksjonen|klassen|metoden)\b.*", r"resten\s+af\s+(?:koden|filen|funktionen)\b.*",
    r"(?:befintlig|eksisterende)\s+kode?\b.*", r"(?:muu|loput)\s+koodi\w*\b.*",
)  # fmt: skip
_FRENCH = (
    r"(?:le\s+)?reste\s+(?:du|des?(?:\s+la)?|de\s+l['’])\s*(?:code|fichier|fonctions?|classes?|méthodes?|scripts?|contenu|modules?|composants?|imports?|implémentation|programme)\b.*",
    r"code\s+(?:existant|inchangé)\b.*",
)
_SPANISH = (
    r"(?:el\s+)?resto\s+del?\s+(?:l[ao]s?\s+)?(?:código|archivo|fichero|funci[óo]n(?:es)?|clases?|métodos?|contenido|módulo|componente|importaciones|implementación|programa|script)\b.*",
    r"código\s+(?:existente|sin\s+cambios)\b.*",
)
_PORTUGUESE = (
    r"(?:o\s+)?(?:restante|resto)\s+d[oae]s?\s+(?:código|arquivo|ficheiro|função|funções|classes?|métodos?|conteúdo|módulo|componente|implementação|programa|script)\b.*",
    r"código\s+(?:existente|inalterado)\b.*",
)
_ITALIAN = (
    r"(?:il\s+)?resto\s+d(?:el(?:la|lo|le)?\s+|ell['’]|ei\s+)(?:codice|file|funzion[ei]|class[ei]|metod[oi]|contenuto|modulo|componente|implementazione|programma|script)\b.*",
    r"codice\s+(?:esistente|invariato)\b.*",
)
_SLAVIC = (
    r"reszta\s+(?:kodu|pliku|funkcji|klasy)\b.*", r"pozostał\w+\s+(?:część\s+(?:kodu|pliku|funkcji|klasy)|kod|funkcje|metody|importy)\b.*",
    r"istniejący\s+kod\b.*", r"zbytek\s+(?:kódu|souboru|funkce|třídy)\b.*", r"stávající\s+kód\b.*",
    r"остальн\w+\s+(?:.*\s)?(?:код\w*|файл\w*|функци\w*|метод\w*|класс\w*|импорт\w*|содержим\w*|реализаци\w*)\b.*",
    r"остальное\s+.*(?:без\s+изменений|не\s+меня\w+|как\s+было)\b.*", r"без\s+изменений\b.*", r"существующ\w+\s+код\b.*",
    r"(?:решта|залишок)\s+(?:коду|файлу|функці\w+|класу)\b.*", r"без\s+змін\b.*", r"існуючий\s+код\b.*",
)  # fmt: skip
_OTHERS = (
    r"kodun\s+(?:geri\s+)?kalan\w*.*", r"(?:geri\s+)?kalan\s+kod\w*\b.*", r"mevcut\s+kod\b.*",
    r"restul\s+(?:codului|fișierului|funcției)\b.*", r"a\s+(?:kód|fájl)\s+többi\s+része\b.*", r"(?:ο\s+)?υπόλοιπος\s+κώδικας\b.*",
    r"phần\s+còn\s+lại\s+của\s+(?:mã|code|tệp|file|hàm|lớp)\b.*", r"sisa\s+(?:kode|file|berkas)\b.*", r"שאר\s+הקוד\b.*",
    r"(?:باقي|بقية)\s+(?:الكود|الملف)\b.*", r"الكود\s+(?:الحالي|الموجود)\b.*", r"(?:बाकी|मौजूदा)\s+(?:का\s+)?(?:कोड|फ़ाइल)(?:\s.*)?",
)  # fmt: skip
_CHINESE = (
    r"(?:其余|其他|其它|剩余|现有|原有)\w*(?:代码|部分|内容|函数|方法|逻辑|实现|导入|样式|不变|省略|保持|相同)\w*",
    r"\w*(?:保持不变|省略(?![号可]))\w*",
)
_JAPANESE = (
    r"(?:既存|残り|以下)の(?:コード|部分|処理|実装|関数|メソッド|内容|ロジック|インポート)(?:(?:は|を)?(?:そのまま|変更なし|変更しない|変わらず|省略|同じ|同様|維持|保持|残す)\w*)?",
    r"以下(?:同じ|同様|略)", r"\w*(?:変更なし|省略(?![可]))\w*",
)  # fmt: skip
_KOREAN = (
    r"(?:기존|나머지)\s+(?:코드|부분|함수|메서드|내용|구현|로직|파일|클래스)\S*(?:\s.*)?",
    r"이하\s*(?:동일|생략)\w*",
)

OTHER_LANGUAGES = "|".join(
    (
        *_GERMAN, *_DUTCH, *_NORDIC, *_FRENCH, *_SPANISH, *_PORTUGUESE, *_ITALIAN, *_SLAVIC, *_OTHERS, *_CHINESE, *_JAPANESE, *_KOREAN,
    )
)  # fmt: skip
"""A regular expression of all of them."""

STAYS_AS_IT_WAS = (
    r"same|remaining|idem|ídem|ibid|to\s+be\s+continued|(?:.*\s)?(?:wie\s+(?:oben|zuvor|bisher|vorher|gehabt)|unverändert)|siehe\s+oben"
    r"|(?:.*\s)?(?:igual\s+que|como)\s+antes|(?:.*\s)?sin\s+(?:cambios|cambiar|modificar)|(?:el\s+)?resto\s+(?:sigue|queda|es|permanece)\s.*"
    r"|(?:.*\s)?inchangée?s?|(?:.*\s)?comme\s+(?:avant|ci-dessus)|(?:.*\s)?invariat[oaie]|(?:.*\s)?come\s+(?:prima|sopra)"
    r"|(?:.*\s)?sem\s+alterações|(?:.*\s)?ongewijzigd|(?:.*\s)?değişmedi"
    r"|(?:.*\s)?без\s+изменений|как\s+(?:раньше|выше)"
    r"|同上|略|以下同じ|.*不变|.*不變"
)
"""Comments that say no more than that text continues, or stays as it was."""
