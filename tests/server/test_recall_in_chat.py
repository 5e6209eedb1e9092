"""What /recall shows in a chat document is text, whoever wrote it."""

from pathlib import Path

from tests.server.test_code_actions import shown
from tests.server.test_turns import agent
from tests.server.test_unanswered_edits import open_chat


async def test_recall_shows_titles_and_past_words_literally(env: dict[str, str], folder: Path):
    hostile = "![x](https://evil.example/p.png)\n\n# Big\n\n<img src=y> \u202ereversed"
    async with agent(env, folder, [{"text": "Hello."}]) as client:
        await client.command("mazu.chat", {"message": f"zebra crossing {hostile}", "wait": True})
        document = open_chat(client, folder)
        for query, text in (("zebra crossing", "evil.example/p"), ("giraffe", "evil.example/t")):
            if query == "giraffe":
                await client.command(
                    "mazu.remember", {"title": "giraffe ![x](https://evil.example/t.png) <b>"}
                )
            client.change(document.uri, f"## You\n\n/recall {query}\n")
            await client.command("mazu.chat", {"attachments": [{"uri": document.uri}]})
            await shown(document, text)
            assert "\\[x\\](https" in document.text and "![x](" not in document.text
            assert "<img" not in document.text.replace("\\<img", "") and "\u202e" not in document.text
            assert "\n# Big" not in document.text
