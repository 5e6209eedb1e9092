"""The parts of a home that a sandboxed command may see: toolchains and package caches, read-only, without their
credential files."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from mazu_ls.workspace import project_files
from mazu_ls.workspace.path_rules import is_secret

# Below the home. Anything not listed here does not exist for a sandboxed command.
READ_ONLY: tuple[str, ...] = tuple(
    str.split(
        ".rustup .cargo .nvm .npm .npm-global .volta .fnm .local/share/fnm .asdf .local/share/mise .pyenv .rbenv .rvm .sdkman"
        " .jenv .goenv .nodenv .plenv .phpbrew .n go .local/share/uv .local/share/pnpm .local/share/pipx .local/pipx .local/lib"
        " .local/bin .bun .deno .yarn .config/yarn .gem .local/share/gem .bundle .m2 .ivy2 .sbt .konan .nuget .dotnet"
        " .pub-cache .flutter .mix .hex .cabal .ghcup .stack .opam .elan .julia .conda miniconda3 anaconda3 mambaforge"
        " miniforge3 micromamba .nix-profile .linuxbrew .swiftpm .composer .config/composer .platformio .arduino15"
        " .gradle/wrapper .gradle/jdks .local/share/virtualenv .local/share/virtualenvs .local/share/NuGet perl5"
    )
)
# Below the home's `.cache`; a sandboxed command has its own `.cache` per project.
CACHES: tuple[str, ...] = tuple(
    str.split(
        "pip yarn node pnpm ms-playwright Cypress puppeteer pre-commit deno coursier bazelisk huggingface torch typescript"
    )
)
# Credential files inside those places.
CREDENTIALS: tuple[str, ...] = tuple(
    str.split(
        ".cargo/credentials .cargo/credentials.toml .m2/settings.xml .m2/settings-security.xml .gem/credentials"
        " .local/share/gem/credentials .bundle/config .nuget/NuGet/NuGet.Config .pub-cache/credentials.json .hex/hex.config"
        " .mix/hex.config .sbt/.credentials .sbt/credentials .ivy2/.credentials .ivy2/credentials .cabal/config"
        " .conda/.condarc .composer/auth.json .config/composer/auth.json .npm-global/etc/npmrc .npm/_logs .julia/servers"
        " .julia/logs/repl_history.jl .stack/hackage .config/yarn/global/.npmrc .cache/huggingface/token"
        " .cache/huggingface/stored_tokens .yarn/berry/.yarnrc.yml .local/share/uv/credentials .composer/config.json"
        " .config/composer/config.json .nuget/NuGet/config .bun/.npmrc .m2/gradle.properties .local/share/pnpm/rc .rvm/user .platformio/appstate.json .dotnet/corefx/cryptography"
    )
)
# Settings that programs need, and that may hold a key: hidden only if they do.
_SETTINGS = str.split(
    ".cargo/config.toml .cargo/config .gem/.gemrc .sbt/repositories .conda/condarc .julia/config/startup.jl"
)
_KEY = re.compile(r"(?i)(token|passw(or)?d|secret|_auth|api_?key|credential)\w{0,100}[\"']?\s{0,100}[:=]")
_SETTINGS_BYTES = 1 << 18
# Variables of the user's own environment that name such a place.
_VARIABLES = str.split(
    "VIRTUAL_ENV CONDA_PREFIX CARGO_HOME RUSTUP_HOME GOPATH GOROOT GOMODCACHE NVM_DIR JAVA_HOME PYENV_ROOT RBENV_ROOT VOLTA_HOME"
    " PNPM_HOME SDKMAN_DIR ASDF_DIR ASDF_DATA_DIR MISE_DATA_DIR DOTNET_ROOT FLUTTER_ROOT ANDROID_HOME BUN_INSTALL DENO_INSTALL"
    " GEM_HOME GHCUP_INSTALL_BASE_PREFIX OPAMROOT JULIA_DEPOT_PATH M2_HOME MAVEN_HOME GRADLE_HOME NODE_HOME UV_PYTHON_INSTALL_DIR"
)
_TOO_WIDE = frozenset(("/", "/home", "/root", "/var", "/tmp", "/run", "/mnt", "/media", "/srv", "/data"))


def home_of(env: Mapping[str, str]) -> Path:
    """Return the user's home as a command sees it."""
    return Path(env.get("HOME") or Path.home())


def shown_places(env: Mapping[str, str]) -> list[Path]:
    """Return existing places outside the system folders with programs, from the table, PATH and the environment."""
    home = home_of(env)
    found = [home / name for name in READ_ONLY]
    for entry in filter(None, env.get("PATH", "").split(":")):
        folder = Path(entry)
        below_home = folder.is_relative_to(home)
        found.append(folder if below_home or not _narrow(folder.parent, home) else folder.parent)
    found += [Path(env[name]) for name in _VARIABLES if env.get(name)]
    found += [Path(sys.prefix), Path(sys.base_prefix)]
    return sorted({place for place in found if _narrow(place, home) and place.is_dir()})


def _narrow(place: Path, home: Path) -> bool:
    """Return whether showing it shows no home and no folder above one."""
    if not place.is_absolute() or str(place) in _TOO_WIDE or ".." in place.parts:
        return False
    real = Path(os.path.realpath(place))
    return not any(
        inner.is_relative_to(outer)
        for outer in (place, real)
        for inner in (home, Path(os.path.realpath(home)))
    )


def credential_files(env: Mapping[str, str]) -> list[Path]:
    """Return existing credential files inside the places that are shown."""
    home = home_of(env)
    places = [home / name for name in CREDENTIALS]
    if cargo := env.get("CARGO_HOME"):
        places += [Path(cargo, "credentials"), Path(cargo, "credentials.toml")]
    found = [place for place in places if os.path.lexists(place)]
    found += [home / name for name in _SETTINGS if _holds_key(home, name)]
    for folder in shown_places(env):  # whatever its name says, in any of them
        found += [place for place in _entries(folder) if is_secret((place.name,)) and place.is_file()]
    return found


def _holds_key(home: Path, name: str) -> bool:
    from mazu_ls.redact import has_secret

    try:
        text = project_files.read_text(home, name, _SETTINGS_BYTES, "replace")
    except FileNotFoundError:
        return False
    except OSError:  # a link, or no regular file: it cannot be judged
        return os.path.lexists(home / name)
    return bool(_KEY.search(text)) or has_secret(text)


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []
