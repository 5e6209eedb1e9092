"""The encoding of text that is no UTF-8: what it says, what the project says, what the editor shows, else what is likely."""

import os
from pathlib import Path, PurePosixPath

import pytest

from mazu_ls.errors import MazuError
from mazu_ls.workspace import Workspace, decode
from mazu_ls.workspace.disk import edit_text, read_text
from mazu_ls.workspace.encoding.editorconfig import MAX_PATTERN, _pattern, declared_charset
from mazu_ls.workspace.encoding.guess import BEFORE, SAMPLED, _sample, guess_encoding
from mazu_ls.workspace.text import decode_like, known_encoding

COMMENTS = [
    ("cp932", "# コメント\nx = 1\n"), ("cp932", "a = '東京'\n"), ("cp932", "puts(\"エラー\");\n"),
    ("euc_jp", "# 設定ファイル\nname = 'テスト'\n"), ("euc_jp", "a = '東京'\n"),
    ("gb18030", "# 注释\nx = 1\n"), ("gb18030", "// 打开文件\n"), ("gb18030", "# 配置文件\nname = '测试'\n"),
    ("big5", "# 註解\nx = 1\n"), ("big5", "// 開啟檔案\n"), ("big5", "# 設定檔\nname = '測試'\n"),
    ("cp949", "# 설정 파일\nname = '테스트'\n"), ("cp949", "x = '한글'\n"),
    ("koi8_r", "# комментарий\nx = 1\n"), ("koi8_r", "# Файл настроек\nname = 'тест'\n"),
    ("cp1251", "# комментарий\nx = 1\n"), ("cp1251", "'Ёлка', «Привет»\n"), ("cp866", "# Файл настроек\nx = 1\n"),
    ("cp1252", "# café\nx = 1\n"), ("cp1252", "Größe, señor, naïve\n"), ("cp1252", "20 °C, 5 €\n"),
    ("cp1250", "# Żółta gęś jaźń\nx = 1\n"), ("cp1250", "Příliš žluťoučký kůň\n"), ("iso8859_2", "# Żółta gęś jaźń\n"),
    ("cp1253", "# Αρχείο ρυθμίσεων\n"), ("cp1254", "# Türkçe açıklama şöyle\n"), ("cp1256", "# ملف الإعدادات\n"),
    # Half-width kana; letters that only the Ukrainian, the DOS or the Macintosh form has; signs that stand before words.
    ("cp932", "# ｻｰﾊﾞｰ設定ﾌｧｲﾙ\n"), ("cp932", "# ﾃｽﾄ ﾒﾆｭｰ ｷｬﾝｾﾙ\n"), ("cp932", "ﾊﾞｰｼﾞｮﾝ 2 ﾘﾘｰｽ ﾉｰﾄ\n"), ("euc_jp", "// 変更: ﾊﾞｸﾞ修正\n"),
    ("koi8_u", "# Налаштування сервера: її не змінювати, є й інші\n"), ("koi8_u", "# Україна\n"), ("cp1251", "# Україна, її мова\n"),
    ("cp874", "# การตั้งค่า\n"), ("cp874", "# ทดสอบ\n"), ("cp1255", "# הגדרות שרת, אין לשנות\n"), ("cp1253", "# Άλλαξε το\n"),
    ("cp1253", "# Έξοδος από την εφαρμογή\n"), ("iso8859_6", "# إعدادات الخادم، لا تغير المنفذ\n"),
    ("mac_roman", "# Réglages du serveur, à ne pas changer cet été\n"), ("mac_roman", "# année déjà passée\n"),
    ("cp850", "# Réglages du serveur, à ne pas changer\n"), ("cp1252", "# Configuración del servidor, ¿qué tamaño?\n"),
    ("cp1254", "# ayarları değiştirme\n"), ("cp1250", "# nastavení\n"), ("iso8859_2", "# beállítás\n"), ("cp1257", "# šių reikšmių žąsis\n"),
    ("cp852", "# Ustawienia serwera, nie zmieniać! Żółw i łąka\n"), ("cp852", "// Nastavení serveru: příliš žluťoučký kůň\n"),
    ("cp737", "# Ρυθμίσεις διακομιστή, μην αλλάζετε χωρίς λόγο\n"), ("cp862", "# הגדרות השרת, אין לשנות ללא צורך\n"),
    ("cp857", "# Sunucu ayarları: değiştirmeyin, çünkü güvenliği şüpheli\n"),
    # À, å, ä and ö of DOS are letters of Hebrew there: alone, or in and next to Latin words, they are none.
    ("cp850", "à propos"), ("cp850", "key = value ; à propos\n"), ("cp850", "à la carte"), ("cp850", "för åäö"), ("cp862", "name = 'שם'\n"),
    # Numbers in circles and units, which JIS X 0208 lacks; characters of Hong Kong.
    ("euc_jis_2004", "設定①を読む\n"), ("euc_jis_2004", "# ㈱テスト ㎏ №1 設定ファイルを読む\nport = 1\n"),
    ("cp932", "// ①②③ 手順\nx = 1\n"), ("big5hkscs", "# 喺度測試啲嘢\nx = 1\n"), ("big5hkscs", "// 唔好改呢個設定，會影響其他嘢\n"),
    # Pairs of bytes that look like UTF-8.
    ("gb18030", 'title = "欢迎使用本系统"\n'), ("gb18030", "# 㐀𠀀 服务器\n"), ("big5", "# 請不要修改伺服器連接埠\n"), ("euc_kr", "# 사용자 목록을 가져온다\n"),
]  # fmt: skip


