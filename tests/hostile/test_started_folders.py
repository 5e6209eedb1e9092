"""Files that an MCP server is started from though its entry names a folder only, or a task."""

from pathlib import Path

import pytest

from mazu_ls.config.config import McpServer
from mazu_ls.config.mcp_packages import names_in_package
from mazu_ls.config.mcp_places import NamedPlaces
from mazu_ls.workspace.autorun import runs_later
from tests.hostile.test_start_files import PYTHON, SERVER, eventually, in_states, opened


async def test_what_a_launcher_starts_in_a_folder_is_compared(tmp_path: Path) -> None:
    """The launchers are stand-ins, which start the same server whatever they are given."""
    folder = tmp_path / "project"
    (folder / "server").mkdir(parents=True)
    (folder / "docs").mkdir()
    (folder / "pack" / "build").mkdir(parents=True)
    (folder / "pack/package.json").write_text('{"bin": "build/cli.js"}')
    for name in ("server/index.ts", "deno.json", "docs/index.ts", "package.json", "pack/build/cli.js"):
        (folder / name).write_text("{}")
    (tmp_path / "srv.py").write_text(SERVER.format(stop=tmp_path / "stop"))
    entries = ""
    for name, words in (("npx", '"-y", "tsx@4", "server"'), ("deno", '"task", "mcp"'), ("pack", '"./pack"'), ("works", '"-y", "a-server", "docs", "."')):  # fmt: skip
        launcher = tmp_path / name / ("deno" if name == "deno" else "npx")
        launcher.parent.mkdir()
        launcher.write_text(f"#!/bin/sh\nexec {PYTHON} {tmp_path}/srv.py\n")
        launcher.chmod(0o755)
        entries += f'[[mcp_servers]]\nname = "{name}"\ncommand = "{launcher}"\nargs = [{words}]\n'
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "config.toml").write_text(entries)
    asked: list[str] = []
    async with opened(folder, [], [], asked) as client:
        started = {"npx": "connected", "deno": "connected", "pack": "connected", "works": "connected"}
        assert await eventually(lambda: in_states(client, started))
        for name in ("server/index.ts", "deno.json", "docs/index.ts", "pack/build/cli.js"):
            with (folder / name).open("a") as file:
                file.write("\n")
        (tmp_path / "stop").touch()
        waiting = {"npx": "not_agreed", "deno": "not_agreed", "pack": "not_agreed"}
        assert await eventually(lambda: in_states(client, {**waiting, "works": "reconnecting"}))
        (tmp_path / "stop").unlink()
        assert await eventually(lambda: in_states(client, {**waiting, "works": "connected"}))
        for name in ("server/index.ts", "deno.json", "pack/build/cli.js"):
            assert any(f"{name}. May it start?" in one for one in asked), asked


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("npx tsx server", "server/index.ts server/package.json"),
        ("npx -y --package=tsx@4.1 tsx@latest ./server", "server/index.ts server/package.json"),
        ("NPX.CMD nodemon server", "server/index.ts server/package.json package.json nodemon.json"),
        ("bunx tsx server", "server/index.ts server/package.json"),
        ("npx ts-node-dev server", "server/index.ts server/package.json"),
        ("npx ./server", "server/index.ts server/package.json"),
        ("npx --package=./server tool", "server/index.ts server/package.json"),
        ("npx -y -p ./server tool", "server/index.ts server/package.json"),
        ("uvx --from ./tool tool", "tool/pyproject.toml tool/__main__.py"),
        ("uvx mcp[cli] run tool", "tool/__main__.py"),
        ("uvx fastmcp run", "fastmcp.json"),
        ("npx concurrently npm:mcp", "package.json"),
        ("nodemon", "package.json nodemon.json"),
        ("deno task mcp", "deno.json package.json Taskfile.yml"),
        ("docker compose run mcp", "compose.yaml"),
        ("docker-compose run mcp", "compose.yaml"),
        ("py -m tool", "tool/__main__.py"),
        ("pythonw.exe -m tool", "tool/__main__.py"),
        ("task mcp", "Taskfile.yml"),
        ("mise run mcp", "mise.toml"),
        ("rake mcp", "Rakefile"),
        ("./gradlew run", "gradlew build.gradle"),
        ("cargo run", "Cargo.toml src/main.rs"),
        ("env npx ./server", "server/index.ts server/package.json"),
        ("pipx run --spec ./tool tool", "tool/pyproject.toml tool/__main__.py"),
        ("uv run srv", "pyproject.toml"),
        ("uv run --directory tool srv", "pyproject.toml tool/pyproject.toml tool/__main__.py"),
        ("uv tool run --from ./tool srv", "pyproject.toml tool/pyproject.toml tool/__main__.py"),
        ("env npx -y @org/mcp-server ./server", ""),
        ("pipx run a-server ./tool", ""),
        ("pdm run mcp", "pyproject.toml"),
        ("npx -y server-filesystem server .", ""),
        ("npx -y @org/mcp-server@1.2 ./server", ""),
        ("uvx mcp-server-git --repository .", ""),
        ("docker run -v ./server:/s image node server", ""),
    ],
)
def test_what_a_folder_or_a_task_starts(tmp_path: Path, entry: str, expected: str) -> None:
    files = (
        "server/index.ts server/package.json server/a.ts tool/pyproject.toml tool/__main__.py package.json nodemon.json deno.json"
        " compose.yaml Taskfile.yml mise.toml Rakefile gradlew build.gradle Cargo.toml src/main.rs pyproject.toml fastmcp.json"
    )
    for name in files.split():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    command, *args = entry.split()
    places = NamedPlaces(McpServer("m", command, tuple(args)), [tmp_path], "/usr/bin")
    found = {str(one.relative_to(tmp_path)) for one in (*places.existing, *places.entries) if one.is_file()}
    assert found == set(expected.split())


