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


async def test_the_very_words_of_a_conversation_stand_above_what_is_merely_close(
    env: dict[str, str], folder: Path
):
    async with agent(env, folder, [{"text": "It listens on 7433."}]) as client:
        await client.command("mazu.chat", {"message": "where is the billing daemon port", "wait": True})
        await client.command("mazu.remember", {"title": "Invoices are charged in whole cents"})
        document = open_chat(client, folder)
        client.change(document.uri, "## You\n\n/recall billing daemon port\n")
        await client.command("mazu.chat", {"attachments": [{"uri": document.uri}]})
        await shown(document, "whole cents")
        said, close = document.text.index("Past conversations hold"), document.text.index("whole cents")
        heading = max(map(document.text.find, ("close in meaning only", "The nearest there is")))
        assert said < heading < close