@pytest.mark.parametrize(("encoding", "text"), COMMENTS)
def test_a_comment_is_enough_to_tell(encoding: str, text: str) -> None:
    found = decode(text.encode(encoding))
    assert (found.text, found.certain) == (text, False)


@pytest.mark.parametrize("text", ["# ㈱テスト ㎏ №1 設定\nport = 1\n", "// ①②③ 手順\nx = 1\n"])
def test_too_little_japanese_takes_no_chinese(text: str) -> None:
    found = decode(text.encode("euc_jis_2004"))
    assert found.encode(found.text + "x = 2\n") == text.encode("euc_jis_2004") + b"x = 2\n"
    for new in "東國é":
        with pytest.raises(MazuError, match="does not say its encoding"):
            found.encode(found.text + new)


def test_bytes_that_are_no_text_stay_in_utf8() -> None:
    data = "naïve “quoted”\n".encode() + b"\xff\xe2\x80 end\n"
    found = decode(data)
    assert (found.encoding, found.certain, found.shown) == (
        "utf-8",
        True,
        "naïve “quoted”\n\ufffd\ufffd end\n",
    )
    assert found.encode(found.text.replace("end", "énd")) == data.replace(b"end", "énd".encode())


@pytest.mark.parametrize(
    "data",
    [
        b"caf\xc3\xa9 \xe9\n", "Größe\n".encode() + b"Gr\xf6\xdfe\n", "привет\n".encode() + b"\xcf\xf0\n", "日本\n".encode() + b"\x93\xfa\n",
        b"\xed\xa0\xbd \xc3\xa9\n", b"\xed\xa0\xbd\xed\xb8\x80 \xc3\xa9\xc3\xa8\n", b"\xc0\x80 \xc3\xa9\xc3\xa9\xc3\xa9\n", "שלום\n".encode() + b"\xff\n",
        "e\u0301te\u0301 ".encode() + b"\xe9\n", "– dash ".encode() + b"\x96\n",
    ],
)  # fmt: skip
def test_a_few_bytes_that_are_none_leave_it_utf8(data: bytes) -> None:
    found = decode(data)
    assert (found.encoding, found.certain, found.shown) == ("utf-8", True, data.decode("utf-8", "replace"))
    assert found.encode(found.text) == data


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(
    "text",
    ["port = 80\r\n", "# 服务器设定档案不要修改\n配置\n", "# Настройки сервера\nport = 80\n", "# café\n"],
)
def test_utf16_without_a_mark(text: str, encoding: str) -> None:
    found = decode(text.encode(encoding))
    assert (found.text, found.encoding) == (text, encoding)


def test_a_private_character_is_no_stray_byte() -> None:
    text = "icon \ue480 é\n"
    assert decode(text.encode()).encode(text) == text.encode()
    data = text.encode() + b"\xff"
    found = decode(data)
    assert found.encode(found.text) == data


@pytest.mark.parametrize("encoding", ["cp932", "cp866", "koi8_r", "gb18030", "utf-8"])
def test_the_editor_knows_the_encoding(encoding: str) -> None:
    text = "x = 'да'\r\n"
    found = decode_like(text.encode(encoding), text.replace("\r\n", "\n"))
    assert (found.text, found.certain) == (text, True)
    older = decode_like("x = 'нет и да'\n".encode(encoding), text)
    assert older.text == "x = 'нет и да'\n"


def test_what_an_editor_shows_for_a_stray_byte_is_the_same_text() -> None:
    data = "é \n".encode() + b"\xff\n"
    assert decode_like(data, "é \n\ufffd\n").shown == "é \n\ufffd\n"


@pytest.mark.parametrize(
    ("name", "python"), [("sjis-dos", "shift_jis"), ("UTF-8-unix", "utf-8"), ("rot13", None), ("hex", None), ("no-such", None)]
)  # fmt: skip
def test_names_of_encodings(name: str, python: str | None) -> None:
    assert known_encoding(name) == python


