"""The main job in a real Kate, with nothing but its LSP plugin."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from kate_bed import Bed, obtain

from mazu_ls.demo.model_server import ModelServer, ScriptedReply
from tests.server.test_clients import KATE

pytestmark = pytest.mark.editor

FIX = {"path": "app.py", "old": "return a - b", "new": "return a + b"}
DOCUMENTED = '```python\ndef double(a):\n    """Twice the number."""\n    return a * 2\n```'


@pytest.fixture(scope="session")
def kate(editors_wanted: None) -> None:
    obtain()


@pytest.fixture
def bed(kate: None, project: Path, home: Path, model: ModelServer) -> Iterator[Bed]:
    bed = Bed(project, home, model)
    yield bed
    bed.stop()


async def write_in_a_chat(bed: Bed, message: str) -> str:
    """Begin a chat about what is selected; the name of its document, with the message sent."""
    await bed.act("Mazu: chat about this")
    chats = bed.project / ".mazu" / "chats"
    chat = (await bed.until("there is a chat document", lambda: list(chats.glob("*.md"))))[0]
    await bed.open(chat)
    await bed.keys("ctrl+End")
    await bed.type(message)
    await bed.act("Mazu: send")
    return chat.name


async def test_the_main_job(bed: Bed):
    bed.model.script.replies += [
        ScriptedReply(when="Add or fix", text=DOCUMENTED),
        ScriptedReply(when="It subtracts", text="I see.", calls=[{"name": "edit_file", "arguments": FIX}]),
        ScriptedReply(text="It adds now."),
    ]
    await bed.start("app.py")
    before = bed.text("app.py")
    declared = bed.traffic[0]["message"]["params"]["capabilities"]
    assert "workspace" not in declared
    for area, known in KATE.declares.items():
        assert {name: declared[area][name] for name in known} == known, (
            "the client in test_clients.py is another"
        )

    await bed.keys("ctrl+Home", *["Down"] * 4, "shift+Down", "shift+Down")
    await bed.act("Mazu: document")
    await bed.until("the code action edits", lambda: "Twice the number" in bed.text("app.py"))
    if bed.took_all_edits:
        await bed.keys("ctrl+z")
        await bed.until("undo takes it back", lambda: bed.text("app.py") == before)
        assert (bed.project / "app.py").read_text() == before, "nothing is saved behind the back of the user"

    await bed.keys("ctrl+Home", "shift+Down", "shift+Down")
    chat = await write_in_a_chat(bed, "It subtracts. Mend it.")
    await bed.until("the user is asked", lambda: "+    return a + b" in bed.text(chat) + bed.told)
    await bed.act("Mazu: allow once")
    await bed.until("the agent edits the other document", lambda: "return a + b" in bed.text("app.py"))
    await bed.until("the reply is written", lambda: "It adds now." in bed.text(chat) + bed.views)
    assert "It subtracts. Mend it." in bed.text(chat)


async def test_a_proposal_is_accepted_where_edits_come_too_late(bed: Bed):
    bed.model.script.replies += [
        ScriptedReply(when="It subtracts", calls=[{"name": "edit_file", "arguments": FIX}]),
        ScriptedReply(text="Proposed."),
    ]
    (bed.project / ".mazu").mkdir()
    (bed.project / ".mazu" / "config.toml").write_text('[edits]\napply = "propose"\n')
    await bed.start("app.py")
    await bed.keys("ctrl+Home", "shift+Down", "shift+Down")
    chat = await write_in_a_chat(bed, "It subtracts. Mend it.")
    await bed.until("the turn ends", lambda: "Proposed." in bed.text(chat) + bed.views)
    await bed.until("the proposal is hinted at", lambda: bed.hints("app.py"))

    await bed.open(bed.project / "app.py")
    await bed.keys("ctrl+Home", "Down")
    await bed.act("accept proposal")
    await bed.until("it is accepted", lambda: "return a + b" in bed.text("app.py"))
    await bed.until("nothing is proposed any more", lambda: not bed.hints("app.py"))
