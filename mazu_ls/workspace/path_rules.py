"""Path rules: spellings that are refused, and files that are special (protected, secret, run later)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from mazu_ls.workspace.lazy_pattern import lazy_pattern

# Git refuses the same spellings of `.git` (core.protectNTFS, core.protectHFS): NTFS ignores trailing dots, spaces
# and stream names and has short names; HFS+ ignores these code points.
_HFS_IGNORED = dict.fromkeys(
    [*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0x200B, 0x2060, 0xFEFF, 0x00AD]
)
_SHORT_NAME = lazy_pattern(r"^\.?(git|mazu)[a-z0-9]{0,2}~[0-9]+$")
_GIT_SHORT_HASH = lazy_pattern(r"^(gi|ma)[0-9a-f]{4}~[0-9]+$")
_SLASHES = dict.fromkeys(map(ord, "\u2044\u2215\u29f8\uff0f\u29f5\ufe68\uff3c"), "/")
_URI = lazy_pattern(r"^[A-Za-z][A-Za-z0-9+.-]*:/")
_DRIVE = lazy_pattern(r"^[A-Za-z]:([\\/]|$)")
_HOME = lazy_pattern(
    r"^~(?:[A-Za-z_][\w-]*)?(?:/|$)"
)  # `~`, `~/x` and `~user/x`, but `~x.py` and `~$a.doc` are file names
_VARIABLE = lazy_pattern(r"^(\$\{?[A-Z_][A-Z0-9_]*|\$\(|%[A-Za-z_]+%|`)")
_PERCENT = lazy_pattern(r"%(2e|2f|5c|00|0[ad]|c0|c1|e0%80|25)", re.IGNORECASE)
MAX_PATH = 4000  # bytes; Linux's PATH_MAX is 4096 with its NUL
MAX_NAME = 255


def malformed_path_reason(path: str) -> str | None:
    """Return why this spelling is refused, or None. Does not access the disk."""
    if not path.strip():
        return "it is empty"
    plain = path.isprintable()
    if not plain and any(unicodedata.category(c) in ("Cc", "Cs") for c in path):
        return "it holds control characters or broken Unicode"
    if not plain and any(
        ord(c) in _HFS_IGNORED or unicodedata.bidirectional(c) in ("LRI", "RLI", "FSI", "PDI") for c in path
    ):
        return "it holds invisible characters"
    if _lookalike(path):
        return "it holds characters that only look like `/` or `.`"
    if _DRIVE.match(path) or "\\" in path:
        return "it is written for Windows; folders are separated by `/` here"
    if _URI.match(path):
        return "it is a URL, not a path"
    if _HOME.match(path) or _VARIABLE.match(path):
        return "`~` and variables are not expanded; only files below the workspace can be named"
    if _PERCENT.search(path):
        return "percent-encoding is not decoded"
    if len(path.encode()) > MAX_PATH or any(len(part.encode()) > MAX_NAME for part in path.split("/")):
        return "it is too long"
    return None


def _lookalike(path: str) -> bool:
    if path.isascii():
        return False
    seen = unicodedata.normalize("NFKC", path.translate(_SLASHES))
    return seen.startswith("/") != path.startswith("/") or seen.split("/").count("..") != path.split(
        "/"
    ).count("..")


def fold_case(name: str) -> str:
    """Return one component as a lenient file system would read it: case, invisible characters, trailing dots and
    spaces."""
    name = unicodedata.normalize("NFKC", name.translate(_HFS_IGNORED)).casefold()
    return name.split(":")[0].rstrip(". ")


def is_protected(parts: Sequence[str]) -> str | None:
    """Return `.git` or `.mazu` if a component is one of them in any spelling, else None."""
    for part in parts:
        name = fold_case(part)
        if name in (".git", ".mazu"):
            return name
        if _SHORT_NAME.match(name) or _GIT_SHORT_HASH.match(name):
            return ".mazu" if name.lstrip(".").startswith("ma") else ".git"
    return None


class OwnPlace(NamedTuple):
    """A real place inside the project that is the user's own, such as their settings; `name`: how they know it."""

    path: Path
    name: str


