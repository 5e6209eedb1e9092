"""A placeholder that a model altered: what it means is put back, and nothing else takes the place of a secret."""

from __future__ import annotations

import pytest

from mazu_ls.errors import ToolError
from mazu_ls.tools.edit.redacted.placeholders import refuse_placeholders
from mazu_ls.tools.edit.replace import Replacement, replace_all_text, replace_passages

KEY = "sk-ant-api03-aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zA1bC3dE5g"
OTHER = KEY.replace("aB", "bB")
MARK = "[redacted: anthropic key]"
RECOGNISED = [
    "[redacted: anthropic key", "redacted: anthropic key]", "redacted: anthropic key", "dacted: anthropic key]",
    "[Redacted: Anthropic Key]", "[REDACTED: ANTHROPIC KEY]", "&#91;redacted: anthropic key&#93;",
    "&lsqb;redacted: anthropic key&rsqb;", "\\[redacted: anthropic key\\]", "%5Bredacted:%20anthropic%20key%5D",
    "[redacted: anth", "[redacted: anth]", "[redacted: anthropic]", "[redacted: anthropic key 1]", "[redacted: anthropic key #2]",
    "[redacted 1: anthropic key]", "[redacted:\u00a0anthropic\u00a0key]", "[redacted:\u3000anthropic key]",
    "[redacted:anthropic_key]", "[redacted: anthropic-key]", "[redacted: anthropic  key]", "[redacted - anthropic key]",
    "[redacted\uff1a anthropic key]", "[[redacted: anthropic key]]", "['redacted: anthropic key']", "<redacted: anthropic key>",
    "(redacted: anthropic key)", "{redacted: anthropic key}",
]  # fmt: skip
REFUSED = [
    "[redac", "redacted", "[REDACTED]", "[redacted: api key]", "[redigiert: anthropic key]", "anthropic key]", "anthropic key", "***",
    "", "your-key", "sk-ant-...", "XXXX", "[redacted: anthropickey]", "[redacted, anthropic key]",
]  # fmt: skip
FORMS = [
    'key = "{}"\nport = {}\n', "KEY={}\nPORT={}\n", '{{"key": "{}", "port": {}}}\n', "  - '{}'\nx: {}\n",
    'headers = {{"X-Key": f"{}"}}  # {}\n',
]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_an_altered_placeholder_is_put_back_or_refused(form: str) -> None:
    before = form.format(KEY, 1)
    for altered in RECOGNISED:
        assert replace_all_text(form.format(altered, 2), before, "x.toml") == form.format(KEY, 2), altered
        edit = Replacement(form.format(MARK, 1), form.format(altered, 2))
        assert replace_passages(before, [edit], "x.toml") == form.format(KEY, 2), altered
    for altered in REFUSED:
        with pytest.raises(ToolError, match="would take the place of a secret"):
            replace_all_text(form.format(altered, 2), before, "x.toml")


def test_an_altered_placeholder_with_two_meanings_is_refused() -> None:
    before = f"x = '{KEY}'\nx = '{OTHER}'\n"
    with pytest.raises(ToolError, match="which of its 2 values"):
        replace_all_text("x = '[redacted: anthropic key'\n", before, "a.py")
    swapped = replace_all_text(
        "y = 'redacted: anthropic key 2]'\nx = '[redacted: anthropic key 1'\n",
        f"x = '{KEY}'\ny = '{OTHER}'\n",
        "a.py",
    )
    assert swapped == f"y = '{OTHER}'\nx = '{KEY}'\n", "names say which, numbers do not"


