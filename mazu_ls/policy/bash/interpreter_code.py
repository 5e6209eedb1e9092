"""Code on the command line of an interpreter: finds what would be denied in a shell, too."""

from __future__ import annotations

import re
from itertools import islice

from mazu_ls.policy.bash.scope import ShellScope
from mazu_ls.policy.data import pattern
from mazu_ls.policy.rules import Decision
from mazu_ls.policy.step_budget import spend
from mazu_ls.policy.tables import targets
from mazu_ls.policy.tables.wrappers import CODE_OPTIONS, INTERPRETERS

_OPENS = re.compile(r"['\"`]|(%)x?[{(\[]|(q)x?[/{(]")
_REST_OF_STRING = {
    "'": re.compile(r"((?:[^'\\]|\\.)*+)'", re.DOTALL), '"': re.compile(r'((?:[^"\\]|\\.)*+)"', re.DOTALL), "`": re.compile(r"([^`]*+)`"),
    "%": re.compile(r"([^})\]]*+)[})\]]"), "q": re.compile(r"([^/})]*+)[/})]"),
}  # fmt: skip
# Perl's and Ruby's strings between delimiters of their own: `q(/etc/x)`, `qq{x}`, `%q[x]`, `%(x)`.
_QUOTED = re.compile(
    r"(?:%[qQwWiIx]?|q[qwxr]?\s*+)(?:\(([^()]*+)\)|\{([^{}]*+)\}|\[([^][]*+)\]|<([^<>]*+)>"
    r"|/([^/]*+)/|\|([^|]*+)\||!([^!]*+)!|#([^#]*+)#|~([^~]*+)~)"
)
_LONG = re.compile(r"\[=*+\[([^][]*+)\]=*+\]")  # Lua's `[[/etc/x]]`
_LIST = re.compile(r"\[((?:\s*+(?:'[^']*+'|\"[^\"]*+\")\s*+,?)++)\]")
_RUNS = pattern("interpreter_code.runs")
_NETWORK = pattern("interpreter_code.network")
_SHELL = pattern("interpreter_code.shell")
_DECODES = pattern("interpreter_code.decodes")
_EVALUATES = pattern("interpreter_code.evaluates")
_DESTROYS = pattern("interpreter_code.destroys")
_RIGHTS = re.compile(r"(?<![\w./-])(/usr/bin/|/bin/)?(sudo|doas|pkexec|run0|su -c)(?![\w-])")
_DOWNLOADS = re.compile(r"urlopen|urlretrieve|requests\.get|Net::HTTP|open-uri|https?://|LWP|\bfetch\(")
_FORKS = pattern("interpreter_code.forks")
_PRIVILEGE = re.compile(r"\b(setuid|setgid|seteuid|setreuid|setresuid)\b|PR_SET|reboot\(")
_SECRETS = pattern("interpreter_code.secrets")
_WRITING = pattern("interpreter_code.writing")


_MAX_FOLDERS = 8
# awk's `"command" | getline` and `print | "command"`
_PIPED = re.compile(r"\|&?\s*(['\"]|getline)|['\"]\s*\|")


_ENTERS = re.compile(r"\b(?:chdir|cd)\b[\s(]*(?:q\w?\s*[^\w\s]|['\"])([^'\"(){}\[\]<>,;|!]+)")


