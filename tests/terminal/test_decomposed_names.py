"""Files whose names a Mac made: a name typed with composed letters means the file with decomposed ones."""

import json
import unicodedata

from tests.terminal.test_scripts import Script, script

__all__ = ["script"]
TYPED = "Anhänge/größe/Zubehör.md"
STORED = unicodedata.normalize("NFD", TYPED)


def call(name: str, **arguments: str) -> dict[str, object]:
    return {"calls": [{"name": name, "arguments": arguments}]}


def test_a_rule_and_a_name_hold_for_either_spelling(script: Script):
    file = script.root / STORED
    file.parent.mkdir(parents=True)
    file.write_text("eins\n")
    script.model_says(
        call("edit_file", path=STORED, old="eins", new="zwei"),
        {"text": "Done."},
    )
    status, out, err = script("run", f'change @"{TYPED}"', "--json")
    assert (status, json.loads(out)["refusals"]) == (0, []), out + err
    assert file.read_text() == "zwei\n"
    assert "There is no file" not in err
    status, out, err = script("rollback", "cp_000001", "--path", TYPED)
    assert (status, file.read_text()) == (0, "eins\n"), out + err

    assert script("permissions", "deny", "read_file", TYPED)[0] == 0
    for path in (STORED, TYPED):
        assert script("permissions", "check", "read_file", path)[1].startswith("deny"), path
    assert script("permissions", "deny", "run_shell", f"lpr {STORED}")[0] == 0
    assert script("permissions", "check", "run_shell", f"lpr {TYPED}")[1].startswith("deny")
