"""A file of the shared folder that was edited by hand is noticed where its memory is shown."""

from tests.terminal.test_scripts import Script, script

__all__ = ["script"]  # a fixture


def test_a_shared_file_edited_by_hand_is_noticed_at_once(script: Script):
    assert script("remember", "Amounts are whole cents", "--category", "decision")[0] == 0
    assert script("remember", "Logs go to Loki")[0] == 0
    assert script("memory", "share", "m_000001")[0] == 0
    said = "The file of m_000001 in .mazu/shared says something else: mazu-ls memory proposals"
    for command in (["recall", "whole cents"], ["memory", "list"]):
        assert said not in script(*command)[1]
    (shared,) = (script.root / ".mazu" / "shared").glob("*.md")
    shared.write_text(
        shared.read_text().replace("# Amounts are whole cents", "# Amounts are whole tenths of a cent")
    )
    for command in (["recall", "whole cents"], ["recall", "how do we store money"], ["memory", "list"]):
        out = script(*command)[1]
        assert "Amounts are whole cents" in out and said in out, command
    assert said not in script("recall", "loki")[1]
    assert "whole tenths" in script("memory", "proposals")[1]
    assert script("memory", "accept", "--all")[0] == 0
    out = script("recall", "whole cents")[1]
    assert "whole tenths of a cent" in out and said not in out
