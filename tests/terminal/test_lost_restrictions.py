"""A typo in the user's own settings does not take a limit or a rule away: nothing is sent to a model until it is corrected."""

import pytest

from tests.terminal.test_scripts import WRITE, Script, script

__all__ = ["script"]
TYPOS = {
    "a limit as a text": ('[limits]\nmax_cost_usd = "0.01"\n', ":2: limits.max_cost_usd: "),
    "a mode": ('[permissions]\nmode = "Plan"\n', ":2: permissions.mode: "),
    "a verdict": (
        '[[permissions.rules]]\ntool = "write_file"\nverdict = "Deny"\n',
        ":1: permissions.rules: ",
    ),
    "a quote": ('[limits]\nmax_steps = 5\n[permissions]\nmode = "plan\n', " is not valid TOML: "),
    "Latin-1": ("# größer\n[limits]\nmax_steps = 5\n".encode("latin-1"), " is not UTF-8 (line 1): "),
}


@pytest.mark.parametrize(("text", "said"), TYPOS.values(), ids=TYPOS.keys())
def test_no_turn_begins_without_a_restriction(script: Script, text: str | bytes, said: str):
    script.model_says(WRITE, {"text": "Done."})
    settings = script.root.parent / "home" / "config.toml"
    settings.parent.mkdir(exist_ok=True)
    settings.write_bytes(text if isinstance(text, bytes) else text.encode())
    status, out, err = script("run", "write it", "--json")
    assert (status, (script.root / "new.txt").exists()) == (1, False), out + err
    assert (
        f"Nothing is sent to a model while a limit or rule of yours cannot be read: {settings}{said}" in out
    )
    status, out, err = script("doctor")
    assert f"{settings}{said}" in out
    settings.write_bytes(b"\xef\xbb\xbf[limits]\nmax_steps = 5\n")  # as Notepad saves it
    status, out, err = script("run", "write it")
    assert (status, (script.root / "new.txt").exists()) == (0, True), out + err


def test_settings_behind_a_link_that_leads_nowhere_are_missed(script: Script):
    script.model_says(WRITE, {"text": "Done."})
    settings = script.root.parent / "home" / "config.toml"
    settings.parent.mkdir(exist_ok=True)
    settings.symlink_to(script.root.parent / "dotfiles/config.toml")
    status, out, err = script("run", "write it", "--json")
    assert (status, (script.root / "new.txt").exists()) == (1, False), out + err
    assert f"{settings} cannot be read: the link {settings} leads to nothing" in out
