"""Whatever a file's encoding was taken for: a new letter is written as the file's own encoding has it, or refused."""

from __future__ import annotations

import pytest

from mazu_ls.errors import MazuError
from mazu_ls.workspace.encoding.seven_bits import is_seven_bit
from mazu_ls.workspace.text import NotText, decode

pytestmark = pytest.mark.portable

CYRILLIC = ("cp1251", "koi8_r", "cp866", "iso8859_5", "mac_cyrillic", "cp855", "cp1125")
CENTRAL = ("cp1250", "iso8859_2", "cp852", "mac_latin2")
BALTIC = ("cp1257", "iso8859_13", "iso8859_4", "cp775")
TEXTS = [
    *((name, text) for name in CYRILLIC for text in ("# порт сервера\n", "# проверка\n", "# Настройки: каждый пользователь имеет ключ\nx = 1\n", "# Проверка базы данных, затем запуск сервиса.\n# Ещё одна строка\n")),
    *((name, text) for name in ("cp1251", "iso8859_5", "mac_cyrillic", "cp855") for text in ("# Подешавања сервера\n", "# љубав и њива\n")),
    *((name, text) for name in ("cp1253", "iso8859_7", "cp737", "mac_greek") for text in ("# Ρυθμίσεις του διακομιστή\n", "# αρχείο\n", "# Έλεγχος σύνδεσης με τη βάση\n")),
    *((name, text) for name in BALTIC for text in ("# Šī ir lietotāja atslēga, kuru nedrīkst mainīt\n", "# pārbaude\n", "# Ģimenes žurnāls, ķēde un ļaudis\n", "# raktų sąrašas\n", "# Kasutaja võti\n")),
    *((name, text) for name in CENTRAL for text in ("# klíč\n", "# číslo portu\n", "# Příliš žluťoučký kůň\n", "# kulcs értéke\n", "# Árvíztűrő tükörfúrógép\n", "# hasło\n", "# ključ\n")),
    *((name, text) for name in ("hz", "utf-7") for text in ("# 服务器设置\n", "# 这是配置文件，不要修改\n")),
    ("utf-7", "# Проверка базы\n"),
    *((name, text) for name in ("utf-16-le", "utf-16-be") for text in ("# 東京\n", "# 鍵\n", "# サーバーの設定\n", "# 서버 설정\n", "# 这是设置\n")),
]  # fmt: skip
NEW = "éèàüößñçčšžřłąęāēģőűşжяфюДљђєαωάσשあ漢中한’“–…€"


@pytest.mark.parametrize(("encoding", "text"), TEXTS)
def test_a_new_letter_is_written_as_the_file_has_it_or_refused(encoding: str, text: str):
    data = text.encode(encoding)
    found = decode(data)
    assert found.encode(found.text) == data
    if encoding.startswith("utf-16"):
        assert (found.text, found.certain) == (text, True)
    for char in set(NEW) - set(found.text):
        try:
            written = found.encode(found.text + char)
        except MazuError as error:
            assert "encoding" in error.message
            continue
        assert written == (text + char).encode(encoding), (found.encoding, char)


@pytest.mark.parametrize(
    "text",
    [
        "a+b-c\n", "x = n+total-1\n", "+import os\n+string\n", "+follow\n+return x\n", "case ~{ab~}\n", "y = foo+barbaz-qux+quux\n",
        "c++ and +49-151-2345678\n", "AAAA+BBBBBB/CCCCCC+DDDD==\n", "~{ not closed\n", "-----BEGIN-----\nMIIB+abcdEFGH/ijkl+mnopQRSTuv\n",
    ],
)  # fmt: skip
def test_ordinary_text_takes_any_letter(text: str):
    assert not is_seven_bit(text.encode())
    assert decode(text.encode()).encode(text + "é") == (text + "é").encode()


def test_small_binary_data_is_no_text():
    for data in (
        b"\x00\x01\x00\x02",
        b"#\x00\x00\x00",
        b"\x01\x00#\x00qg",
        b"\x7fELF\x00\x00",
        b"PK\x03\x04\x00\x00",
    ):
        with pytest.raises(NotText):
            decode(data)
