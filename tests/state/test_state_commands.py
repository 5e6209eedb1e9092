"""`mazu-ls state ...`: what cannot be done is said in one sentence that is true and says what to do."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from mazu_ls.terminal import cli
from tests.server.client import connected
from tests.state.test_project_state import ATTACH, says, titles


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.setenv("MAZU_HOME", str(tmp_path / "mazu home"))
    monkeypatch.setenv("MAZU_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(folder)
    return folder


def typed(capsys: pytest.CaptureFixture[str], *line: str) -> tuple[int, str]:
    capsys.readouterr()
    code = cli.run(list(line))
    said = capsys.readouterr()
    return code, " ".join((said.out + said.err).split())


def test_a_project_with_nothing_is_not_exported(project: Path, capsys: pytest.CaptureFixture[str]):
    code, said = typed(capsys, "state", "export", "backup")
    assert code != 0
    assert "has no memories, conversations or checkpoints" in said
    assert not (project / "backup").exists()


def test_a_folder_too_broad_for_checkpoints_is_exported_without_them(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (project / "home").mkdir()
    monkeypatch.setenv("HOME", str(project / "home"))
    code, said = typed(capsys, "state", "export", str(tmp_path / "backup"))
    assert code != 0
    assert "has no memories" in said
    typed(capsys, "remember", "The port is 8080")
    code, said = typed(capsys, "state", "export", str(tmp_path / "backup"))
    assert code == 0
    assert "1 memory, 0 conversations, 0 checkpoints" in said
    code, said = typed(capsys, "state", "import", "--replace", str(tmp_path / "backup"))
    assert (code, "1 memory" in said) == (0, True), said


def test_an_export_that_cannot_be_written_names_what_the_user_named(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    typed(capsys, "remember", "The port is 8080")
    code, said = typed(capsys, "state", "export", str(tmp_path))
    assert code != 0
    assert f"{tmp_path} is a folder. Name a file in it." in said
    (tmp_path / "taken").write_text("mine")
    code, said = typed(capsys, "state", "export", str(tmp_path / "taken"))
    assert code != 0
    assert "--overwrite" in said
    assert (tmp_path / "taken").read_text() == "mine"
    code, said = typed(capsys, "state", "export", str(tmp_path / "none" / "backup"))
    assert code != 0
    assert f"{tmp_path / 'none'}: The folder does not exist" in said
    assert typed(capsys, "state", "export", "--overwrite", str(tmp_path / "taken"))[0] == 0


def test_the_way_that_a_foreign_archive_is_refused_with_can_be_gone(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    typed(capsys, "remember", "The port is 8080")
    assert typed(capsys, "state", "export", str(tmp_path / "backup"))[0] == 0
    monkeypatch.setenv("MAZU_STATE_HOME", str(tmp_path / "other state"))
    code, said = typed(capsys, "state", "import", str(tmp_path / "backup"))
    assert code != 0
    _, _, advised = said.partition("mazu-ls memory import")
    with zipfile.ZipFile(tmp_path / "backup") as archive:
        archive.extract("memory.db", project)
    code, said = typed(capsys, "memory", "import", *advised.split()[:1])
    assert code == 0, said
    assert "The port is 8080" in typed(capsys, "memory", "list")[1]


def test_declining_what_was_not_found_is_no_success(project: Path, capsys: pytest.CaptureFixture[str]):
    typed(capsys, "remember", "The port is 8080")
    code, said = typed(capsys, "state", "decline")
    assert code != 0
    assert "nothing to decline" in said
    assert "empty state" not in said


def test_a_moved_project_is_hinted_at_in_the_terminal_s_words_and_not_by_what_attaches_it(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    typed(capsys, "remember", "The port is 8080")
    moved = project.rename(tmp_path / "renamed")
    monkeypatch.chdir(moved)
    _, said = typed(capsys, "memory", "list")
    assert f"`mazu-ls state attach {project}`" in said
    assert "mazu.state" not in said
    code, said = typed(capsys, "state", "attach", str(project))
    assert (code, said) == (0, f"this project now has the saved state of {project}")


async def test_a_moved_project_with_memories_of_its_own_is_asked_about_them_and_their_place_is_named(
    env: dict[str, str], folder: Path
):
    async with connected(env) as client:
        await client.initialize(folder)
        await client.command("mazu.remember", {"title": "Known before"})
    renamed = folder.rename(folder.with_name("renamed"))
    async with connected(env) as client:
        client.answers["window/showMessageRequest"] = lambda params: params["actions"][0]
        await client.initialize(renamed)
        await client.command("mazu.remember", {"title": "Known since"})
    asked: list[str] = []

    def answer(params: dict[str, list[object]]) -> object:
        asked.append(str(params["message"]))
        return params["actions"][ATTACH]

    async with connected(env) as client:
        client.answers["window/showMessageRequest"] = answer
        await client.initialize(renamed)
        said = await client.until(says("is this project's now"), 90)
        assert "1 memory of its own" in asked[0]
        place = Path(said["params"]["message"].partition("is kept in ")[2])
        assert (place / "memory.db").is_file()
        assert await titles(client) == {"Known before"}