@pytest.mark.parametrize(
    ("entry", "compared"),
    [
        ("docker compose -f deploy/mcp.yml up mcp", True),
        ("podman-compose --file=deploy/mcp.yml up mcp", True),
        ("node --env-file=deploy/mcp.yml server", True),
        ("uv run --env-file deploy/mcp.yml srv", True),
        ("npx -y a-server -f deploy/mcp.yml", False),
        ("npx -y a-server --config deploy/mcp.yml", False),
        ("a-server deploy/mcp.yml", False),
        ("docker compose -fdeploy/mcp.yml up mcp", True),
        ("java @deploy/mcp.yml", True),
        ("uvx --with-requirements deploy/mcp.yml srv", True),
        ("uv run --overrides=deploy/mcp.yml srv", True),
        ("node --env-file-if-exists=deploy/mcp.yml server", True),
        ("node --experimental-config-file=deploy/mcp.yml server", True),
        ("dotenv -e deploy/mcp.yml -- npx srv", True),
        ("npx env-cmd -f deploy/mcp.yml srv", True),
        ("deno run --import-map=deploy/mcp.yml srv.ts", True),
        ("mcpo --config deploy/mcp.yml", True),
        ("fastmcp run deploy/mcp.yml", True),
        ("bash deploy/mcp.yml", True),
        ("python3 -u deploy/mcp.yml", True),
    ],
)
def test_what_an_option_names_as_the_command_is_compared(tmp_path: Path, entry: str, compared: bool) -> None:
    """Otherwise settings may change, since servers write them; of these the content says what runs."""
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy/mcp.yml").write_text("")
    command, *args = entry.split()
    places = NamedPlaces(McpServer("m", command, tuple(args)), [tmp_path], "/usr/bin")
    assert (tmp_path / "deploy/mcp.yml" in places.entries) is compared


@pytest.mark.parametrize(
    "line", [". ./mcp.env; srv", "set -a && source mcp.env && srv", "cd . ; bash -e mcp.env"]
)
def test_what_a_line_of_a_shell_reads_is_compared(tmp_path: Path, line: str) -> None:
    (tmp_path / "mcp.env").write_text("")
    places = NamedPlaces(McpServer("m", "sh", ("-c", line)), [tmp_path], "/usr/bin")
    assert tmp_path / "mcp.env" in places.entries


NODE = '{"main": "lib/app", "bin": {"srv": "./build/cli.js", "no": 1, "odd": "\\ud800", "out": "../../x"}, "files": ["a.js"]}'
PYTHON_PACKAGE = '[project.scripts]\nsrv = "srv.cli:main"\n[tool.poetry.scripts]\nold = "old:main"\n'
OF_NODE = "server/package.json server/lib/app.js server/build/cli.js"
OF_PYTHON = "server/pyproject.toml server/src/srv/__init__.py server/src/srv/cli.py"


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (["npx", "./server"], OF_NODE),
        (["npx", "./linked"], f"linked {OF_NODE.replace('server/', 'linked/')}"),
        (["node", "server"], OF_NODE),
        (["bash", "-c", "cd . && exec npx './server'"], OF_NODE),
        (["cross-env", "A=1", "npx", "./server"], OF_NODE),
        (["uvx", "--from", "./server", "srv"], OF_PYTHON),
        (["uvx", "--from", "./server", "other"], f"{OF_PYTHON} server/old.py"),
        (["uv", "run", "--directory", "server", "srv"], OF_PYTHON),
        (["uv", "run", "--directory", "server", "python", "-m", "x"], "server/pyproject.toml"),
        (["npm", "--prefix", "server", "run", "mcp"], "server/package.json"),
        (["npx", "a-server", "server"], ""),
    ],
)
def test_what_a_package_names_as_its_programs(tmp_path: Path, entry: list[str], expected: str) -> None:
    files = [
        "lib/app.js",
        "lib/other.js",
        "build/cli.js",
        "a.js",
        "src/srv/__init__.py",
        "src/srv/cli.py",
        "old.py",
    ]
    for name, text in (
        ("package.json", NODE),
        ("pyproject.toml", PYTHON_PACKAGE),
        *((name, "") for name in files),
    ):
        (tmp_path / "server" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "server" / name).write_text(text)
    (tmp_path / "linked").symlink_to("server")
    places = NamedPlaces(McpServer("m", entry[0], tuple(entry[1:])), [tmp_path], "/usr/bin")
    found = {
        str(one.relative_to(tmp_path))
        for one in (*places.existing, *places.entries)
        if one.is_symlink() or one.is_file()
    }
    assert found == set(expected.split())


@pytest.mark.parametrize(
    "text",
    ["", "[" * 100_000, "[]", '{"bin": [1], "main": {}}', '{"main": "\\u0000"}', "a." * 400_000 + "b = 1"],
    ids=["empty", "deep", "a list", "odd", "nul", "dots"],
)
def test_a_package_that_cannot_be_read_names_nothing(tmp_path: Path, text: str) -> None:
    for name in ("package.json", "pyproject.toml"):
        (tmp_path / name).write_text(text)
        assert not names_in_package(tmp_path, tmp_path / name, ("index.js", "setup.py"), ())


@pytest.mark.parametrize("name", ["deno.json", "sub/deno.jsonc", "bunfig.toml", "nodemon.json"])
def test_an_edit_of_what_a_task_starts_is_asked_about(name: str) -> None:
    assert runs_later(name.split("/")) is not None
