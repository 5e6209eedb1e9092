"""Secrets in formats that name them in their own way, and what looks like one there and is none."""

from __future__ import annotations

import pytest

from mazu_ls.redact import find_secrets, redact

pytestmark = pytest.mark.portable

PW, KEY = "h7Kq!x92Lm", "aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zA1bC3dE5g"
FORMATS = (
    f"//registry.example/:_authToken={KEY}", f"_auth={KEY}==", f"machine api.example login bob password {PW}",
    f"machine api.example\n  login bob\n  password {PW}", f"db.example:5432:prod:bob:{PW}", f"jdbc:oracle:thin:scott/{PW}@//db:1521/x",
    f'dsn := "bob:{PW}@tcp(db:3306)/x"', f'"Server=db;User Id=sa;Password={PW};"', f"Private-Lines: 1\n{KEY}{KEY[:24]}\nPrivate-MAC: ab",
    f"PresharedKey = {KEY}123=", '{"auths": {"r.example": {"auth": "' + KEY + '"}}}', f"    client-key-data: {KEY}==",
    f"<server><password>{PW}</password></server>", f"secret_key_base: {KEY}", f"APP_KEY=base64:{KEY}=", f"define('DB_PASSWORD', '{PW}');",
    f"define( 'AUTH_KEY', '{KEY} :(' );", f"curl -u bob:{PW} https://x", f"curl -sS --user 'bob:{PW}' https://x", f"https://x.example/c?sv=2020&sig={KEY}%3D",
    f"mysqldump -u root -p{PW} db", f"sshpass -p {PW} ssh h", f"license_key: '{KEY}'", f'<add key="ApiKey" value="{KEY}" />',
    f"ansible_become_pass: {PW}", f"DB_PASS={PW}", f"tool --password {PW} --username bob", f"Passwort: {PW}", f"mot_de_passe = '{PW}'", f"contrase\u00f1a: '{PW}'",
)  # fmt: skip
NONE = (
    "machine {host} login {user} password {password}", "machine $HOST login $USER password $PASSWORD", "app.py:5432: error: a:b", "jdbc:oracle:thin:scott/${PW}@//db",
    "user:%s@tcp(%s)/%s", '"auth": "none"', '"auth": "basic-authentication"', "<password>${env.PASSWORD}</password>", "<token>identifier</token>", "<password></password>",
    "define('DB_PASSWORD', 'your_password_here');", "define('AUTH_KEY', 'put your unique phrase here');", "curl -u $USER:$PASSWORD https://x", "curl -u user https://x:8080/a",
    "mysql -port 3306", "mysql -p db", "sshpass -p $PW ssh h", "tool --password PASSWORD --token $TOKEN", "tool --token <token>", "first_pass = compute_all(x)",
    '<add key="Timeout" value="1234567" />', '<input name="password" value="" />', "bypass: 12345678", "compass_key = north", "Passwort:",
)  # fmt: skip


def test_secrets_of_other_formats_are_replaced_and_their_places_known():
    for text in FORMATS:
        shown = redact(text)
        assert PW not in shown, text
        assert KEY not in shown, text
        assert redact(shown) == shown, text
        marked = text
        for span in reversed(find_secrets(text)):
            marked = marked[: span.start] + span.mark + marked[span.end :]
        assert marked == shown, text


def test_what_only_has_their_form_stays():
    for text in NONE:
        assert redact(text) == text, text
