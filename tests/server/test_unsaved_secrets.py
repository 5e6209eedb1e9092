"""A file that holds secrets by its name is asked about though it is in no file yet: the editor shows it unsaved."""

from __future__ import annotations

from pathlib import Path

import pytest

from mazu_ls.demo.model_server import ModelServer
from mazu_ls.server.chat.attached_in_part import names_without_values
from tests.server.test_undo_stories import chat, restarted


async def test_an_unsaved_env_file_is_asked_about(env: dict[str, str], folder: Path):
    read = {"name": "read_file", "arguments": {"path": ".env"}}
    async with (
        ModelServer([{"calls": [read]}, {"text": "Done."}]) as model,
        restarted(env, folder, model) as client,
    ):
        uri = (folder / ".env").as_uri()
        client.open(uri, "")
        client.change(uri, "DB_PIN=hunter rabbit 77\n")
        client.allow(refuse=["read_file: .env"])
        await chat(client, "what is in .env?")
        assert "rabbit" not in str(model.bodies)
        assert [one["tool"] for one in client.notes("mazu/permission/request")] == ["read_file"]


async def test_values_of_an_attached_env_file_are_not_sent(env: dict[str, str], folder: Path):
    values = ("hunter2", "0123456789abcdef", "p@ss word", "abc123")
    (folder / ".env.production").write_text(
        "# settings\n\nDB_PASS=hunter2\nSESSION_KEY=0123456789abcdef\nSMTP='p@ss word'\nexport API=abc123\nEMPTY=\n"
    )
    (folder / "app.py").write_text("KEYS = 3\n")
    async with ModelServer([{"text": "Done."}]) as model, restarted(env, folder, model) as client:
        result = await chat(client, "compare @.env.production with @app.py")
        sent = str(model.bodies[0])
        assert not [value for value in values if value in sent]
        assert "DB_PASS=[redacted: secret]" in sent and "EMPTY=" in sent and "KEYS = 3" in sent
        events = await client.command("mazu.session.events", {"sessionId": result["sessionId"]})
        assert not [value for value in values if value in str(events)]
        await client.until(
            lambda m: ".env.production may hold secrets: 4 values are not sent" in str(m.get("params")),
            within=5,
        )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (".netrc", "machine a.example\n  login me\n  password bluebird\n"),
        (".npmrc", "//registry.example/:_authToken=bluebird\n"),
        ("secrets.json", '{"pin": "bluebird"}\n'),
        ("secrets.json", '{\n  "pins": [\n    "bluebird"\n  ]\n}\n'),
        ("secrets.yml", "pin: |\n  bluebird\n"),
        ("secrets.yml", "pins:\n  - bluebird\n"),
        (".env", "A='first\nbluebird'\n"),
        (".env", "A=one \\\n  bluebird\n"),
        (".env", "MY PIN=bluebird\n"),
        (".env", "A=1\n# PIN=bluebird\n"),
        (".env", "A={\"a\": \"bluebird\"}\n"),
        ("password.txt", "bluebird\n"),
        ("passwords.txt", "bluebird:\n"),
        (".vault-token", "QUJbluebird0k9=\n"),
        (".vault-token", "A=1\nQUJbluebird0k9=\n"),
        ("secret.key", "c2VjbluebirdZXJpYWw==\n"), ("secret.key", "A=1\nbluebird==  \n"), ("secret.key", "QUJbluebird: =\n"),
    ],
)  # fmt: skip
async def test_no_value_of_any_secret_file_is_sent(name: str, text: str):
    named = names_without_values(text)
    assert named is None or "bluebird" not in named.text
