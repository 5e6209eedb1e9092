"""A file that a command only moved here from where no checkpoint holds it is not deleted by an undo."""

import tracemalloc

import pytest

from mazu_ls.checkpoints.unheld.moved_files import MissingFiles, pieces_of
from mazu_ls.platform.birth_time import birth_time
from tests.terminal.test_scripts import Script, script

__all__ = ["script"]  # fixtures


def test_an_undo_leaves_a_file_that_came_from_an_ignored_place(script: Script):
    ignored, here = script.root / "data" / "labels.csv", script.root / "labels.csv"
    held, renamed, made = (script.root / name for name in ("held.txt", "renamed.txt", "made.txt"))
    ignored.parent.mkdir()
    ignored.write_text("three weeks of work\n")
    held.write_text("in every checkpoint\n")
    (script.root / ".gitignore").write_text("data/\n")
    if birth_time(bytes(ignored)) is None:
        pytest.skip("this file system does not say when a file was created")
    package = [script.root / folder / "code.py" for folder in ("old", "new")]
    package[0].parent.mkdir()
    package[0].write_text("x = 1\n")
    lines = ["mv data/labels.csv labels.csv", "mv held.txt renamed.txt", "cp labels.csv made.txt"]
    (script.root / "move.sh").write_text("mv old new\necho 'z = 1' > new/code.py\n")
    lines.append("sh move.sh")
    other = script.root / "other.csv"
    other.write_text("".join(f"{n},{n}\n" for n in range(50)))
    lines.append("rm other.csv")
    calls = [{"name": "run_shell", "arguments": {"command": line}} for line in lines]
    script.model_says({"calls": calls}, {"text": "Done."})
    for line in lines:
        assert script("permissions", "allow", "run_shell", line)[0] == 0
    status, out, err = script("run", "tidy up")
    assert (status, here.exists(), renamed.exists(), made.exists()) == (0, True, True, True), out + err
    status, out, err = script("undo")
    assert (status, "keep: labels.csv (it was moved here from" in out) == (0, True), out + err
    assert here.read_text() == "three weeks of work\n"
    assert other.exists(), "its removal explains no other file of its kind"
    assert (held.exists(), renamed.exists(), made.exists()) == (True, False, False)
    assert [one.exists() for one in package] == [True, False], "renamed and edited by one command"


def test_what_files_have_in_common_is_found_in_linear_time():
    """Comparing each pair by characters took minutes of a processor, one pair of repeated bytes as well."""
    texts = [b"0," * 2048, b"1," * 2048, b"".join(b"%d\n" % n for n in range(9000)), b"x = 1\n"]
    missing = MissingFiles([pieces_of(text) for text in texts * 50])
    assert all(missing.take_alike(pieces_of(b"z = 1\n")) for _ in range(50)), "each is taken once"
    assert not missing.take_alike(pieces_of(b"z = 1\n"))
    assert missing.take_alike(pieces_of(texts[2] + b"".join(b"more %d\n" % n for n in range(2000))))
    assert not missing.take_alike(pieces_of(bytes(range(256)) * 16))
    settings = (
        b'{"debug": false, "port": 8000, "user": "me"}',
        b'{"debug": true, "port": 8001, "user": "ann", "k": 1}',
    )
    assert not MissingFiles([pieces_of(settings[0])]).take_alike(pieces_of(settings[1])), "a file of its kind"


def test_what_is_compared_of_long_files_takes_little_memory():
    """All lines of the files that one command deleted took gigabytes."""
    texts = [b"".join(b"%x\n" % (n * step) for n in range(100_000)) for step in (1, 3)]
    half = b"".join(b"%x\n" % (n if n % 2 else n + 100_000) for n in range(100_000))
    most = b"".join(b"%x\n" % (n if n % 9 else n + 100_000) for n in range(100_000))
    tracemalloc.start()
    try:
        missing = MissingFiles([pieces_of(text) for text in texts])
        assert tracemalloc.get_traced_memory()[0] < 1 << 18
    finally:
        tracemalloc.stop()
    assert not missing.take_alike(pieces_of(half))
    assert missing.take_alike(pieces_of(most))
    assert not missing.take_alike(pieces_of(most)), "it is missing no more"
