"""Secrets go, everything else stays."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mazu_ls.memory.agents.agent_passage import redact_and_cut
from mazu_ls.redact import find_secrets, has_secret, redact

pytestmark = pytest.mark.portable


A40 = "aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zA1bC3dE5g"
SECRETS = {
    "anthropic": f"sk-ant-api03-{A40}",
    "openai": f"sk-proj-{A40}",
    "old openai": f"sk-{A40}",
    "openrouter": "sk-or-v1-0123456789abcdef0123456789abcdef",
    "github": f"ghp_{A40[:36]}",
    "fine github": f"github_pat_11ABCDEFG0{A40}{A40}",
    "gitlab": "glpat-abcDEF123456ghiJKL78",
    "aws": "AKIAIOSFODNN7EXAMPLE",
    "google": "AIzaSyA1234567890abcdefghijklmnopqrstuv",
    "slack": "xoxb-123456789012-abcdefghijkl",
    "stripe": "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc",
    "groq": f"gsk_{A40}",
    "hugging face": f"hf_{A40[:34]}",
    "pypi": f"pypi-AgEIcHlwaS5vcmc{A40}",
    "npm": f"npm_{A40[:36]}",
    "sendgrid": f"SG.{A40[:22]}.{A40}",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
    "url": "postgres://bob:s3cr3tpass@db.example.org:5432/app",
    "private key": "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n-----END OPENSSH PRIVATE KEY-----",
    "cut private key": "-----BEGIN PRIVATE KEY-----\nMIIEvQ1BADANBg",
    "env": "DATABASE_PASSWORD=Tr0ub4dor&3xyz",
    "yaml": 'client_secret: "q9w8e7r6t5y4"',
    "python": "API_KEY = 'a1b2c3d4e5f6'",
    "header": "Authorization: Bearer abcdef0123456789abcdef",
    "basic": "Authorization: Basic dXNlcjpwYXNzd29yZDEyMw==",
    "azure": "AccountKey=abcdefghijklmnopqrstuvwxyz0123456789+/==",
    "spoken": "the password is hunter2xyz",
}  # fmt: skip
SHOWN_IN_PART = ("correct-horse-battery", "dragon", "lowercaseonly", "xoxb-123***abcd", "glpat-ab***cdef", "AKIA****WXYZ", "ab**cd", "abcd...wxyz", "abcdef...wxyz", "abcdefghijklm[...]wxyz", "sk-abcXXXXXXXXwxyz")  # fmt: skip
"""Values that look like nothing; each stands in one line of `LINES`."""
LINES = """password = "correct-horse-battery"
'pwd': 'dragon'
token: "lowercaseonly"
xoxb-123***abcd glpat-ab***cdef AKIA****WXYZ sk-abcXXXXXXXXwxyz
x-api-key: ab**cd
API key: 'abcd...wxyz' invalid
Authorization: Bearer abcdef...wxyz
sk-proj-abcdefghijklm[...]wxyz
"""


def test_what_is_named_a_password_or_shown_in_part_is_replaced():
    said = redact(LINES)
    assert [value for value in SHOWN_IN_PART if value in said] == []
    assert said.count("[redacted: ") == 11
    spans = find_secrets(LINES)
    assert len(spans) == 11
    assert redact(said) == said


HARMLESS = [
    'password = "changeme"',
    'password: ""',
    'type="password" name="password"',
    '"token": "identifier"',
    '"token": "keyword.control"',
    "{ token = 'comma', next: 'value' }",
    'auth.token("x"); TOKEN = "Punctuation"',
    "the secret is...well, hard work",
    "commit 0123456789abcdef0123456789abcdef01234567",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "api_key = os.environ['API_KEY']",
    "token = tokenizer.next_token()",
    "password: str = Field(...)",
    "max_tokens=1000, tokens: 1500",
    "self.password = password",
    "PASSWORD=$DB_PASSWORD",
    "secret_key: ${SECRET_KEY}",
    'API_KEY="your-api-key-here"',
    "key = lambda item: item.token",
    "http://localhost:8080/path@v2",
    "https://github.com/org/repo.git",
    "sk-learn is a library, so is sklearn",
    "if token == expected_token:",
    "def get_secret(name: str) -> bytes:",
    "git clone git@github.com:org/repo.git",
    "The password is checked by the login form",
    "f47ac10b-58cc-4372-a567-0e02b2c3d479",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAUA",
    "password = getpass()",
    "token: Token | None = None",
    "the token is valid for 3600 seconds",
    "a password is at least 12 characters long",
    "the secret is stored in vault1, see docs",
]


@pytest.mark.parametrize("kind", SECRETS)
def test_a_secret_is_replaced(kind: str):
    secret = SECRETS[kind]
    said = redact(f"before {secret} after")
    assert "[redacted: " in said
    parts = re.split(r"[\s=:@'\"]+", secret)
    core = max((part for part in parts if re.search(r"\d", part)), key=len)
    assert core not in said or kind == "url"
    assert "s3cr3tpass" not in said
    assert said.startswith("before ")
    if kind != "cut private key":
        assert said.endswith(" after")
    assert redact(said) == said


@pytest.mark.parametrize("text", ["password = 'comma'", '"secret": "keyword.control"', "token = 'comma1'", 'token: "correct-horse-battery-x"'])  # fmt: skip
def test_a_word_of_a_grammar_is_a_secret_where_it_is_called_one(text: str):
    assert "[redacted: secret]" in redact(text)


@pytest.mark.parametrize("text", HARMLESS)
def test_code_and_hashes_stay(text: str):
    assert redact(text) == text


@pytest.mark.parametrize(
    "quoted",
    ["sk-abc***xyz", "sk-proj-" + "*" * 40 + "abcd", "sk-ab************90", "sk-ant-api03-abc...wxyz", "AIza…xyz1", "gsk_ab…cd", "sk-abc***"],
)  # fmt: skip
def test_a_key_that_a_service_quotes_in_part_is_replaced(quoted: str):
    assert (
        redact(f"Incorrect API key provided: {quoted}.")
        == "Incorrect API key provided: [redacted: part of a key]."
    )
    assert "f0a1" not in redact("Authentication Fails, Your api key: ****f0a1 is invalid")


@pytest.mark.parametrize(
    "text",
    ["OPENAI_API_KEY=sk-...", "an API key **in bold**", "task-list...done", "/^sk-.*$/", "api key: ***"],
)
def test_what_only_stands_for_a_key_stays(text: str):
    assert redact(text) == text


def test_what_kind_it_was_is_said_and_the_rest_stays_readable():
    assert redact("postgres://bob:s3cr3tpass@db/app") == "postgres://bob:[redacted: password]@db/app"
    assert (
        redact("KEY1=1\nDB_PASSWORD=Tr0ub4dor&3\nKEY2=2") == "KEY1=1\nDB_PASSWORD=[redacted: secret]\nKEY2=2"
    )
    assert (
        redact("export ANTHROPIC_API_KEY=sk-ant-api03-abcdefghijklmnop")
        == "export ANTHROPIC_API_KEY=[redacted: anthropic key]"
    )


@given(text=st.text(max_size=500))
def test_redacting_twice_is_redacting_once(text: str):
    once = redact(text)
    assert redact(once) == once
    assert has_secret(text) == (once != text)


@given(st.lists(st.sampled_from([*SECRETS.values(), *HARMLESS, "\n", " ", "[redacted: secret]"]), max_size=8))
def test_where_the_secrets_stand_is_known(parts: list[str]):
    text = "\n".join(parts)
    shown, at = "", 0
    for span in find_secrets(text):
        shown += text[at : span.start] + span.mark
        at = span.end
    assert shown + text[at:] == redact(text)


BODY = "\n".join("MIIEpAIBAAKCAQEA7" + letter * 47 for letter in "abcd")
BEGIN = "-----BEGIN RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (f"==> a.pem <==\n{BEGIN}\n{BODY}\n\n==> b.pem <==\n{BEGIN}\n{BODY}\n", "==> b.pem <=="),
        (
            f"{BEGIN}\n{BODY}\n-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n",
            "BEGIN CERTIFICATE",
        ),
        (f"{BEGIN}\n{BODY}\n" + "a line of the log\n" * 3000, "a line of the log"),
        (f"{BEGIN}\r\nProc-Type: 4,ENCRYPTED\r\n\r\n{BODY}\n{BEGIN}\n", ""),
    ],
)
def test_a_private_key_without_its_end_is_a_secret_too(text: str, kept: str):
    hidden = redact(text)
    assert "MIIE" not in hidden
    assert kept in hidden
    assert redact(hidden) == hidden


NAMES = [
    "api_key", "secret_access_key", "SECRET_KEY_BASE", "secretKeyBase", "private-key", "appkey", "license_key", "dbpass", "passwort",
    "mot de passe", "motdepasse", "kennwort", "contraseña", "contrasena", "senha", "пароль", "hasło", "client_secret", "signing_key",
    "auth_token", "token", "passwd", "PASSWORD", "passphrase", "pwd", "secret", "credential", "Credentials",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sign", ["=", ": ", "' : '", " => "])
def test_every_name_of_a_secret_passes_the_quick_search(name: str, sign: str):
    quote = "'" if sign.endswith(" ") or sign == "=" else ""
    text = f"{name}{sign}{quote}q9w8E7r6t5y4{quote or chr(39)}"
    assert "q9w8E7r6t5y4" not in redact(text), text


FILLERS = [" ", "a plain word " * 40, "x" * 1_500, "\n" * 700, "naïve = value\n" * 30]
LONG = [
    "-----BEGIN PRIVATE KEY-----\n" + f"{A40}{A40[:24]}\n" * 60 + "-----END PRIVATE KEY-----",
    f"eyJhbGciOiJIUzI1NiJ9.eyJ{A40 * 80}.{A40}",
    f"-----BEGIN RSA PRIVATE KEY-----\n{A40}",
]


@given(
    st.lists(st.sampled_from([*SECRETS.values(), *FILLERS, *LONG]), max_size=12),
    st.sampled_from([300, 1_000]),
)
def test_a_cut_text_is_redacted_as_the_whole_text_is(parts: list[str], limit: int):
    text = " ".join(parts)
    assert redact_and_cut(text, limit) == redact(text.strip())[:limit]
