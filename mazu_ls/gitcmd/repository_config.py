"""Checks whether a repository's configuration may make a reading git command start a program: read as data, by an
allowlist.

Most keys that name programs are drivers of any name (diff.X.textconv, filter.X.clean), and each version of git adds
some. So this lists sections and keys under which git starts nothing; anything else counts as dangerous.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from mazu_ls.gitcmd import gitlinks, user_repository
from mazu_ls.workspace.project_files import read_text, stat_entry

MAX_BYTES = 1 << 18
MAX_REPOSITORIES = 500
_SECTION = re.compile(r"\s*\[([A-Za-z0-9-]+)(?:\s+\"(?:[^\"\\]|\\.)*\")?\]\s*(?:[#;].*)?")
_KEY = re.compile(r"\s*([A-Za-z][A-Za-z0-9-]*)\s*(?:=.*)?")
_NOTHING = re.compile(r"\s*(?:[#;].*)?")
_HARMLESS_SECTIONS = frozenset(
    [
        "advice",
        "author",
        "branch",
        "color",
        "commit",
        "committer",
        "fetch",
        "gc",
        "gui",
        "i18n",
        "index",
        "init",
        "maintenance",
        "pack",
        "pull",
        "push",
        "rebase",
        "receive",
        "rerere",
        "reset",
        "stash",
        "status",
        "submodule",
        "tag",
        "user",
        "versionsort",
    ]
)
_HARMLESS: dict[str, frozenset[str]] = {
    "core": frozenset(
        [
            "repositoryformatversion",
            "filemode",
            "bare",
            "logallrefupdates",
            "ignorecase",
            "precomposeunicode",
            "symlinks",
            "autocrlf",
            "eol",
            "safecrlf",
            "quotepath",
            "protecthfs",
            "protectntfs",
            "abbrev",
            "commentchar",
            "untrackedcache",
            "splitindex",
            "sparsecheckout",
            "sparsecheckoutcone",
            "compression",
            "longpaths",
            "preloadindex",
            "checkstat",
            "trustctime",
            "bigfilethreshold",
            "whitespace",
            "excludesfile",
            "fscache",
            "multipackindex",
            "commitgraph",
        ]
    ),
    "remote": frozenset(
        ["url", "pushurl", "fetch", "push", "tagopt", "prune", "mirror", "skipfetchall", "followremotehead"]
    ),
    "extensions": frozenset(("objectformat", "refstorage", "worktreeconfig", "relativeworktrees")),
    "lfs": frozenset(("repositoryformatversion", "access")),  # git-lfs records them at the first checkout
    "merge": frozenset(("conflictstyle", "ff", "renames", "log")),
    "diff": frozenset(("algorithm", "renames", "colormoved", "mnemonicprefix", "context")),
    "log": frozenset(("date", "decorate", "follow", "abbrevcommit")),
}
# Of a partial clone: a reader may trigger a fetch, but git itself writes them.
_WRITTEN_BY_CLONE = frozenset(("remote.promisor", "remote.partialclonefilter", "extensions.partialclone"))
_OF_NAMED_DRIVERS = frozenset(("diff", "merge"))
_SHA256 = re.compile(r"^[^\S\n]*+objectformat\s*=\s*\"?sha256", re.IGNORECASE | re.MULTILINE)
_WORK_TREE = re.compile(r"\s*worktree\s*=\s*+([\w./ @+-]++)")
_RUNS = re.compile(r"^\s*(?:update\s*=\s*!|sshcommand|gpgprogram|program)", re.IGNORECASE)


_READ_HOOK = "post-index-change"


def names_programs(folder: Path) -> str | None:
    """Return the key by which the repository of `folder` may make git start a program, or why that is unknown; None for
    none.

    Its submodules count as well, and theirs: `git status` and `git diff` start git in each that is checked out.
    """
    folder = folder.resolve()
    if ".git" in folder.parts:
        return "its .git folder is no work tree"
    todo, seen = [folder], set[Path]()
    while todo:
        below = todo.pop()
        repository = user_repository.find(below)
        # Git accepts some as a repository that `find` does not.
        nearest = next((top for top in (below, *below.parents) if os.path.lexists(top / ".git")), None)
        if nearest != (repository.top if repository else None):
            return "its .git, which cannot be read"
        if repository is None or repository.git_dir in seen:
            continue
        seen.add(repository.git_dir)
        if len(seen) > MAX_REPOSITORIES:
            return f"it has more than {MAX_REPOSITORIES} submodules"
        found = _in_configuration(repository)
        if isinstance(found, str):
            return found
        todo += found
    return None


def _in_configuration(repository: user_repository.UserRepository) -> str | list[Path]:
    """Return what in one repository's configuration may start a program; if nothing, its submodules that are checked
    out."""
    hash_size = 20
    places = {(repository.common_dir, "config"), (repository.git_dir, "config.worktree")}
    for place, name in sorted(places):
        try:
            if stat_entry(place, name) is None:
                continue
            text = read_text(place, name, MAX_BYTES)
        except (OSError, UnicodeDecodeError):
            return f"its {name}, which cannot be read"
        if (found := _first_unknown(text, repository)) is not None:
            return found
        hash_size = 32 if _SHA256.search(text) else hash_size
    # The one hook that read-only commands start: `git diff` and `git describe --dirty` rewrite the index.
    if os.path.lexists(repository.common_dir / "hooks" / _READ_HOOK):
        return f"its hook {_READ_HOOK}"
    try:
        paths = gitlinks.read_gitlinks(repository.git_dir, hash_size)
    except (OSError, ValueError, IndexError):
        return "its index, which cannot be read"
    folders = [(repository.top / path).resolve() for path in paths]
    return [folder for folder in folders if os.path.lexists(folder / ".git")]


def text_names_programs(text: str) -> str | None:
    """Return the same for the text of a configuration, ignoring what git itself writes into that of a submodule.

    That is a work tree that is not absolute, and the settings of a partial clone.
    """
    return _first_unknown(text, None)


def _first_unknown(text: str, repository: user_repository.UserRepository | None) -> str | None:
    section, named = "", False
    for line in text.replace("\r\n", "\n").split("\n"):
        if _NOTHING.fullmatch(line):
            continue
        if header := _SECTION.fullmatch(line):
            section, named = header[1].lower(), '"' in line
            continue
        entry = _KEY.fullmatch(line)
        if entry is None or line.endswith("\\") or _RUNS.match(line):
            return f"the line {line.strip()[:60]!r}"
        key = entry[1].lower()
        if section in _HARMLESS_SECTIONS:
            continue
        # Git writes it into every submodule's configuration.
        if section == "core" and (tree := _WORK_TREE.fullmatch(line)):
            if repository is None and tree[1].startswith(".."):
                continue
            if repository and (repository.git_dir / tree[1].strip()).resolve() == repository.top:
                continue
            return "core.worktree"
        if repository is None and f"{section}.{key}" in _WRITTEN_BY_CLONE:
            continue
        if key not in _HARMLESS.get(section, ()) or (named and section in _OF_NAMED_DRIVERS):
            return f"{section}.{key}"
    return None