@pytest.mark.parametrize(
    ("before", "new"),
    [
        ("url = 'postgres://me:Hunter2Xyz99@h/db'\n", "url = 'postgres://me:pass@h/db'\n"),
        ('h = "Authorization: Bearer abcdefghijklmnop1234"\n', 'h = "Authorization: Bearer token"\n'),
        ("password: Hunter2Xyz99\nport: 1\n", "password:\nport: 1\n"),
        ("define('DB_PASSWORD', 'Hunter2Xyz99');\n", "define('DB_PASSWORD', 'x');\n"),
        ("machine a.b login me password Hunter2Xyz99\n", "machine a.b login me password x\n"),
        ("<password>Hunter2Xyz99</password>\n", "<password></password>\n"),
        (
            '{"a":{"password":"x","n":1},"b":{"password":"Hunter2Xyz99"}}\n',
            '{"a":{"password":"x","n":2},"b":{"password":""}}\n',
        ),
        (
            "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----\nx\n",
            "-----BEGIN PRIVATE KEY-----\n(key)\n-----END PRIVATE KEY-----\nx\n",
        ),
    ],
)
def test_no_other_text_takes_the_place_of_a_secret(before: str, new: str) -> None:
    with pytest.raises(ToolError, match="would take the place of a secret"):
        replace_all_text(new, before, "a.txt")


@pytest.mark.parametrize(
    ("before", "new"),
    [
        ('key = "?"\n', 'key = os.environ["KEY"]\n'), ('key = "?"\n', ""), ('key = "?"\nb = 1\n', "b = 2\n"), ('key = "?"\n', "key = None\n"),
        ("key: ?\n", "key: ${KEY}\n"), ("key: ?\n", 'key: "{{ vault.key }}"\n'), ("key: ?\n", "key: !vault |\n"), ("KEY=?\n", "KEY=$OTHER\n"),
        ("KEY=?\n", "KEY=$(cat f)\n"), ('{"key": "?", "port": 1}\n', '{"port": 1}\n'), ('{"key": "?"}\n', '{"key": "${KEY}"}\n'),
        ('key = "?"\n', 'key = f"{env}"\n'), ('key = "?"\n', 'KEY_FILE = "a.txt"\nkey = read(KEY_FILE)\n'), ("x = ['?', 'b']\n", "x = ['b']\n"),
        ('"A": "Bearer ?",\n', '"A": auth(),\n'), ("key = '?'\n", "key = process.env.KEY!\n"), ("key: ?\n", "key: env:KEY\n"),
        ("key = '?'\n# [redacted]\n", "# [redacted]\n"), ('{"a":{"key":"?"},"b":{"key":"x"},"c":1}\n', '{"b":{"key":"x"},"c":2}\n'),
    ],
)  # fmt: skip
def test_a_secret_goes_with_its_line_or_gives_way_to_code(before: str, new: str) -> None:
    assert replace_all_text(new, before.replace("?", KEY), "a.txt") == new


def test_a_secret_is_replaced_in_two_edits() -> None:
    edits = [Replacement(f"key: {MARK}\n", ""), Replacement("a: 1\n", "a: 1\nkey: new\n")]
    assert replace_passages(f"a: 1\nkey: {KEY}\n", edits, "a.yml") == "a: 1\nkey: new\n"


def test_an_altered_placeholder_is_written_nowhere_else() -> None:
    for altered in ("[redacted: secret", "Redacted: Slack Token]", "&#91;redacted: password&#93;"):
        with pytest.raises(ToolError, match="is a placeholder for a secret"):
            refuse_placeholders(f"KEY={altered}", "the command")
    for kept in ("the redacted: secret stays", "[redacted]", "redacted = secret"):
        refuse_placeholders(kept, "the command")


@pytest.mark.parametrize(
    "said", ["# Logs are redacted - anthropic key never appears", "# (redacted anthropic key) in logs"]
)
def test_words_about_a_secret_do_not_become_one(said: str) -> None:
    before = f'key = "{KEY}"\n'
    assert replace_all_text(f'key = "{MARK}"\n{said}\n', before, "a.py") == f"{before}{said}\n"
    with pytest.raises(ToolError):  # which of both is the placeholder cannot be known
        replace_all_text(f'{said}\nkey = "{MARK[:-1]}"\n', before, "a.py")


def test_an_intact_placeholder_beside_an_altered_one() -> None:
    before = f'a = "{KEY}"\nb = "{OTHER}"\n'
    written = f'a = "{MARK}"\nb = "{MARK[:-1]}"\nc = 1\n'
    assert replace_all_text(written, before, "a.py") == f"{before}c = 1\n"
