"""House rule: files below a project are opened through `workspace/` only; who else opens files is listed with the reason."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent

METHODS = frozenset(
    [
        "read_text",
        "read_bytes",
        "write_text",
        "write_bytes",
        "iterdir",
        "rglob",
        "glob",
        "mkdir",
        "unlink",
        "rmdir",
        "touch",
        "symlink_to",
        "hardlink_to",
        "rename",
        "replace",
    ]
)
FUNCTIONS = frozenset(
    f"os.{name}"
    for name in [
        "open",
        "listdir",
        "scandir",
        "walk",
        "fwalk",
        "mkdir",
        "makedirs",
        "unlink",
        "remove",
        "rmdir",
        "removedirs",
        "rename",
        "renames",
        "replace",
        "link",
        "symlink",
    ]
) | {
    "open",
    "io.open",
    "shutil.rmtree",
    "shutil.copy",
    "shutil.copy2",
    "shutil.copyfile",
    "shutil.copytree",
    "shutil.move",
}

STATE = "state directory or ~/.mazu, which nobody but the user writes"
STORE = "the checkpoint store in the state directory"
OWN = "a file that comes with the program"
MEANT = "a place that the user named himself, outside the project too"
NAMES = "lists names only; what they name is opened beneath the root"
ALLOWED = {
    "workspace/": "the door itself",
    "agent/archive/": "a file that the user named, and the state directory",
    "agent/session/branches.py": STATE,
    "agent/session/session_search.py": STATE,
    "agent/session/session.py": STATE,
    "agent/project_map/ipc.py": "/dev/null",
    "__main__.py": "/dev/null",
    "agent/session/journal_cache.py": STATE,
    "agent/session/sessions.py": STATE,
    "agent/session/undo.py": STATE,
    "agent/session/partial_message.py": STATE,
    "agent/session/deleted_sessions.py": STATE,
    "journal/damage.py": STATE,
    "journal/journal.py": STATE,
    "journal/latest_events.py": STATE,
    "journal/order.py": STATE,
    "models/sdk/lazy_packages.py": "a package that is installed",
    "agent/project/turn_markers.py": STATE,
    "state/": STATE,
    "memory/team/memory_remote.py": STATE,
    "config/config_files.py": "the user's own config.toml; the project's goes through the door",
    "memory/memories.py": STATE,
    "memory/embeddings/": "files of installed packages, and what is unpacked of them in the cache directory",
    "memory/search/related_words.py": "its own list, and the stems of it in the cache directory",
    "memory/hub/model_download.py": "~/.mazu/models, which nobody but the user writes",
    "memory/io/foreign_rows.py": MEANT,
    "memory/agents/agent_files.py": MEANT,
    "checkpoints/scan/file_watch.py": NAMES,
    "memory/io/export.py": MEANT,
    "memory/io/imports.py": MEANT,
    "server/commands/project_state.py": STATE,
    "server/commands/reports.py": STATE,
    "server/documents/unsaved_elsewhere.py": STATE,
    "server/logs.py": STATE,
    "server/rpc/listener.py": "/proc, and a socket in the state directory or where the user named it",
    "server/rpc/live/peers.py": "/proc",
    "tools/mcp/guard.py": "/proc and /dev/null",
    "server/rpc/handshake.py": "/dev/null, /proc/PID/stat of the client",
    "syntax/grammar.py": OWN,
    "tools/locked_json.py": STATE,
    "tools/shell/bubblewrap.py": STATE,
    "tools/shell/process.py": "/proc",
    "tools/shell/supervisor.py": "/proc",
    "tools/shell/resource_limits.py": "/proc and the sandbox's private temporary folder",
    "tools/shell/landlock.py": "O_PATH descriptors for the sandbox's rules, and the home folder",
    "tools/shell/seccomp.py": STATE,
    "tools/shell/quarantine.py": "the names of the hooks of a repository that a command made",
    "tools/search/gitignore_walk.py": NAMES,
    "tools/files.py": NAMES,
    "tools/shell/toolchains.py": NAMES,
    "tools/shell/protected_files.py": NAMES,
    "policy/repository.py": NAMES,
    "policy/data/": OWN,
    "agent/project/role.py": "a role document outside the project, which the user named in his own settings",
    "gitcmd/isolated.py": "a temporary folder of its own",
    "gitcmd/scratch_folder.py": "a temporary folder of its own, and those of killed processes",
    "gitcmd/nested_repositories.py": NAMES,
    "checkpoints/restore/staging.py": "the staging folder, made with O_EXCL and verified to be ours, and the store",
    "checkpoints/attribution/running_commands.py": "files of the store that say which processes live",
    "checkpoints/restore/staging_folder.py": "the staging folder, made with O_EXCL and verified to be ours",
    "checkpoints/upkeep/gc.py": STORE,
    "checkpoints/unheld/rescued_files.py": STORE,
    "checkpoints/store/stats.py": STORE,
    "checkpoints/git/index.py": STORE,
    "checkpoints/store/lock.py": STORE,
    "checkpoints/git/merge_file.py": STORE,
    "checkpoints/git/pack.py": STORE,
    "checkpoints/git/packed_refs.py": STORE,
    "platform/boot.py": "/proc",
    "platform/closed_ports.py": "/proc",
    "platform/process_group.py": "/proc",
    "checkpoints/git/unsynced_packs.py": STORE,
    "checkpoints/git/repository.py": STORE,
    "checkpoints/scan/ignore_rules.py": STORE,
    "checkpoints/scan/scan.py": STORE,
    "demo/": "the demo's own folder in a temporary directory",
    "checkpoints/scan/file_modes.py": "/proc",
    "terminal/surfaces/message_history.py": STATE,
    "terminal/project_root.py": NAMES,
    "terminal/surfaces/json_surface.py": "/dev/null",
    "terminal/verbs/stored_settings.py": "the user's own config.toml",
    "terminal/verbs/read_only_commands.py": "the demo's stand-in for a home folder",
    "terminal/verbs/verbs.py": MEANT,
}


def uses(path: Path) -> list[int]:
    """Lines that open, list, create or remove something by its path."""
    found: list[int] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        beneath = any(word.arg in ("dir_fd", "src_dir_fd") for word in node.keywords)
        if (
            (name in FUNCTIONS and not beneath)
            or (isinstance(node.func, ast.Attribute) and node.func.attr in METHODS and _on_a_path(node, name))
            or (isinstance(node.func, ast.Attribute) and node.func.attr == "open" and _opens_a_file(node))
        ):
            found.append(node.lineno)
    return found


def _on_a_path(call: ast.Call, name: str) -> bool:
    """`replace` and `rename` of a path take one argument; those of a string, a struct or a dict another number."""
    assert isinstance(call.func, ast.Attribute)
    if name.startswith(("project_files.", "workspace.", "self._workspace.", "turn.workspace.", "os.")):
        return False
    if call.func.attr in ("replace", "rename"):
        return len(call.args) == 1 and not call.keywords and not isinstance(call.args[0], ast.Constant)
    return True


def _opens_a_file(call: ast.Call) -> bool:
    """`path.open("rb")`, `path.open(encoding=...)`: the mode or encoding tells it from other things that open."""
    modes = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    return any(set(mode) <= set("rwxabt+") for mode in modes) or any(
        k.arg == "encoding" for k in call.keywords
    )


def test_files_below_a_project_have_one_door():
    found: dict[str, list[int]] = {}
    for path in (ROOT / "mazu_ls").rglob("*.py"):
        name = path.relative_to(ROOT / "mazu_ls").as_posix()
        if not any(name == place or name.startswith(place) for place in ALLOWED) and (lines := uses(path)):
            found[name] = lines
    assert found == {}, "use mazu_ls/workspace/project_files.py, or say in ALLOWED why not"


def test_the_list_of_exceptions_is_no_longer_than_needed():
    unused = [
        place
        for place in ALLOWED
        if not any(
            uses(p)
            for p in (ROOT / "mazu_ls").rglob("*.py")
            if p.relative_to(ROOT / "mazu_ls").as_posix().startswith(place)
        )
    ]
    assert unused == []
