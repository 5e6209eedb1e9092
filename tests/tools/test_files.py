"""Reading and listing: what the user sees is what the model reads, bounded, never as noise."""

import base64
import json
import os

import pytest

from mazu_ls.errors import ToolError
from mazu_ls.tools import files
from mazu_ls.tools.edit.tools import edit_file
from mazu_ls.tools.files import list_dir, read_file
from mazu_ls.tools.search.tools import grep
from mazu_ls.workspace import PathRefused

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNgYGAAAAAEAAH2FzhVAAAAAElFTkSuQmCC"
)


async def test_lines_are_numbered_and_ranges_say_where_to_go_on(made) -> None:
    project = made({"a.txt": "".join(f"line {n}\n" for n in range(1, 11))})
    assert (await project.text(read_file, path="a.txt", offset=9)) == "9\tline 9\n10\tline 10"
    assert (await project.text(read_file, path="a.txt", offset=2, limit=2)).splitlines() == [
        "2\tline 2", "3\tline 3", "[lines 2-3 of 10; continue with offset=4]"
    ]  # fmt: skip
    with pytest.raises(ToolError, match="has 10 lines"):
        await project.call(read_file, path="a.txt", offset=11)


async def test_unsaved_text_is_what_is_read(made) -> None:
    project = made({"a.py": "saved\n"})
    project.host.open[project.root / "a.py"] = "unsaved\n"
    assert await project.text(read_file, path="a.py") == "1\tunsaved"


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"caf\xe9\n", "café"), ("x\n".encode("utf-16"), "x"), (b"\xef\xbb\xbfx\r\ny\r\n", "x")],
)
async def test_other_encodings_are_text(project, data: bytes, text: str) -> None:
    (project.root / "a.txt").write_bytes(data)
    assert (await project.text(read_file, path="a.txt")).startswith(f"1\t{text}")


async def test_an_image_is_shown_and_a_binary_file_is_said(project) -> None:
    (project.root / "a.png").write_bytes(PNG)
    (project.root / "a.bin").write_bytes(os.urandom(100) + b"\0\0")
    output = await project.call(read_file, path="a.png")
    assert output.images[0].media_type == "image/png"
    assert base64.b64decode(output.images[0].data) == PNG
    with pytest.raises(ToolError, match="binary file of 102 bytes"):
        await project.call(read_file, path="a.bin")


async def test_a_notebook_is_its_cells(made) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Title"]},
        {
            "cell_type": "code",
            "source": ["1 + 1"],
            "outputs": [{"data": {"text/plain": ["2"], "image/png": "xxx"}}],
        },
    ]
    text = await made({"a.ipynb": json.dumps({"cells": cells})}).text(read_file, path="a.ipynb")
    assert text == (
        "<cell 1 markdown>\n# Title\n</cell 1>\n\n<cell 2 code>\n1 + 1\n</cell 2>\n-> 2\n-> [image/png]"
    )


async def test_a_huge_file_is_read_by_line_only(project) -> None:
    with (project.root / "huge.log").open("wb") as file:
        for start in range(0, 1_200_000, 1000):
            file.write(b"".join(b"line %d\n" % n for n in range(start + 1, start + 1001)))
    text = await project.text(read_file, path="huge.log", offset=1_000_000, limit=2)
    assert text.startswith("1000000\tline 1000000\n1000001\tline 1000001\n[lines")


async def test_long_lines_and_long_files_are_cut_with_a_pointer(made) -> None:
    project = made(
        {"wide.txt": "x" * 100_000, "long.txt": "x" * 90 + "\n", "many.txt": ("y" * 90 + "\n") * 1000}
    )
    assert "[98000 more characters in this line; column=2001 shows them]" in await project.text(
        read_file, path="wide.txt"
    )
    text = await project.text(read_file, path="many.txt")
    assert len(text) < 31_000
    assert "of 1000; continue with offset=" in text


async def test_folders_and_special_files_are_no_files(made) -> None:
    project = made({"src/a.py": ""})
    os.mkfifo(project.root / "fifo")
    with pytest.raises(ToolError, match="list_dir"):
        await project.call(read_file, path="src")
    with pytest.raises(PathRefused):
        await project.call(read_file, path="fifo")
    with pytest.raises(PathRefused):
        await project.call(read_file, path="../x")


async def test_a_folder_is_listed_with_sizes_links_and_depth(made) -> None:
    project = made({"src/deep/a.py": "x", "b.txt": "12345"})
    (project.root / "out").symlink_to("/etc")
    text = await project.text(list_dir, depth=2)
    assert text.splitlines() == [
        "src/",
        "  deep/",
        "b.txt (5 B)",
        "out -> /etc (link, outside the workspace)",
    ]
    with pytest.raises(ToolError, match="not a folder"):
        await project.call(list_dir, path="b.txt")


KEY = "sk-ant-api03-aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zA1bC3dE5g"


async def test_a_place_in_a_long_line_is_found_and_read(made) -> None:
    line = "é" * 50_000 + "needle(1);" + "y" * 50_000
    project = made({"app.min.js": f"// head\n{line}\nlast\n"})
    found = await project.text(grep, pattern="needle.")
    assert found.startswith("app.min.js:2:... é")
    assert "needle(1);y" in found
    assert "[column 50001 of 100010; read_file with column=49701 shows more]" in found
    assert len(found) < 1000
    text = await project.text(read_file, path="app.min.js", offset=2, limit=1, column=50_001)
    assert text.startswith("2\t... needle(1);yyy")
    assert "[48010 more characters in this line; column=52001 shows them]" in text
    assert "[this line has 4 characters]" in await project.text(
        read_file, path="app.min.js", offset=3, column=9
    )
    await project.call(edit_file, path="app.min.js", old="needle(1);", new="needle(2);")
    assert (project.root / "app.min.js").read_text() == f"// head\n{line.replace('(1)', '(2)')}\nlast\n"


async def test_a_place_in_a_line_of_a_huge_file_is_read(project) -> None:
    with (project.root / "huge.json").open("w") as file:
        file.write("é" * 5_000_000 + "needle" + "z" * 1_000_000 + "\nend\n")
    text = await project.text(read_file, path="huge.json", column=5_000_001)
    assert text.startswith("1\t... needlezzz")
    assert "[998006 more characters in this line; column=5002001 shows them]" in text
    assert "\n2\t[this line has 3 characters]" in text
    assert "2\tend" in await project.text(read_file, path="huge.json", offset=2)


@pytest.mark.parametrize("at", [1990, 2000, 3990])
async def test_the_edge_of_a_long_line_shows_no_half_of_a_secret(made, at: int) -> None:
    text = "x" * (at - 8) + f" key='{KEY}' " + "y" * 9000
    project = made({"a.js": text})
    shown = [await project.text(read_file, path="a.js", column=column) for column in (1, at + 10, at + 30)]
    shown.append(await project.text(grep, pattern="rS4tU6vW8xY0z"))
    assert not any(part in piece for piece in shown for part in (KEY[20:30], KEY[-12:], KEY[:18]))


async def test_a_file_that_outgrew_the_whole_is_edited_after_it_was_read_again(made, monkeypatch) -> None:
    monkeypatch.setattr(files, "WHOLE_BYTES", 1000)
    project = made({"a.txt": "one\n" * 10 + "end\n"})
    await project.text(read_file, path="a.txt")
    project.write({"a.txt": "one\n" * 500 + "end\n"})
    await project.text(read_file, path="a.txt")
    assert await project.text(edit_file, path="a.txt", edits=[{"old": "end", "new": "END"}]) == "edited a.txt"
