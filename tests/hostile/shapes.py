"""Hostile repositories: each shape makes some git command, run carelessly below it, start a program of the attacker.

A shape gets a project with two commits and the path of `evil`, a program that writes into the marker file, and
turns the project's `.git` or one of its tracked folders into a trap.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Build = Callable[["Target"], "Path | None"]
SHAPES: dict[str, Build] = {}


@dataclass(frozen=True)
class Target:
    """`root` is the project, `evil` the program, `outside` a folder that nothing may touch."""

    root: Path
    evil: Path
    outside: Path

    @property
    def git_dir(self) -> Path:
        return self.root / ".git"

    def write(self, path: str, text: str, mode: int = 0o644) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)
        return file

    def configure(self, text: str) -> None:
        """Add to `.git/config`, where `{evil}` is the program."""
        with (self.git_dir / "config").open("a") as file:
            file.write(text.replace("{evil}", str(self.evil)))

    def git(self, *arguments: str) -> str:
        return git(self.root, *arguments)


def git(folder: Path, *arguments: str) -> str:
    """A git command of the attacker, on his own machine."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    who = dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "mallory")
    mail = dict.fromkeys(("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "m@example.org")
    done = subprocess.run(
        ["git", "-c", "protocol.file.allow=always", *arguments],
        cwd=folder, env=env | who | mail, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


def create_project(root: Path) -> None:
    """A small repository with tracked text, a role, instructions, a submodule's worth of folders."""
    root.mkdir(parents=True)
    git(root, "init", "-q", "-b", "main")
    files = {
        "app.py": "def add(a, b):\n    return a - b\n",
        "sub/b.py": "from app import add\n",
        "AGENTS.md": "Use tabs.\n",
        ".gitignore": "*.log\nbuild/\n",
        "sub/.gitignore": "*.tmp\n",
        "kept.log": "tracked although ignored\n",
        ".mazu/role.md": "You are a pirate.\n",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    git(root, "add", "-Af", ".")
    git(root, "commit", "-qm", "one")
    (root / "sub" / "b.py").write_text("from app import add\nadd(1, 2)\n")
    git(root, "commit", "-qam", "two")


def shape(build: Build) -> Build:
    SHAPES[build.__name__] = build
    return build


def bare_shape(folder: Path, config: str) -> None:
    """Make `folder` look like a bare repository, by files that git tracks."""
    for name in ("refs/.k", "objects/.k"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    (folder / "HEAD").write_text("ref: refs/heads/main\n")
    (folder / "config").write_text(config)


BARE = "[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = {tree}\n\tfsmonitor = {evil}\n"


@shape
def embedded_bare_opened_itself(t: Target) -> Path:
    folder = t.root / "vendor/lib"
    (folder / ".mazu").mkdir(parents=True)
    (folder / "app.py").write_text("def add(a, b):\n    return a - b\n")
    (folder / ".mazu/role.md").write_text("You are a pirate.\n")
    bare_shape(folder, BARE.format(tree=".", evil=t.evil))
    return folder


@shape
def embedded_bare_above_the_opened_folder(t: Target) -> Path:
    folder = t.root / "vendor/lib"
    (folder / "src/.mazu").mkdir(parents=True)
    (folder / "src/app.py").write_text("def add(a, b):\n    return a - b\n")
    (folder / "src/.mazu/role.md").write_text("You are a pirate.\n")
    bare_shape(folder, BARE.format(tree=".", evil=t.evil))
    return folder / "src"


@shape
def embedded_bare_at_the_root_without_git(t: Target) -> None:
    shutil.rmtree(t.git_dir)
    bare_shape(t.root, BARE.format(tree=".", evil=t.evil))


@shape
def embedded_bare_below_the_project(t: Target) -> None:
    (t.root / "vendor/lib").mkdir(parents=True)
    bare_shape(t.root / "vendor/lib", BARE.format(tree="../..", evil=t.evil))


@shape
def nested_repository_with_fsmonitor(t: Target) -> None:
    nested = t.root / "nested"
    nested.mkdir()
    git(nested, "init", "-q")
    (nested / "n.py").write_text("n = 1\n")
    git(nested, "add", ".")
    (nested / ".git/info/exclude").write_text("*.o\n")
    with (nested / ".git/config").open("a") as config:
        config.write(f"[core]\n\tfsmonitor = {t.evil}\n")


def _config(name: str, text: str, files: dict[str, str] | None = None) -> None:
    def build(t: Target) -> None:
        for path, content in (files or {}).items():
            t.write(path, content.replace("{evil}", str(t.evil)))
        t.configure(text)

    SHAPES[name] = build


_config("fsmonitor", "[core]\n\tfsmonitor = {evil}\n")
_config(
    "fsmonitor_version_2",
    "[core]\n\tfsmonitor = {evil}\n\tfsmonitorHookVersion = 2\n\tuntrackedCache = true\n",
)
_config("include_path", "[include]\n\tpath = ../trap\n", {"trap": "[core]\n\tfsmonitor = {evil}\n"})
_config(
    "include_if",
    '[includeIf "gitdir:**"]\n\tpath = ../trap\n[includeIf "onbranch:main"]\n\tpath = ../trap\n',
    {"trap": "[core]\n\tfsmonitor = {evil}\n"},
)
_config(
    "filters",
    '[filter "x"]\n\tclean = {evil}\n\tsmudge = {evil}\n\trequired = true\n',
    {".gitattributes": "* filter=x\n"},
)
_config("filter_process", '[filter "x"]\n\tprocess = {evil}\n', {".gitattributes": "* filter=x\n"})
_config(
    "textconv", '[diff "x"]\n\ttextconv = {evil}\n\tcachetextconv = true\n', {".gitattributes": "* diff=x\n"}
)
_config("diff_command", '[diff "x"]\n\tcommand = {evil}\n', {".gitattributes": "* diff=x\n"})
_config("diff_external", "[diff]\n\texternal = {evil}\n")
_config("merge_driver", '[merge "x"]\n\tdriver = {evil} %A %O %B\n', {".gitattributes": "* merge=x\n"})
_config(
    "pager",
    "[core]\n\tpager = {evil}\n[pager]\n\tdiff = {evil}\n\tstatus = {evil}\n\tls-files = {evil}\n\tconfig = {evil}\n",
)
_config(
    "aliases",
    "[alias]\n"
    + "".join(
        f"\t{name} = !{{evil}}\n" for name in ("st", "ls-files", "check-ignore", "diff-tree", "cat-file")
    ),
)
_config("credential_helper", "[credential]\n\thelper = {evil}\n\thelper = !{evil}\n")
_config("ask_pass", '[core]\n\taskPass = {evil}\n[remote "origin"]\n\turl = https://127.0.0.1:9/x\n')
_config(
    "gpg_program",
    '[gpg]\n\tprogram = {evil}\n[commit]\n\tgpgSign = true\n[gpg "ssh"]\n\tprogram = {evil}\n[log]\n\tshowSignature = true\n',
)
_config(
    "editors",
    "[core]\n\teditor = {evil}\n[sequence]\n\teditor = {evil}\n[interactive]\n\tdiffFilter = {evil}\n",
)
_config(
    "trailer_command", '[trailer "x"]\n\tkey = X\n\tcommand = {evil}\n\tcmd = {evil}\n\tifmissing = add\n'
)
_config("alternate_refs_command", "[core]\n\talternateRefsCommand = {evil}\n")
_config(
    "git_proxy",
    '[core]\n\tgitProxy = {evil}\n\tsshCommand = {evil}\n[remote "origin"]\n\turl = git://127.0.0.1/x\n',
)
_config(
    "instead_of",
    '[url "ext::{evil} "]\n\tinsteadOf = https://\n[protocol "ext"]\n\tallow = always\n[remote "origin"]\n\turl = https://x/y\n',
)
_config(
    "remote_vcs",
    '[remote "origin"]\n\tvcs = evil\n\turl = x\n\tuploadpack = {evil}\n\treceivepack = {evil}\n[uploadpack]\n\tpackObjectsHook = {evil}\n',
)
_config("hooks_path", "[core]\n\thooksPath = traps\n", {"traps/keep": ""})
_config(
    "attributes_file",
    '[core]\n\tattributesFile = trap-attributes\n[filter "x"]\n\tclean = {evil}\n\tprocess = {evil}\n',
    {"trap-attributes": "* filter=x\n"},
)
_config("excludes_file_of_a_device", "[core]\n\texcludesFile = /dev/zero\n")
_config(
    "submodule_update",
    '[submodule "sub"]\n\tupdate = !{evil}\n\tactive = true\n\turl = ext::{evil}\n[submodule]\n\trecurse = true\n',
    {".gitmodules": '[submodule "sub"]\n\tpath = sub\n\turl = ext::{evil}\n\tupdate = !{evil}\n'},
)
_config("broken_config", "[core\n\tfsmonitor = {evil}\n")


@shape
def worktree_points_home(t: Target) -> None:
    t.configure(f"[core]\n\tworktree = {t.outside}\n\tfsmonitor = {{evil}}\n")


@shape
def hooks(t: Target) -> None:
    names = "fsmonitor-watchman post-checkout post-index-change post-commit pre-commit reference-transaction post-merge pre-auto-gc"
    for name in names.split():
        hook = t.git_dir / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        shutil.copy(t.evil, hook)
        hook.chmod(0o755)
    t.configure("[core]\n\tfsmonitor = .git/hooks/fsmonitor-watchman\n")


@shape
def index_that_wants_a_monitor(t: Target) -> None:
    t.git("-c", f"core.fsmonitor={t.evil}", "update-index", "--fsmonitor")
    t.git("update-index", "--force-untracked-cache")
    t.configure("[core]\n\tfsmonitor = {evil}\n\tuntrackedCache = true\n")


def _promisor(t: Target, url: str, more: str = "") -> None:
    """A tracked `.gitignore` that is left out of the work tree, its blob missing, to be fetched when it is asked for."""
    blob = t.git("rev-parse", "HEAD:sub/.gitignore")
    t.git("update-index", "--skip-worktree", "sub/.gitignore")
    (t.root / "sub/.gitignore").unlink()
    (t.git_dir / "objects" / blob[:2] / blob[2:]).unlink()
    t.configure(
        "[core]\n\trepositoryformatversion = 1\n\tsparseCheckout = true\n[extensions]\n\tpartialClone = evil\n"
        f'[remote "evil"]\n\turl = {url}\n\tpromisor = true\n\tpartialclonefilter = blob:none\n{more}'
    )


@shape
def lazy_fetch_by_ext(t: Target) -> None:
    _promisor(t, f"ext::{t.evil} %S", '[protocol "ext"]\n\tallow = always\n')


@shape
def lazy_fetch_by_ssh(t: Target) -> None:
    _promisor(t, "ssh://127.0.0.1/x", "[core]\n\tsshCommand = {evil}\n")


@shape
def lazy_fetch_of_tree_objects(t: Target) -> None:
    t.git("config", "core.sparseCheckoutCone", "true")
    t.git("sparse-checkout", "set", "--sparse-index", "nothing")
    for tree in t.git("rev-parse", "HEAD:sub").split():
        (t.git_dir / "objects" / tree[:2] / tree[2:]).unlink(missing_ok=True)
    t.write("sub/c.py", "c = 1\n")
    t.configure(
        '[core]\n\trepositoryformatversion = 1\n[extensions]\n\tpartialClone = evil\n[protocol "ext"]\n\tallow = always\n'
        '[remote "evil"]\n\turl = ext::{evil} %S\n\tpromisor = true\n'
    )


@shape
def git_file_to_an_evil_folder(t: Target) -> None:
    shutil.move(t.git_dir, t.root / "data")
    (t.root / ".git").write_text("gitdir: ./data\n")
    with (t.root / "data/config").open("a") as config:
        config.write(f"[core]\n\tfsmonitor = {t.evil}\n")


@shape
def git_file_out_of_the_project(t: Target) -> None:
    elsewhere = t.root.parent / "elsewhere"
    shutil.move(t.git_dir, elsewhere)
    (t.root / ".git").write_text("gitdir: ../elsewhere\n")
    with (elsewhere / "config").open("a") as config:
        config.write(f"[core]\n\tfsmonitor = {t.evil}\n")


@shape
def git_folder_behind_a_link(t: Target) -> None:
    shutil.move(t.git_dir, t.root / "data")
    (t.root / ".git").symlink_to("data")
    with (t.root / "data/config").open("a") as config:
        config.write(f"[core]\n\tfsmonitor = {t.evil}\n")


@shape
def common_dir_elsewhere(t: Target) -> None:
    shutil.copytree(t.git_dir, t.root / "common")
    with (t.root / "common/config").open("a") as config:
        config.write(f"[core]\n\tfsmonitor = {t.evil}\n")
    (t.git_dir / "commondir").write_text("../common\n")


@shape
def linked_worktree_of_a_trap(t: Target) -> Path:
    t.git("worktree", "add", "-q", str(t.root.parent / "linked"), "-b", "other")
    t.configure("[core]\n\tfsmonitor = {evil}\n[extensions]\n\tworktreeConfig = true\n")
    (t.git_dir / "worktrees/linked/config.worktree").write_text(f"[core]\n\tfsmonitor = {t.evil}\n")
    return t.root.parent / "linked"


@shape
def alternates(t: Target) -> None:
    (t.git_dir / "objects/info").mkdir(exist_ok=True)
    (t.git_dir / "objects/info/alternates").write_text("/proc/self/fd\n../../sub\n")
    t.configure("[core]\n\talternateRefsCommand = {evil}\n\tfsmonitor = {evil}\n")


@shape
def info_attributes(t: Target) -> None:
    (t.git_dir / "info").mkdir(exist_ok=True)
    (t.git_dir / "info/attributes").write_text("* filter=x diff=x merge=x\n")
    t.configure('[filter "x"]\n\tclean = {evil}\n[diff "x"]\n\ttextconv = {evil}\n')


@shape
def links_for_git_files(t: Target) -> None:
    secret = t.outside / "secret"
    for name in ("info/exclude", "packed-refs", "index"):
        file = t.git_dir / name
        file.parent.mkdir(exist_ok=True)
        file.unlink(missing_ok=True)
        file.symlink_to(secret)


@shape
def fifos_for_git_files(t: Target) -> None:
    for name in ("HEAD", "info/exclude", "config", "packed-refs", "index"):
        file = t.git_dir / name
        file.parent.mkdir(exist_ok=True)
        file.unlink(missing_ok=True)
        os.mkfifo(file)


@shape
def fifos_for_rules(t: Target) -> None:
    for name in (
        ".gitignore",
        "sub/.gitignore",
        ".ignore",
        ".rgignore",
        ".gitattributes",
        "AGENTS.md",
        "CLAUDE.md",
        ".mazu/role.md",
        ".mazu/config.toml",
    ):
        file = t.root / name
        file.parent.mkdir(exist_ok=True)
        file.unlink(missing_ok=True)
        os.mkfifo(file)


@shape
def fifos_for_git_itself(t: Target) -> None:
    shutil.rmtree(t.git_dir)
    os.mkfifo(t.root / ".git")
    nested = t.root / "nested/.git"
    nested.mkdir(parents=True)
    for name in ("HEAD", "commondir", "config"):
        os.mkfifo(nested / name)
    (nested / "objects").mkdir()
    (nested / "refs").mkdir()


@shape
def head_that_climbs(t: Target) -> None:
    (t.git_dir / "HEAD").write_text(f"ref: refs/heads/../../../../{t.outside.name}/secret\n")
    t.configure("[core]\n\tfsmonitor = {evil}\n")


@shape
def settings_of_other_programs(t: Target) -> None:
    t.write(".ripgreprc", f"--pre={t.evil}\n")
    t.write("ripgreprc", f"--pre={t.evil}\n")
    t.write(".ctags", f"--options={t.evil}\n--xcmd={t.evil}\n")
    t.write(".ctags.d/x.ctags", f"--xcmd={t.evil}\n")
    t.write("sitecustomize.py", f"import os; os.system({str(t.evil)!r})\n")
    t.write("usercustomize.py", f"import os; os.system({str(t.evil)!r})\n")
    for name in ("git", "rg", "ctags", "bwrap", "sh", "python3"):
        shutil.copy(t.evil, t.root / name)
        (t.root / name).chmod(0o755)
    for name in ("json.py", "re.py", "ast.py", "msgspec.py", "tree_sitter.py", "mazu_ls.py"):
        t.write(name, f"import os; os.system({str(t.evil)!r})\n")
