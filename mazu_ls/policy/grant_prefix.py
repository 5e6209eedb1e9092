"""What "always allow" may store of a command: its first words, and only where no later word could make it run another program."""

from __future__ import annotations

import re

from mazu_ls.policy.tables.wrappers import INTERPRETERS, SHELLS, WRAPPERS

# These run another program, or write wherever they are told, by an option, an operand or their own language. Of them
# the exact line is offered.
_RUNS_OTHERS = frozenset(
    str.split(
        "eval exec source . trap alias set export find fd fdfind rm curl wget sed gsed ssed rg ag ack ugrep sort gsort less more"
        " most man info pinfo vim vi view nvim ex ed emacs nano pico micro joe sqlite3 psql mysql mariadb mongo mongosh redis-cli"
        " zip unzip tar bsdtar gtar 7z rsync scp sftp ssh ftp lftp go cargo make gmake bmake ninja cmake ctest meson bazel buck npm"
        " pnpm yarn bun deno rake rails just task invoke nox tox hatch pdm poetry uv pip pip3 pipx gem bundle composer gradle"
        " gradlew mvn mvnw ant sbt lein mill dotnet msbuild xcodebuild swift stack cabal dune mix rebar3 docker podman nerdctl"
        " kubectl oc helm terraform tofu terragrunt ansible ansible-playbook vagrant packer pulumi aws gcloud az gh glab heroku"
        " fly flyctl firebase vercel gdb lldb strace ltrace valgrind perf tmux screen script gcc g++ cc c++ clang clang++ ld as"
        " tcpdump nmap openssl gpg gpg2 mutt mail git-lfs gitk tig lazygit hg svn bzr fossil apt apt-get dpkg yum dnf rpm pacman"
        " apk brew port snap flatpak nix guix crontab at batch systemctl service busybox toybox dd tee install cp mv ln split csplit"
        " nodemon concurrently jest vitest mocha webpack rollup vite esbuild tsx ts-node playwright cypress"
    )
)
_GIT = frozenset(
    str.split(
        "status add commit branch tag stash checkout switch restore merge mv rm reset rev-parse describe ls-files cherry-pick revert"
    )
)
_MODULES = frozenset(
    str.split("pytest unittest mypy ruff black isort flake8 pylint pyright compileall json.tool doctest")
)
_TESTERS = frozenset(("pytest", "py.test", "unittest"))
# Where Python finds the project's modules: folders below the working directory, nothing else.
_OWN_MODULES = re.compile(
    r"^PYTHONPATH=(?:\.|(?!\.\.)[\w-][\w.-]*(?:/(?!\.\.)[\w-][\w.-]*)*/?)(?::(?:\.|[\w-][\w.-]*(?:/[\w-][\w.-]*)*/?))*$"
)
_ASSIGNMENT = re.compile(r"^([A-Za-z_]\w*)=[\w./:@%+,-]*$")
# Variables by which a loader, an interpreter, a shell or git runs or loads something.
_LOADS = re.compile(
    r"^(PATH|IFS|ENV|BASH_ENV|SHELL|SHELLOPTS|HOME|CDPATH|PS\d|LD_\w*|DYLD_\w*|GIT_\w*|SSH_\w*|PYTHON(?!DONTWRITE|UNBUFFERED)\w*|PERL\w*|RUBY\w*"
    r"|NODE_(OPTIONS|PATH)|JAVA_\w*|_JAVA\w*|MAVEN_\w*|GRADLE_\w*|NPM_\w*|npm_\w*|CARGO_\w*|RUST(C|UP|DOC)\w*|GO(FLAGS|ROOT|PROXY|TOOLCHAIN|BIN)|CC|CXX|LD|AR"
    r"|MAKEFLAGS|PYTEST_\w*|\w*(EDITOR|PAGER|VISUAL|BROWSER|COMMAND|ASKPASS|WRAPPER|LAUNCHER|PRELOAD|PLUGINS?))$"
)


def grant_prefix(argv: list[str]) -> tuple[str, ...] | None:
    """The words that a standing permission would be for; None where only the exact line may be offered."""
    at = int(argv[:1] == ["env"] and len(argv) > 1 and bool(_ASSIGNMENT.match(argv[1])))
    loading: list[str] = []
    while at < len(argv) and (match := _ASSIGNMENT.match(argv[at])):
        if _LOADS.match(match[1]):
            loading.append(argv[at])
        at += 1
    assigned, words = tuple(argv[:at]), argv[at:]
    if loading and not (all(map(_OWN_MODULES.match, loading)) and _runs_the_project(words)):
        return None
    if not words or not re.fullmatch(r"[\w./+][\w./+-]*", words[0]):
        return None
    name = words[0].rsplit("/", 1)[-1]
    if _is_python(name) and words[1:2] == ["-m"] and words[2:3] and words[2] in _MODULES:
        return (*assigned, *words[:3])
    if name == "git":
        return (*assigned, *words[:2]) if words[1:] and words[1] in _GIT else None
    if name in _RUNS_OTHERS or name in SHELLS or name in WRAPPERS or INTERPRETERS.match(name):
        return None
    return (*assigned, words[0])


def _runs_the_project(words: list[str]) -> bool:
    """Whether a command imports the project's own modules anyway."""
    name = words[0].rsplit("/", 1)[-1] if words else ""
    return name in _TESTERS or (
        _is_python(name) and words[1:2] == ["-m"] and words[2:3] != [] and words[2] in _TESTERS
    )


def _is_python(name: str) -> bool:
    return re.fullmatch(r"python[\d.]*", name) is not None
