"""Files that programs run by themselves: editors when a folder is opened, shells on `cd`, git and CI on a push, agents.

Narrower than `path_rules.runs_later`, which also includes what a build runs on request.
"""

from __future__ import annotations

from collections.abc import Sequence

from mazu_ls.workspace.path_rules import fold_case

FOLDERS = frozenset(
    str.split(
        ".vscode .idea .zed .vs .fleet .nvim .helix .sublime .devcontainer .husky .githooks .direnv .cursor .claude .codex"
        " .gemini .continue .roo .cline .windsurf .aider .amazonq .kiro .opencode .agents .circleci .buildkite .woodpecker"
    )
)
FILES = frozenset(
    str.split(
        ".envrc .exrc .vimrc .nvimrc .nvim.lua .lvimrc .dir-locals.el .dir-locals-2.el .gdbinit .lldbinit .gitmodules"
        " .gitattributes .gitconfig .pre-commit-config.yaml .lefthook.yml lefthook.yml .mcp.json mcp.json .cursorrules"
        " .windsurfrules .clinerules .roorules .roomodes .goosehints .aider.conf.yml .bashrc .bash_profile .bash_login"
        " .bash_logout .profile .zshrc .zshenv .zprofile .zlogin .inputrc .mise.toml mise.toml .rtx.toml .tool-versions"
        " .gitlab-ci.yml .travis.yml .drone.yml .woodpecker.yml azure-pipelines.yml bitbucket-pipelines.yml"
        " appveyor.yml .appveyor.yml cloudbuild.yaml buildspec.yml jenkinsfile"
        " .rprofile .renviron hie.yaml .iex.exs .pryrc .irbrc .ghci .ocamlinit .sbtopts .jvmopts .bazelrc"
    )
)
SUFFIXES = (".code-workspace", ".sublime-project", ".pth", ".desktop", ".service")
_IN_GITHUB = frozenset(("workflows", "actions"))


def runs_by_itself(parts: Sequence[str]) -> str | None:
    """Return the component, of a path inside the workspace, because of which some program runs the file; else None."""
    names = [fold_case(part) for part in parts]
    for index, name in enumerate(names):
        if name in FOLDERS:
            return parts[index]
        if name == ".github" and names[index + 1 : index + 2] and names[index + 1] in _IN_GITHUB:
            return f"{parts[index]}/{parts[index + 1]}"
    last = names[-1] if names else ""
    return parts[-1] if last in FILES or last.endswith(SUFFIXES) else None
