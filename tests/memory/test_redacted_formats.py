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
ORDINARY = """
define('SETTINGS_KEY', 'my_plugin_settings');
define('CACHE_KEY', 'products_list_v2');
define('PRIMARY_KEY', 'user_id');
define('CSRF_TOKEN', 'csrf_token_field');
define("API_TOKEN", "https://example.com/token/v2");
define('CACHE_KEY', 'user:%d:profile_v2');
define('OPTION_KEY', 'my-plugin_option[field1]');
define('MENU_KEY', '{prefix}_menu_1');
tool --token ./token_1.txt
shared_key = shared_key_1
define('API_KEY', 'Set this in Settings 2');
self._auth = OAuth2SessionHandler
_auth = Auth0ProviderClient
self._auth = HTTPBasicAuth1Provider
self._auth = X509CertificateProvider
"auth": "/api/v1/OAuth2Login"
"auth": "OAuth2AuthorizationCode"
<PublicKeyToken>b77a5c561934e089</PublicKeyToken>
<add key="PublicKeyToken" value="b77a5c561934e089"/>
<NextToken>AAMA7f3kQz91LmX2b</NextToken>
<NextToken>page-2-of-10</NextToken>
<token>ID_1234</token>
<secret>section-2/item 10</secret>
<add key="RefreshToken" value="OAuth2RefreshToken"/>
docker run --name mysql -p3306:3306 -d mysql:8
docker run --name mysql -p127.0.0.1:3306:3306 -d mysql:8
ssh -p22022 host mysql -p33060
systemctl restart mysql && grep -pword1x file
docker build --secret id=npmrc1,src=.npmrc .
machine learning login form password field
default login form password field
parser --token identifier2
tool --pass v1.2.3 --api-key OAuth2Client
proxy_pass = upstream1_backend
root_pass = PassOfStage2
sql pass: stage2_optimizer
email pass: 2021-12-01
sshpass: /usr/bin/sshpass2
"sshpass": "/usr/bin/sshpass"
mapKey: 'a1b2c3d4e5f6'
"""
NAMES = ("DB", "DATABASE", "SMTP", "IMAP", "MAIL", "EMAIL", "FTP", "SSH", "MYSQL", "PG", "POSTGRES", "REDIS", "MONGO", "LDAP", "PROXY", "ADMIN", "ROOT", "SUDO", "BECOME")  # fmt: skip
KEYS = ("APP", "LICENSE", "LICENCE", "SHARED", "PRESHARED")
WHOLE = (
    "PASSWORT", "KENNWORT", "MOTDEPASSE", "MOT_DE_PASSE", "CONTRASE\u00d1A", "CONTRASENA", "SENHA", "DB_SENHA", "\u043f\u0430\u0440\u043e\u043b\u044c",
    "has\u0142o", "PRE-SHARED-KEY", "SECRET_KEY_BASE", "SECRETKEYBASE", "MY_APP_KEY", "LARAVEL_APP_KEY", "OLD_DB_PASS",
)  # fmt: skip
RANDOM = (
    f"define('CACHE_KEY', '{PW}')", f"define('NONCE_SALT', '{KEY}')", "define('DB_PASSWORD', 'correct-horse2');", f"<token>{KEY}</token>", "<password>Winter2024</password>",
    "<secret>JBSWY3DPEHPK3PXP</secret>", f'<add key="RefreshToken" value="{KEY}"/>', f"tool --token {KEY}", "tool --password Winter2024", f"tool --pass {PW}",
    f"docker exec -it db mysql -uroot -p{PW} app", f"docker run --name mysql -p3306:3306 x; mysql -p{PW}", "machine api.example login bob password dragon",
    f"machine build login bob password {PW}", "machine localhost login bob password dragon", "mysql -p1234567 db", "db_pass = sommer24", "DB_PASS=sommer_24",
)  # fmt: skip
NONE = (
    "machine {host} login {user} password {password}", "machine $HOST login $USER password $PASSWORD", "app.py:5432: error: a:b", "jdbc:oracle:thin:scott/${PW}@//db",
    "user:%s@tcp(%s)/%s", '"auth": "none"', '"auth": "basic-authentication"', "<password>${env.PASSWORD}</password>", "<token>identifier</token>", "<password></password>",
    "define('DB_PASSWORD', 'your_password_here');", "define('AUTH_KEY', 'put your unique phrase here');", "curl -u $USER:$PASSWORD https://x", "curl -u user https://x:8080/a",
    "mysql -port 3306", "mysql -p db", "sshpass -p $PW ssh h", "tool --password PASSWORD --token $TOKEN", "tool --token <token>", "first_pass = compute_all(x)",
    *ORDINARY.strip().splitlines(), '<add key="Timeout" value="1234567" />', '<input name="password" value="" />', "bypass: 12345678", "compass_key = north", "Passwort:",
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


def test_every_name_is_known_in_each_of_its_spellings():
    names = [(a.lower(), b) for ends, b in ((NAMES, "pass"), (KEYS, "key")) for a in ends]
    forms = (f"{a}{sign}{b}" for a, b in names for sign in ("_", "-", ""))
    for name in (*WHOLE, *forms, *(f"{a}{b.title()}" for a, b in names)):
        for line in (f"%s={PW}", f"%s: {PW}", f"%s: '{PW}'", f'"%s": "{PW}"', f"%s = {PW}"):
            assert PW not in redact(line % name), (line, name)
            assert PW not in redact(line % name.upper()), (line, name)


def test_a_value_that_was_drawn_at_random_is_replaced():
    for text in RANDOM:
        assert "[redacted: " in redact(text), text
        assert redact(redact(text)) == redact(text), text


def test_what_only_has_their_form_stays():
    for text in NONE:
        assert redact(text) == text, text