def owner_of(real: str, own: Iterable[OwnPlace]) -> str | None:
    """Return the name of the user's own place that a real path is, or lies in, in any spelling; else None."""
    places = [(f"{_folded(str(place))}/", name) for place, name in own]
    spelt = f"{_folded(real)}/" if places else ""
    return next((name for place, name in places if spelt.startswith(place)), None)


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", path).casefold().rstrip("/")


_SECRET_FOLDERS = frozenset(
    (".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".gcloud", ".password-store")
)
_SECRET_NAME = lazy_pattern(
    r"""^(
      \.env(\..+)? | .*\.env | \.envrc | \.?env\.(local|prod|production|dev|development|staging|test)
    | (.*[._-])?id_(rsa|dsa|ecdsa|ed25519|xmss)(_sk)? | .*_rsa | .*_ed25519
    | .*\.(pem|key|p8|p12|pfx|pkcs12|jks|keystore|kdbx?|ppk|asc|gpg|age|ovpn|agekey|token|secret|secrets|credentials)
    | \.?(secrets?|credentials?|passwords?|passwd|shadow|tokens?|apikeys?|api[_-]keys?)([._-].*)?
    | .*[._-](secrets?|credentials?|passwords?)\.(ya?ml|json|toml|ini|txt|cfg|conf|env|xml|properties|tfvars)
    | \.(netrc|pypirc|npmrc|yarnrc|yarnrc\.yml|git-credentials|pgpass|my\.cnf|htpasswd|dockercfg|dockerconfigjson|boto|s3cfg
        |vault-token|vault_pass|vault-pass|terraformrc|terraform\.rc|esmtprc|msmtprc|fetchmailrc|authinfo(\.gpg)?|mazu_key|rediscli_auth)
    | _netrc | .*\.tfstate(\..*)? | .*\.tfvars(\.json)? | kubeconfig(\..*)? | .*\.kubeconfig | \.?htpasswd
    | (gcp|firebase|google)?-?service[_-]?account.*\.json | client_secret.*\.json | application_default_credentials\.json
    | wp-config\.php | local\.settings\.json | appsettings\.(production|development|staging)\.json | database\.yml
    | .*adminsdk.*\.json | .*[._-]key\.json | \.flaskenv | (.*[._-])?vault\.ya?ml | master\.key | .*\.(sqlite3?-wal|mobileprovision|keychain(-db)?) | login\.keychain.* | \.bash_history | \.zsh_history
    | \.python_history | \.psql_history | \.mysql_history | \.node_repl_history
    )$""",
    re.VERBOSE,
)
_SAMPLE = lazy_pattern(r"[._-](example|sample|template|dist|defaults?|schema)$|\.pub$")
_SOURCE = lazy_pattern(
    r"\.(py|pyi|js|ts|tsx|jsx|rs|go|java|rb|c|h|cc|cpp|hpp|md|rst|html|css|sh|lua|kt|swift|cs|php)$"
)


def is_secret(parts: Sequence[str]) -> str | None:
    """Return the component whose name suggests keys or passwords, so that reading it asks first."""
    names = [fold_case(part) for part in parts]
    for name, part in zip(names, parts, strict=True):
        if name in _SECRET_FOLDERS:
            return part
    if not names or _SAMPLE.search(names[-1]):
        return None
    if _SECRET_NAME.match(names[-1]) and not (_SOURCE.search(names[-1]) and names[-1] != "wp-config.php"):
        return parts[-1]
    if {"secrets", ".secrets"} & set(names[:-1]) and not _SOURCE.search(names[-1]):
        return parts[-1]
    if len(names) > 1 and names[-2] == ".git" and names[-1] == "config":
        return ".git/config"
    return None
