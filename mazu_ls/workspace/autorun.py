"""The table of files that programs run or obey: by themselves, while somebody works in the project, or on request.

- By itself: an editor when it opens the folder, a shell on `cd`, git and CI on a push. No command writes them by a redirection, and
  what nobody approved cannot change them.
- Obeyed: the extensions of an editor (linters, formatters, language servers, test discovery) and other agents, as soon as
  somebody works there. What nobody approved cannot change them.
- Later: what a build, a package manager or a tool runs when it is started. A write is asked about.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from mazu_ls.workspace.path_rules import fold_case


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FOLDERS = _words(
    ".vscode .idea .zed .vs .fleet .nvim .helix .sublime .devcontainer .husky .githooks .direnv .cursor"
    " .claude .codex .gemini .continue .roo .cline .windsurf .aider .amazonq .kiro .opencode .agents"
    " .circleci .buildkite .woodpecker .trae .junie .augment .clinerules .roorules .kilocode .crush .qoder .codebuddy .iflow"
    " .tabnine .goose .amp .factory .openhands .qwen .idx .vim .hg .jj .mise"
)
FILES = _words(
    ".envrc .exrc .vimrc .nvimrc .nvim.lua .lvimrc .dir-locals.el .dir-locals-2.el .gdbinit .lldbinit"
    " .gitmodules .gitattributes .gitconfig .pre-commit-config.yaml .lefthook.yml lefthook.yml .mcp.json"
    " mcp.json .cursorrules .windsurfrules .clinerules .roorules .roomodes .goosehints .aider.conf.yml"
    " .bashrc .bash_profile .bash_login .bash_logout .profile .zshrc .zshenv .zprofile .zlogin .inputrc"
    " .mise.toml mise.toml .rtx.toml .tool-versions .gitlab-ci.yml .travis.yml .drone.yml .woodpecker.yml"
    " azure-pipelines.yml bitbucket-pipelines.yml appveyor.yml .appveyor.yml cloudbuild.yaml buildspec.yml"
    " jenkinsfile .rprofile .renviron hie.yaml .iex.exs .pryrc .irbrc .ghci .ocamlinit .sbtopts .jvmopts"
    " .bazelrc .devcontainer.json .gitpod.yml .cirrus.yml .lazy.lua mise.local.toml .mise.local.toml .lefthook.yaml lefthook.yaml"
    " .lefthook.toml lefthook.toml .lefthook.json lefthook.json lefthook-local.yml lefthook-local.yaml lefthook-local.toml"
    " .lefthook-local.yml .lefthook-local.yaml .kilocoderules"
)
SUFFIXES = (".code-workspace", ".sublime-project", ".pth", ".desktop", ".service")
_FORGES = frozenset((".github", ".gitea", ".forgejo"))
_IN_FORGE = frozenset(("workflows", "actions"))
_OBEYED_FILES = _words(
    "claude.md claude.local.md agents.md agents.override.md agent.md gemini.md qwen.md warp.md crush.md"
    " copilot-instructions.md opencode.json opencode.jsonc .rules .airules .augment-guidelines replit.md"
    " .replit conftest.py sitecustomize.py usercustomize.py .pylintrc pylintrc .pdbrc .rubocop.yml"
    " .solargraph.yml .luarc.json .luarc.jsonc .clangd .ccls rust-analyzer.toml rust-toolchain"
    " rust-toolchain.toml .pnpmfile.cjs pylintrc.toml .pylintrc.toml mypy.ini .mypy.ini .flake8 phpstan.neon phpstan.neon.dist"
    " phpstan.dist.neon .php-cs-fixer.php .php-cs-fixer.dist.php .formatter.exs .credo.exs mix.exs build.sbt build.sc build.mill"
    " crush.json .crush.json .vimspector.json .ycm_extra_conf.py .luacheckrc .lintr steepfile tslint.json"
)
# With any extension that a program or a setting is written in: `eslint.config.mjs`, `.eslintrc.cjs`, `.prettierrc`.
_OBEYED_CODE = _words(
    "eslint.config .eslintrc prettier.config .prettierrc stylelint.config .stylelintrc babel.config .babelrc postcss.config"
    " tailwind.config svelte.config commitlint.config .commitlintrc lint-staged.config .lintstagedrc vitest.config vite.config"
    " jest.config biome.config playwright.config cypress.config .mocharc .postcssrc .golangci"
)
_CODE = _words("js cjs mjs ts cts mts json jsonc json5 yml yaml toml")
_OBEYED_PLACES = (
    (".github", "instructions"),
    (".github", "prompts"),
    (".github", "agents"),
    (".github", "hooks"),
    (".github", "chatmodes"),
    (".github", "skills"),
)
_LATER_FOLDERS = _words(".aws .bundle .cargo .config .docker .gnupg .gradle .hooks .kube .mvn .ssh .yarn")
_LATER_FILES = _words(
    ".env .pre-commit-hooks.yaml makefile gnumakefile bsdmakefile justfile .justfile rakefile taskfile.yml"
    " taskfile.yaml cmakelists.txt package.json .npmrc .yarnrc .yarnrc.yml lerna.json turbo.json setup.py"
    " setup.cfg pyproject.toml tox.ini noxfile.py pytest.ini .pytest.ini tasks.py fabfile.py dodo.py gemfile"
    " build.rs build.gradle build.gradle.kts settings.gradle gradlew mvnw pom.xml meson.build configure"
    " autogen.sh dockerfile docker-compose.yml docker-compose.yaml compose.yml compose.yaml vagrantfile"
    " procfile .pnp.cjs .netrc devbox.json flake.nix shell.nix default.nix .ripgreprc .curlrc .wgetrc .screenrc"
    " .tmux.conf .woodpecker.yaml gulpfile.js gruntfile.js .emacs .yarnrc.yaml gradle-wrapper.jar"
    " gradle-wrapper.properties deno.json deno.jsonc bunfig.toml nodemon.json taskfile.dist.yml taskfile.dist.yaml rakefile.rb"
    " pipfile fastmcp.json settings.gradle.kts compose.override.yaml compose.override.yml"
    " docker-compose.override.yml docker-compose.override.yaml"
)
_LATER_SUFFIXES = (".mk",)


def runs_by_itself(parts: Sequence[str]) -> str | None:
    """Return the component, of a path inside the workspace, because of which some program runs the file; else None."""
    names = [fold_case(part) for part in parts]
    for index, name in enumerate(names):
        if name in FOLDERS:
            return parts[index]
        if name in _FORGES and names[index + 1 : index + 2] and names[index + 1] in _IN_FORGE:
            return f"{parts[index]}/{parts[index + 1]}"
    last = names[-1] if names else ""
    return parts[-1] if last in FILES or last.endswith(SUFFIXES) else None


def is_obeyed(parts: Sequence[str]) -> str | None:
    """Return the component because of which a program or another agent obeys the file unasked, or None."""
    names = [fold_case(part) for part in parts]
    last = names[-1] if names else ""
    stem, _, extension = last.rpartition(".")
    named = last in _OBEYED_FILES or (last.startswith(".") and last in _OBEYED_CODE)
    if named or (stem in _OBEYED_CODE and extension in _CODE):
        return parts[-1]
    inside = next((pair for pair in pairwise(names) if pair in _OBEYED_PLACES), None)
    return "/".join(inside) if inside else runs_by_itself(parts)


def runs_later(parts: Sequence[str]) -> str | None:
    """Return the component that an editor, a build, a hook or another agent obeys by itself, so that a write asks
    first."""
    if (found := is_obeyed(parts)) is not None or not parts:
        return found
    names = [fold_case(part) for part in parts]
    folder = next((part for name, part in zip(names, parts, strict=True) if name in _LATER_FOLDERS), None)
    last = names[-1]
    if folder is not None or ".github" in names[:-1]:
        return folder or ".github"
    return (
        parts[-1]
        if last in _LATER_FILES or last.startswith(".env.") or last.endswith(_LATER_SUFFIXES)
        else None
    )