def entered(code: str) -> list[str]:
    """Return the folders that code enters by `chdir("..")`, `Dir.chdir '..'` or `chdir q(..)`, as they are written."""
    spend(len(code) // 50)
    return [match[1] for match in islice(_ENTERS.finditer(code), _MAX_FOLDERS)]


def code_of(argv: list[str]) -> list[str]:
    """Return the code among an interpreter's words, including awk's and sed's program."""
    name, rest = argv[0], argv[1:]
    if re.match(r"^(g|m|n)?awk$", name):
        return [word for word in rest if not word.startswith("-")][:1]
    if not INTERPRETERS.match(name):
        return []
    base = re.sub(r"[\d.]+$", "", name)
    options = CODE_OPTIONS.get(base, "-c -e").split()
    found: list[str] = []
    if "timeit" in rest and base in ("python", "pypy"):
        found += [word for word in rest if not word.startswith("-")]
    for index, word in enumerate(rest):
        following = rest[index + 1] if index + 1 < len(rest) else ""
        for option in options:
            short = len(option) == 2
            if word == option or (
                short and re.fullmatch(rf"-[A-Za-z]*{option[1]}", word) and not word.startswith("--")
            ):
                found.append(following)
            elif short and word.startswith(option) and len(word) > 2:
                found.append(word[2:])
            elif word.startswith(f"{option}="):
                found.append(word.split("=", 1)[1])
    return found


def starts_programs(code: str) -> bool:
    """Return whether something in the code may start another program."""
    return bool(_RUNS.search(code) or "`" in code or "%x" in code or _PIPED.search(code))


def scripts_in(code: str) -> list[str]:
    """Return strings of the code that may be run: each string, and each list of strings as one command; what `expect`
    spawns."""
    found: list[str] = re.findall(r"\bspawn\s+(?:-\w+\s+)*([^\n;}]+)", code)
    if not starts_programs(code):
        return found
    found += [
        text.replace("\\'", "'").replace('\\"', '"').replace("\\n", "\n") for text in _strings(code) if text
    ]
    for match in _LIST.finditer(code):
        words = [a or b for a, b in re.findall(r"'([^']*)'|\"([^\"]*)\"", match[1])]
        found.append(" ".join("'" + word.replace("'", "'\\''") + "'" for word in words))
    return found


_NET, _UNREADABLE = "a shell would be connected to the network", "nothing unreadable runs"
# The folder above by itself is the target of one of these; elsewhere it is a part of a path or a text (`sys.path.append("..")`).
_ABOVE = re.compile(
    r"\b(?:rm\w*|remove\w*|unlink\w*|rename\w*|move|delete\w*|chdir)\b[^;\n'\"]{0,80}?['\"]\.\.['\"]"
)

# Code is refused if all of these patterns are found in it; and the rule to name.
_REFUSED: tuple[tuple[tuple[re.Pattern[str], ...], str, str], ...] = (
    ((re.compile(r"/inet/(tcp|udp)|/dev/(tcp|udp)/|pty\.spawn|ztcp"),), _NET, "no reverse shell"),
    ((_NETWORK, _SHELL), _NET, "no reverse shell"),
    ((_DECODES, _EVALUATES), "what would run is encoded, so it cannot be judged", _UNREADABLE),
    ((_DOWNLOADS, _EVALUATES), "what would run is downloaded", "no download is run"),
    ((_FORKS,), "a program that only multiplies itself", "never destructive"),
    ((_DESTROYS,), "it would remove more than the project's own files", "never destructive"),
    ((_PRIVILEGE,), "it changes the user it runs as", "no other rights"),
    ((_RUNS, _RIGHTS), "it changes the user it runs as", "no other rights"),
    ((_SECRETS,), "it reads keys or passwords", "keys are not read"),
)


def deny(code: str, scope: ShellScope) -> Decision | None:
    """Return the hard deny that the code itself meets."""
    for patterns, reason, rule in _REFUSED:
        if all(pattern.search(code) for pattern in patterns):
            return Decision("deny", reason, rule=rule)
    home = str(scope.place.home)
    paths = [
        re.sub("^~", home, text)
        for text in (re.sub(r"^\+?[<>]+\s*", "", text) for text in _strings(code))
        if re.match(r"^(/|~|\.\.?/|\.git\b|\.mazu\b)[^\s]*$", text)
    ]
    paths += [".."] if _ABOVE.search(code) else []
    for path in paths:
        if (found := targets.secret(path, scope)) is not None:
            return Decision("deny", f"{found} holds keys or passwords", rule="keys are not read")
        if _WRITING.search(code) and (refused := targets.write_refused(path, scope)) is not None:
            return Decision("deny", refused, rule="writes stay inside the workspace")
    return None


def _strings(code: str) -> list[str]:
    """Return the strings of code; where one is not closed, no later one of its kind is, and none is looked for again."""
    found: list[str] = []
    at, unclosed = 0, set[str]()
    while opening := _OPENS.search(code, at):
        kind = opening[1] or opening[2] or opening[0]
        rest = None if kind in unclosed else _REST_OF_STRING[kind].match(code, opening.end())
        if rest is None:
            unclosed.add(kind)
        else:
            found.append(rest[1])
        at = rest.end() if rest else opening.start() + 1
    found += _LONG.findall(code)
    for match in _QUOTED.finditer(code):
        text = match[match.lastindex or 0]
        found += [text, *(text.split() if match[0][1] in "wW" else ())]
    return found