@pytest.mark.parametrize(
    ("glob", "path", "fits"),
    [
        ("*", "a/b.c", True), ("*.py", "a/b.py", True), ("*.py", "b.pyc", False), ("/*.py", "a/b.py", False),
        ("src/**.c", "src/x/y.c", True), ("src/*.c", "src/x/y.c", False), ("{a,b}.txt", "x/b.txt", True),
        ("{a}.txt", "{a}.txt", True), ("f{1..3}.c", "f2.c", True), ("f{1..3}.c", "f4.c", False), ("[ab].c", "b.c", True),
        ("[!ab].c", "b.c", False), ("*.{py,{c,h}}", "x.h", True), ("a\\*b", "a*b", True), ("[", "x", False),
        ("f{1..30}.c", "f012.c", False), ("f{1..30}.c", "f12.c", True), ("f{-3..3}.c", "f-2.c", True),
        ("f{99999..0}.c", "f54321.c", True), ("{b,a{1..2}}.c", "b.c", True), ("{b,a{1..2}}.c", "a3.c", False),
    ],
)  # fmt: skip
def test_sections_of_editorconfig(tmp_path: Path, glob: str, path: str, fits: bool) -> None:
    (tmp_path / ".editorconfig").write_text(f"[{glob}]\ncharset = latin1\n")
    assert (declared_charset(tmp_path, PurePosixPath(path)) == "latin1") is fits


def test_the_nearest_editorconfig_decides_and_a_root_is_the_last(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / ".editorconfig").write_text("[*]\nCharset : UTF-16LE\n[*.x]\ncharset = utf-8\n")
    (tmp_path / "a/.editorconfig").write_text("root = true\n[*.y]\ncharset = latin1\n")
    os.mkfifo(tmp_path / "a/b/.editorconfig")
    found = [declared_charset(tmp_path, PurePosixPath(path)) for path in ("c.z", "c.x", "a/b/c.y", "a/b/c.z")]
    assert found == ["utf-16le", "utf-8", "latin1", None]


def test_a_declared_charset_makes_a_file_sure(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"caf\xe9\n")
    workspace = Workspace([tmp_path])
    with pytest.raises(MazuError, match="does not say its encoding"):
        edit_text(workspace, path, "café\n", "café ñ\n")
    (tmp_path / ".editorconfig").write_text("[*]\ncharset = latin1\n")
    edit_text(workspace, path, read_text(workspace, path), "café ñ\n")
    assert path.read_bytes() == b"caf\xe9 \xf1\n"
    (tmp_path / ".editorconfig").write_text("[*]\ncharset = utf-8\n")
    edit_text(workspace, path, read_text(workspace, path), read_text(workspace, path) + "é\n")
    assert path.read_bytes() == b"caf\xe9 \xf1\n\xc3\xa9\n"


@pytest.mark.parametrize(
    "glob", ["*a" * 12 + "b", "**a" * 12 + "b", "{" + "1" * 5000 + "..2}", "{a," * 500, "x" * 5000, "[z-a]"]
)
def test_no_section_of_a_clone_takes_for_ever_or_fails(tmp_path: Path, glob: str) -> None:
    (tmp_path / ".editorconfig").write_text(f"[*]\ncharset = latin1\n[{glob}]\ncharset = utf-8\n")
    for _ in range(50):
        assert declared_charset(tmp_path, PurePosixPath("a" * 120 + ".py")) == "latin1"


@pytest.mark.parametrize("glob", ["{0..999}" * 120, "{" * 500 + "," * 500, "?" * 1000])
def test_a_section_of_a_clone_is_no_pattern_of_any_length(glob: str) -> None:
    compiled = _pattern(glob)
    assert compiled is None or len(compiled[0].pattern) <= MAX_PATTERN + 20


def test_an_editorconfig_of_many_slow_sections_declares_nothing(tmp_path: Path) -> None:
    slow = "".join(f"[{'*a' * 12}{number}b]\ncharset = utf-8\n" for number in range(5000))
    (tmp_path / ".editorconfig").write_text(f"[*]\ncharset = latin1\n{slow}")
    assert [declared_charset(tmp_path, PurePosixPath("a" * 120 + ".py")) for _ in range(3)] == [None] * 3


@pytest.mark.parametrize(("encoding", "text"), COMMENTS[::6])
def test_of_a_long_line_a_sample_is_enough_to_tell(encoding: str, text: str) -> None:
    line = text.replace("\n", " ")
    data = b"var a = 1;" * 20_000 + line.encode(encoding) * 5_000
    sample, is_cut = _sample(data)
    assert is_cut and len(sample) <= SAMPLED + BEFORE and not sample.isascii()
    found = guess_encoding(data)
    assert found is not None and sample.decode(found.encoding, "ignore").count(line) > 10


@pytest.mark.parametrize("said", ["utf-16le", "cp037", "utf-7", "utf-16", "rot13"])
def test_plain_text_stays_what_it_is_whatever_is_declared(said: str) -> None:
    for data in (b"hello world!\n\n", b"# coding: " + said.encode() + b"\nx = '+AGE-'\n"):
        assert decode(data, lambda: known_encoding(said)).text == data.decode()


def test_half_a_character_is_refused_also_beside_stray_bytes() -> None:
    with pytest.raises(MazuError):
        decode(b"na\xc3\xafve \xff\n").encode("x \ud800 \n")
