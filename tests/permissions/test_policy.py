"""Modes, rules and grants: who has the last word."""

import json
import subprocess
from pathlib import Path

import pytest

from mazu_ls.errors import Kind, MazuError
from mazu_ls.policy import GrantStore, PolicyContext, Rule, ToolCallInfo
from mazu_ls.policy.decide import decide
from mazu_ls.tools.base import Effect
from mazu_ls.workspace import Workspace
from tests.hostile.shapes import git

SHELL = "run_shell"


@pytest.fixture
def place(tmp_path: Path) -> PolicyContext:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/plan.md").write_text("x", encoding="utf-8")
    (tmp_path / "open.md").symlink_to("secrets/plan.md")
    return PolicyContext([tmp_path], tmp_path, tmp_path / "home")


def shell(command: str) -> ToolCallInfo:
    return ToolCallInfo(SHELL, Effect.EXECUTE, {"command": command})


def read(path: str) -> ToolCallInfo:
    return ToolCallInfo("read_file", Effect.READ, {"path": path})


def write(path: str) -> ToolCallInfo:
    return ToolCallInfo("write_file", Effect.EDIT, {"path": path, "content": ""})


@pytest.mark.parametrize(
    ("mode", "verdicts"),
    [
        ("ask", "allow ask ask ask allow"),
        ("auto", "allow allow ask ask allow"),
        ("plan", "allow deny deny deny deny"),
        ("bypass", "allow allow allow allow allow"),
    ],
)
def test_each_mode_has_its_defaults(mode, verdicts: str, place: PolicyContext) -> None:
    calls = [
        read("a.md"), write("a.md"), shell("make"), ToolCallInfo("web_fetch", Effect.NETWORK, {"url": "https://x.example"}),
        ToolCallInfo("remember", Effect.REMEMBER, {"title": "x"}),
    ]  # fmt: skip
    assert " ".join(decide(call, mode, [], place).verdict for call in calls) == verdicts


def test_a_known_command_is_free_in_auto_and_asked_in_ask(place: PolicyContext) -> None:
    assert decide(shell("git status"), "auto", [], place).verdict == "allow"
    asked = decide(shell("git status"), "ask", [], place)
    assert (asked.verdict, asked.always) == ("ask", ("git", "status"))


def test_deny_beats_ask_beats_allow(place: PolicyContext) -> None:
    allow, ask, deny = (Rule.parse(SHELL, "npm *", verdict) for verdict in ("allow", "ask", "deny"))
    assert decide(shell("npm test"), "auto", [allow], place).verdict == "allow"
    assert decide(shell("npm test"), "auto", [allow, ask], place).verdict == "ask"
    assert decide(shell("npm test"), "bypass", [allow, ask, deny], place).verdict == "deny"
    assert decide(shell("sudo npm test"), "bypass", [Rule.parse("*", "*", "allow")], place).verdict == "deny"
    assert decide(shell("npm test"), "plan", [allow], place).verdict == "deny"


@pytest.mark.parametrize(
    "command",
    [
        "npm test; touch x", "npm test && touch x", "npm test | tee x", "npm test > x", "npm test $(touch x)", "npm test `touch x`",
        "X=1 npm test", "npm test\ntouch x", "npm test & touch x", "npm $X", "npm 'unterminated",
    ],
)  # fmt: skip
def test_an_allowed_command_does_not_carry_another(command: str, place: PolicyContext) -> None:
    assert decide(shell(command), "ask", [Rule.parse(SHELL, "npm *", "allow")], place).verdict == "ask"


@pytest.mark.parametrize(
    "command",
    ["env npm publish", "sh -c 'npm publish'", "ls; npm publish", "x=publish; npm $x", "np''m publish"],
)
def test_a_denied_command_is_found_however_it_is_wrapped(command: str, place: PolicyContext) -> None:
    assert (
        decide(shell(command), "bypass", [Rule.parse(SHELL, "npm publish", "deny")], place).verdict == "deny"
    )


@pytest.mark.parametrize(
    "path",
    ["secrets/plan.md", "./secrets/plan.md", "open.md", "secrets/../secrets/plan.md", "secrets//plan.md"],
)
def test_a_denied_path_is_found_however_it_is_spelt_or_linked(path: str, place: PolicyContext) -> None:
    assert (
        decide(read(path), "bypass", [Rule.parse("read_file", "secrets/*", "deny")], place).verdict == "deny"
    )


def test_an_allowed_path_is_not_widened_by_a_link(place: PolicyContext, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/link.md").symlink_to("../Makefile")
    rule = Rule.parse("write_file", "docs/*", "allow")
    assert decide(write("docs/a.md"), "ask", [rule], place).verdict == "allow"
    assert decide(write("docs/link.md"), "ask", [rule], place).verdict == "ask"


def test_every_verdict_explains_itself(place: PolicyContext) -> None:
    for call in (shell("sudo ls"), shell("make"), shell("ls"), read("../x"), read(".env"), write("Makefile")):
        decision = decide(call, "auto", [], place)
        assert decision.reason
        assert "\n" not in decision.reason


@pytest.mark.parametrize(
    "command",
    ["python x.py", "bash x.sh", "env ls", "xargs ls", "sudo ls", "npx foo", "find . -name x", "ls; ls", "ls $X", "ls > x", "rm x", "npm run"],
)  # fmt: skip
def test_always_is_not_offered_for_what_runs_anything(command: str, place: PolicyContext) -> None:
    assert decide(shell(command), "ask", [], place).always is None


def test_a_grant_is_a_prefix_of_words_listed_and_revocable(place: PolicyContext, tmp_path: Path) -> None:
    home = tmp_path / "mazu"
    grants = GrantStore.load(home, "key")
    grant = grants.add(SHELL, ("npm", "test"))
    assert grants.add(SHELL, ("npm", "test")) == grant
    again = GrantStore.load(home, "key")
    assert (home / "grants/key.json").stat().st_mode & 0o777 == 0o600
    rules = again.rules()
    assert decide(shell("npm test --watch"), "ask", rules, place).verdict == "allow"
    assert decide(shell("npm testing"), "ask", rules, place).verdict == "ask"
    assert GrantStore.load(home, "other").list() == ()
    again.revoke(grant.id)
    assert GrantStore.load(home, "key").list() == ()
    with pytest.raises(MazuError):
        again.revoke(grant.id)


@pytest.mark.parametrize("typed", ["git push* *", "a[b]? *", "'a b' c *", "*", "x \\; *", "'' *"])
def test_a_grant_is_listed_as_it_may_be_typed(typed: str, tmp_path: Path) -> None:
    words = Rule.parse(SHELL, typed, "allow").pattern
    listed = GrantStore.load(tmp_path, "k").add(SHELL, words[:-1]).pattern
    assert Rule.parse(SHELL, listed, "allow").pattern == words
    assert listed == typed or "\\" in typed


def test_a_damaged_file_of_grants_is_said_not_lost(tmp_path: Path) -> None:
    (tmp_path / "grants").mkdir()
    (tmp_path / "grants/key.json").write_text("{", encoding="utf-8")
    with pytest.raises(MazuError) as caught:
        GrantStore.load(tmp_path, "key")
    assert caught.value.kind is Kind.CONFIG


def fetch(url: str) -> ToolCallInfo:
    return ToolCallInfo("web_fetch", Effect.NETWORK, {"url": url})


@pytest.mark.parametrize(
    ("asked", "about", "also", "not_this"),
    [
        (fetch("https://docs.example/a?b"), "docs.example", [fetch("http://DOCS.example/c")],
         [fetch("https://evil.example/docs.example"), fetch("https://docs.example.evil.org/"), fetch("https://docs.example:81/"),
          fetch("https://docs.example@evil.org/"), fetch("ftp://docs.example/"), fetch("https://[")]),
        (fetch("http://10.0.0.1:8000/"), "10.0.0.1:8000", [fetch("http://10.0.0.1:8000/x")], [fetch("http://10.0.0.1/"), fetch("http://10.0.0.1:80/")]),
        (write("app/[id]/page.md"), "app/[id]/page.md", [write("./app/[id]/page.md")], [write("app/i/page.md"), write("app/page.md"), write("b.md")]),
        (write("a*.md"), "a*.md", [], [write("ab.md")]),
    ],
)  # fmt: skip
def test_a_standing_permission_is_for_the_host_or_the_file_that_was_seen(
    asked: ToolCallInfo,
    about: str,
    also: list[ToolCallInfo],
    not_this: list[ToolCallInfo],
    place: PolicyContext,
) -> None:
    decision = decide(asked, "ask", [], place)
    assert decision.always
    assert decision.about == about
    granted = GrantStore.load(place.home, "key").add(asked.tool, decision.always).rule
    for call in (asked, *also):
        assert decide(call, "ask", [granted], place).verdict == "allow"
    for call in not_this:
        assert decide(call, "ask", [granted], place).verdict == "ask"


def test_a_file_behind_a_link_is_allowed_once_or_not_at_all(place: PolicyContext) -> None:
    assert decide(write("open.md"), "ask", [], place).always is None


@pytest.mark.parametrize(
    ("rules", "edit", "whole"),
    [
        (["write_file src/* ask", "edit_file src/* allow"], "allow", "ask"),
        (["write_file ** deny", "edit_file src/* allow"], "allow", "deny"),
        (["write_file **/* deny"], "ask", "deny"),
        (["edit_file src/* deny"], "deny", "deny"),
        (["edit_file src/* deny", "write_file src/* allow"], "deny", "allow"),
        (["edit_file src/* deny", "write_file * allow"], "deny", "deny"),
        (["edit_file src/* deny", "*_file src/* allow"], "deny", "deny"),
        (["read_file src/* ask", "edit_file src/* allow"], "ask", "ask"),
        (["read_file src/* ask", "edit_file ** allow"], "ask", "ask"),
        (["write_file src/* deny", "edit_file ** allow"], "deny", "deny"),
        (["read_file src/* deny", "edit_file src/* allow"], "deny", "ask"),
    ],
)
def test_a_path_rule_of_one_tool_that_edits_holds_for_the_other(
    rules: list[str], edit: str, whole: str, place: PolicyContext
) -> None:
    given = [Rule.parse(tool, pattern, verdict) for tool, pattern, verdict in map(str.split, rules)]  # type: ignore[arg-type]
    edited = ToolCallInfo("edit_file", Effect.EDIT, {"path": "src/a.py", "old": "a", "new": "b"})
    wrote = ToolCallInfo("write_file", Effect.EDIT, {"path": "src/a.py", "content": "b"})
    assert (decide(edited, "ask", given, place).verdict, decide(wrote, "ask", given, place).verdict) == (
        edit,
        whole,
    )


def test_a_rule_may_name_a_host(place: PolicyContext) -> None:
    rule = Rule.parse("web_fetch", "docs.example", "deny")
    assert decide(fetch("https://docs.example:8443/x"), "bypass", [rule], place).verdict == "deny"


@pytest.mark.parametrize(
    ("rule", "urls"),
    [
        ("docs.example", ["http://docs.example./", "http://\uff44ocs.example/", "http://docs\u3002example/x", "http://do\u00adcs.example:8/"]),
        ("Docs.example.", ["http://docs.example/"]), ("http://docs.example/*", ["http://docs.example./a", "http://docs.example:80/a"]),
        ("127.0.0.1", ["http://127.1/", "http://0x7f.1/", "http://2130706433:8/", "http://[::ffff:127.0.0.1]/"]), ("127.1", ["http://127.0.0.1/"]),
        ("ex\u00e4mple.test", ["http://xn--exmple-cua.test/", "http://ex\u00e4mple.test/"]), ("*.example", ["http://docs.example./"]), ("docs.example", ["http://docs.example../"]),
        ("https://docs.example/private/*", ["https://docs.example/open/../private/x", "https://docs.example/%70rivate/x"]),
        ("*.EXAMPLE", ["http://docs.example/"]), ("http://DOCS.example./*", ["http://docs.example/x"]), ("http://ex\u00e4mple.test/*", ["http://xn--exmple-cua.test/x"]),
        ("[::1]", ["http://[::1]/", "http://[0:0::1]/x"]), ("http://[::1]/*", ["http://[::1]/x"]), ("docs.example:80", ["http://docs.example/", "http://docs.example:80/"]),
    ],
)  # fmt: skip
def test_a_rule_about_a_host_holds_for_its_other_spellings(
    rule: str, urls: list[str], place: PolicyContext
) -> None:
    for url in urls:
        assert decide(fetch(url), "bypass", [Rule.parse("web_fetch", rule, "deny")], place).verdict == "deny"
    near = fetch("http://docs.example.evil.test/127.0.0.1")
    assert decide(near, "bypass", [Rule.parse("web_fetch", rule, "deny")], place).verdict == "allow"


@pytest.mark.parametrize(
    "command",
    [
        "rm x.txt",
        "cd src && make",
        "FOO=1 make",
        "python x.py",
        "cat a | tee b",
        "make > out.txt",
        "find . -name x",
    ],
)
def test_a_line_that_says_what_it_does_may_be_allowed_for_the_session_as_it_stands(
    command: str, place: PolicyContext
) -> None:
    decision = decide(shell(command), "ask", [], place)
    assert (decision.always, decision.exact) == (None, (command, place.cwd))
    rule = Rule(SHELL, (command,), "allow", origin="session", exact=decision.exact)
    elsewhere = PolicyContext(place.roots, place.cwd / "secrets", place.home)
    assert decide(shell(command), "ask", [rule], place).verdict == "allow"
    assert decide(shell(command), "ask", [rule], elsewhere).verdict == "ask"
    assert decide(shell(command), "plan", [rule], place).verdict == "deny"
    assert decide(shell(command), "ask", [rule, Rule.parse(SHELL, "*", "deny")], place).verdict == "deny"
    for other in (f"{command} x", f"{command}; make", f" {command}", command.split(" ", maxsplit=1)[0]):
        assert decide(shell(other), "ask", [rule], place).verdict == "ask"


@pytest.mark.parametrize(
    "command", ["rm $X", "rm $(cat list)", "make > $X", "rm 'x", "rm \u202ex", "make &", "f() { make; }; f"]
)
def test_a_line_that_cannot_be_known_is_allowed_once_or_not_at_all(
    command: str, place: PolicyContext
) -> None:
    decision = decide(shell(command), "ask", [], place)
    assert (decision.verdict, decision.always, decision.exact) == ("ask", None, None)


def test_a_word_of_the_shell_is_a_plain_word_where_it_is_an_argument(place: PolicyContext) -> None:
    assert decide(shell("mkdir -p d1"), "ask", [], place).always == ("mkdir",)


DENIED = ["git push*", "npm publish", "kubectl delete *", "terraform apply", "docker push", "docker compose down", "cargo publish"]  # fmt: skip


@pytest.mark.parametrize("mode", ["ask", "auto", "bypass"])
@pytest.mark.parametrize(
    ("command", "verdict"),
    [
        ("git -c a=b push", "deny"), ("git -C . push origin main", "deny"), ("git --git-dir=.git push", "deny"), ("git --git-dir .git push", "deny"),
        ("env A=1 git -P push", "deny"), ("npm --silent publish", "deny"), ("npm --prefix sub publish --tag x", "deny"), ("kubectl -n prod delete pod x", "deny"),
        ("kubectl -nprod delete pod x", "deny"), ("kubectl --context=x -n prod delete ns y", "deny"), ("terraform -chdir=x apply", "deny"),
        ("docker --context x push y", "deny"), ("docker compose -f x.yml down", "deny"), ("cargo +nightly publish", "deny"), ("true; git -C x push", "deny"),
        ("git-push origin", "deny"), ("/usr/lib/git-core/git-push", "deny"), ("parallel git ::: push", "deny"), ("xargs -I{} git {} <<< push", "deny"),
        ("xargs -IX git X origin <<< push", "deny"), ("expect -c 'spawn git push'", "deny"), ("shopt -s expand_aliases; alias g=git\ng push", "deny"),
        ("git pus[h]", "ask"), ("git ???h", "ask"), ("git $(cat f)", "ask"), ("git ${x@Q} push", "ask"),
        ("git --frobnicate status", "ask"), ("npm --frobnicate test", "ask"), ("kubectl --frobnicate get pods", "ask"),
    ],
)  # fmt: skip
def test_a_rule_holds_behind_global_options(command: str, verdict: str, mode, place: PolicyContext) -> None:
    rules = [Rule.parse(SHELL, pattern, "deny") for pattern in DENIED]
    for confined in (False, True):
        there = PolicyContext(place.roots, place.cwd, place.home, confined)
        assert decide(shell(command), mode, rules, there).verdict == verdict


RULES = [json.loads(line) for line in Path(__file__).with_name("rules.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.parametrize("mode", ["auto", "bypass"])
def test_the_sandbox_has_a_folder_for_temporary_files_of_its_own(mode) -> None:
    """What a command keeps in /tmp is no file of the machine there; a project that lies in /tmp is in the sandbox."""
    held = (
        "pytest > /tmp/out.txt 2>&1; tail /tmp/out.txt", "tar czf /tmp/a/x.tgz src", "cp a.py /var/tmp/", "gcc -o /tmp/a a.c && /tmp/a",
        "mkdir -p /tmp/w && cd /tmp/w && echo x > y", "rm -rf /tmp/w", "python3 -c \"open('/tmp/x','w')\"", "git diff > /tmp/p.patch",
    )  # fmt: skip
    denied = (
        "rm -rf /tmp/w/p", "rm -rf /tmp/w", "rm -rf /tmp/*", "rm -rf /tmp/?", "echo x > /tmp/../etc/x", "echo x > /tmp/w/p/.git/config",
        "rm -rf /tmp", "echo x > /tmpx/y", 'read a < f; echo x > "/tmp/$a"', "echo x > /usr/x",
    )  # fmt: skip
    for confined, root, lines, verdict in (
        (True, "/proj", held, "allow"), (False, "/proj", held, "deny"), (True, "/tmp/w/p", denied, "deny"), (True, "/tmp/w/p", held[:1], "allow"),
    ):  # fmt: skip
        there = PolicyContext([Path(root)], Path(root), Path("/home/u"), confined)
        wrong = [line for line in lines if decide(shell(line), mode, [], there).verdict != verdict]
        assert wrong == [], (confined, root, verdict)


def test_what_follows_a_cd_alone_is_judged_from_there(place: PolicyContext) -> None:
    """In the sandbox; where the line runs more if the `cd` fails, it is refused with the way out."""
    held = PolicyContext([Path("/proj")], Path("/proj"), Path("/home/u"), confined=True)
    free = (
        "cd src && echo x > ../out.txt",
        "cd src && pytest -q | tee ../out.txt",
        "cd a/b && make && cp a ../../b",
        "(cd src && pytest -q | tee ../out.txt)",
        "bash -c 'cd src && echo x > ../out.txt'",
        "cd src && make > ../out.txt\n",
        "cd src && make > ../out.txt;",
    )
    outside = ("cd src && echo x > ../../out.txt", "cd src && cd .. && echo x > ../out.txt", "cd .. && echo x > out.txt", "cd src && rm -rf ..",
        "cd src && rm -rf ../*", "cd src/../.. && echo x > proj2", "(cd src && ls) && echo x > ../out.txt", "cd src | echo x > ../out.txt", "! cd src && echo x > ../out.txt", "(cd src && ls) > ../out.txt", "(cd src || exit; ls); echo x > ../out.txt", "cd src || exit; echo x > ../../out.txt",
        "(cd src || exit; ls); (echo x > ../out.txt)", "(cd src || exit; ls) > ../out.txt", "cd src | exit; echo x > ../out.txt")  # fmt: skip
    loose = ("cd src && true; echo x > ../out.txt", "cd src && sleep 1 & echo x > ../out.txt", "cd src\necho x > ../out.txt", "cd src && ls || echo x > ../out.txt",
        "cd src && ls > a && ls\necho x > ../out.txt", "cd src && f() { ls; } && echo x > ../out.txt", "cd $x && echo x > ../out.txt", "true && cd src && echo x > ../out.txt", "cd src || exit | cat; echo x > ../out.txt",
        "cd src || exit & echo x > ../out.txt", "cd src || echo exit; echo x > ../out.txt", "cd src || (exit 1); echo x > ../out.txt", "cd src || return; echo x > ../out.txt",
        "cd src || exit 1 2> x || true; echo x > ../out.txt", "exit() { :; }; cd src || exit; echo x > ../out.txt", "cd src || exit && true; echo x > ../out.txt",
        "exit() { :; }; export -f exit; bash -c 'cd src || exit; echo x > ../out.txt'", "cd() { :; }; export -f cd; bash -c 'cd src && echo x > ../out.txt'", "cd src || exit x; echo x > ../out.txt",
        "cd src || exit; make; echo x > ../out.txt", "(cd src || exit 1; echo x > ../out.txt; ls)", "bash -c 'cd src || exit; echo x > ../out.txt'",
        "shopt -s expand_aliases; alias exit=true\neval 'cd nosuch || exit; rm -rf ../x'", "shopt -s expand_aliases; alias cd=true\neval 'cd nosuch && rm -rf ../x'", "enable -n cd; eval 'cd nosuch && rm -rf ../x'",
        "cd a || exit; for i in 1 2; do cd ..; rm -rf proj; done", "cd a || exit; until [ -d proj ]; do cd ..; done; rm -rf proj", "cd a || exit; while cd ..; do rm -rf x; done",
        "cd a || exit; for i in 1 2 3; do cd ..; echo x > y; done", "(cd a || exit; for i in 1 2; do cd ..; rm -rf proj; done)", "(cd a && while cd ..; do rm -rf x; done)",
        "cd a && trap 'cd ..; rm -rf proj' DEBUG && ls && ls", "(cd a && pushd b && popd && popd && rm -rf ../proj)", "cd a && mapfile -C 'cd ..; rm -rf proj; :' -c 1 x",
        "cd a && alias x='cd ..; rm -rf proj' && eval x && eval x", "cd a && \\eval \"$x\" && rm -rf ../x", "cd a && e'v'al \"$x\" && rm -rf ../x", "cd a && $x y && rm -rf ../x")  # fmt: skip
    found = {line: decide(shell(line), "bypass", [], held) for line in (*free, *outside, *loose)}
    assert [line for line in free if found[line].verdict != "allow"] == []
    assert [line for line in (*outside, *loose) if found[line].verdict != "deny"] == []
    assert found[loose[0]].reason.endswith(
        ": it would be there if a `cd` of the line failed, so join the commands with `&&`"
    )
    assert decide(shell(free[0]), "bypass", [], place).verdict == "deny"
    alone = decide(shell("echo x > ../out.txt"), "bypass", [], held)
    assert alone.reason == "/out.txt is outside the workspace"


def test_what_runs_in_the_same_shell_may_leave_the_folder(place: PolicyContext) -> None:
    """In the sandbox, where a removal of the project from above it is denied; and what is run twice is judged from both places."""
    held = PolicyContext([Path("/proj")], Path("/proj"), Path("/home/u"), confined=True)
    denied = (
        "eval 'cd ..'; rm -rf proj", "eval cd .. && rm -rf proj", "command eval 'cd ..'; rm -rf proj", "eval 'eval \"cd ..\"'; rm -rf proj",
        "eval 'cd ..'; eval 'rm -rf proj'", 'eval "$(echo cd ..)"; rm -rf proj', "cd a && eval 'cd ..; cd ..' && rm -rf proj",
        "trap 'cd ..' DEBUG; ls; rm -rf proj", "trap 'rm -rf proj' EXIT; cd ..", "mapfile -C 'cd ..; :' -c 1 x < y; rm -rf proj",
        "alias up='cd ..'; eval up; rm -rf proj", "shopt -s expand_aliases; alias up='cd ..'\nup; rm -rf proj",
        "source <(echo 'cd ..'); rm -rf proj", "echo 'cd ..' > x.sh; . ./x.sh; rm -rf proj", ". /dev/stdin <<< 'cd ..'; rm -rf proj",
        "bash -c 'rm -rf proj'; cd ..; bash -c 'rm -rf proj'", "for i in 1 2; do bash -c 'rm -rf x'; cd ..; done",
    )  # fmt: skip
    free = (
        "bash -c 'cd ..'; rm -rf proj", "bash -c 'rm -rf build'; cd src; bash -c 'rm -rf build'; make > log", "trap 'rm -rf tmp' EXIT; cd src; make > log",
        "source venv/bin/activate && pip list > x", "eval 'cd src && make' > log; ls > x", "for d in a b; do cd $d; x=$(git rev-parse HEAD); cd ..; done",
        "for d in a b; do (cd $d && bash -c 'make > log'); done", "trap 'cd -' EXIT; make > log",
    )  # fmt: skip
    found = {line: decide(shell(line), "bypass", [], held).verdict for line in (*denied, *free)}
    assert [line for line in denied if found[line] != "deny"] == []
    assert [line for line in free if found[line] != "allow"] == []


def test_a_place_that_nobody_knows_is_asked_about() -> None:
    """What eval, source, an alias, a trap or CDPATH may lead elsewhere, and everyday lines beside it: in the sandbox, and in mode bypass
    without one, each row of in_this_shell.jsonl has its labels."""
    root, wrong = Path("/srv9/proj"), []
    for line in (Path(__file__).parent / "in_this_shell.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        held, free = (
            PolicyContext([root], root, Path("/home/u"), confined=confined) for confined in (True, False)
        )
        found = decide(shell(row["cmd"]), "auto", [], held), decide(shell(row["cmd"]), "bypass", [], free)
        if [one.verdict for one in found] != [row["sandbox"], row["bypass"]]:
            wrong.append((row, *found))
    assert wrong == []


@pytest.mark.parametrize("mode", ["auto", "bypass"])
def test_rules_hold_whatever_makes_the_command_and_hold_nothing_else(mode, place: PolicyContext) -> None:
    """Of each row of rules.jsonl: whether one of these rules denies or asks, where without rules the sandbox or the mode allows."""
    patterns = ("git push*", "npm publish", "rm", "npm run deploy", "docker push", "docker rm")
    rules = [Rule.parse(SHELL, pattern, "deny") for pattern in patterns]
    there = PolicyContext(place.roots, place.cwd, place.home, confined=True)
    wrong = []
    for row in RULES:
        free = decide(shell(row["cmd"]), mode, [], there).verdict == "allow"
        held = decide(shell(row["cmd"]), mode, rules, there).verdict != "allow"
        if free and held is not row["held"]:
            wrong.append((row["cmd"], held))
    assert wrong == []


@pytest.mark.parametrize(
    ("command", "always"),
    [
        ("pytest -q", ("pytest",)), ("python3 -m pytest -q", ("python3", "-m", "pytest")), ("FOO=1 pytest -q", ("FOO=1", "pytest")),
        ("pytest -q | tail -5", ("pytest",)), ("git add x", ("git", "add")),
        *[(line, None) for line in ("LD_PRELOAD=x pytest", "MAKEFLAGS=x pytest", "LUA_PATH=x pytest", "PIPENV_X=1 pytest", "sed -n p a", "rg x", "sort a", "git grep x", "git fetch o", "less a", "man ls", "vim -c q",
            "sqlite3 a.db", "psql -c x", "zip a b", "go test ./...", "cargo test", "npm test", "make", "python3 -m http.server", "pytest | sh x")],
    ],
)  # fmt: skip
def test_a_standing_permission_is_offered_for_first_words_or_for_the_exact_line(
    command: str, always: tuple[str, ...] | None, place: PolicyContext, tmp_path: Path
) -> None:
    decision = decide(shell(command), "ask", [], place)
    assert decision.always == always
    assert decision.exact == (command, place.cwd)
    grants = GrantStore.load(tmp_path / "mazu", "k")
    granted = grants.add(SHELL, always) if always else grants.add(SHELL, (command,), place.cwd)
    for rule in (granted.rule, GrantStore.load(tmp_path / "mazu", "k").rules()[0]):
        assert decide(shell(command), "ask", [rule], place).verdict == "allow"
        assert decide(shell(f"{command} && touch x"), "ask", [rule], place).verdict == "ask"


@pytest.mark.parametrize("command", ["make", "FOO=1 npm test", "cargo test", "python3 x.py", "rm a", "x $(y)", "f() { ls; }; f", "echo x > y"])  # fmt: skip
def test_in_the_sandbox_anything_runs_but_what_is_denied(command: str, place: PolicyContext) -> None:
    confined = PolicyContext(place.roots, place.cwd, place.home, True)
    decision = decide(shell(command), "auto", [], confined)
    assert (decision.verdict, decision.sandboxed) == ("allow", True)
    assert decide(shell(command), "auto", [], place).verdict == "ask"
    assert decide(shell(command), "ask", [], confined).verdict == "ask"
    assert decide(shell(command), "plan", [], confined).verdict == "deny"
    assert decide(shell(f"{command}; sudo ls"), "auto", [], confined).verdict == "deny"
    assert decide(shell(command), "auto", [Rule.parse(SHELL, "*", "ask")], confined).verdict == "ask"
    assert not decide(shell(command), "auto", [Rule.parse(SHELL, "*", "allow")], confined).sandboxed


@pytest.mark.parametrize("command", ["git commit -m x", "git add . && make", "git -C . checkout b", "env git stash", "echo x > package.json", "cp a Makefile"])  # fmt: skip
def test_what_the_sandbox_would_not_let_happen_is_asked(command: str, place: PolicyContext) -> None:
    assert (
        decide(shell(command), "auto", [], PolicyContext(place.roots, place.cwd, place.home, True)).verdict
        == "ask"
    )


@pytest.mark.parametrize(
    ("command", "writes"),
    [
        ("git add a && git commit -m \"$(cat <<'EOF'\nIt's (done)\nEOF\n)\"", True),
        ('git commit -m "$(cat <<EOF\nplain\nEOF\n)"', True),
        ('git commit -m "$(cat <<EOF\n$(id)\nEOF\n)"', False),
        ('git commit -m "$(cat notes)"', False),
        ("git commit -m \"$(cat <<'EOF' > x\nhi\nEOF\n)\"", False),
        ("git commit $(cat <<'EOF'\n--no-verify -m x\nEOF\n)", False),
        ("git add a", True), ("git add a && git commit -m x", True), ("git -c user.name=a commit -m x", True), ("git branch --list; pytest -q", False),
        ("git add a; echo x > b", False), ("git -c core.pager=x log", False), ("git rebase --exec make main", False), ("git bisect run make", False),
        ("git submodule foreach make", False), ("git $X", False), ("env git add a", False),
    ],
)  # fmt: skip
def test_only_a_line_of_git_alone_may_write_the_repository(
    command: str, writes: bool, place: PolicyContext
) -> None:
    assert decide(shell(command), "bypass", [], place).changes_git is writes


def test_a_path_is_judged_where_it_leads(place: PolicyContext, tmp_path: Path) -> None:
    """Links that a clone brings, and wildcards that find them."""
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    (outside / "in").mkdir(parents=True)
    (outside / "u").write_text("mine")
    (tmp_path / "src").mkdir()
    (tmp_path / "notes").symlink_to(outside / "u")
    (tmp_path / "src/up").symlink_to(outside / "in")
    (tmp_path / ".env").write_text("A=1")
    for command in ("cat n*", "rg -L x", "grep -R x .", "grep -R x", "diff -rN src secrets", "cat src/up/../u", "cat .e*", "cat .[e]nv", "grep -r A .", "rg --hidden A", "head -1 [m-o]*"):  # fmt: skip
        assert decide(shell(command), "auto", [], place).verdict == "ask", command
    for command in ("ls -RL src", "ls -LR", "ls --dereference -R src", "du -aL src", "tree -l src"):
        assert decide(shell(command), "auto", [], place).verdict == "ask", command
    for command in ("cat open.md", "grep -n x open.md", "ls src", "rg x"):
        assert decide(shell(command), "auto", [], place).verdict == "allow", command


def test_a_version_is_asked_about_where_the_project_chooses_the_program(
    place: PolicyContext, tmp_path: Path
) -> None:
    """rustup, yarn and corepack run what a file of the project names."""
    for command, file in (
        ("cargo --version", "rust-toolchain.toml"), ("cargo version", "rust-toolchain"), ("rustc --version", "rust-toolchain.toml"),
        ("yarn --version", ".yarnrc"), ("yarn --version", ".yarnrc.yml"), ("pnpm --version", "package.json"),
    ):  # fmt: skip
        assert decide(shell(command), "auto", [], place).verdict == "allow", command
        (tmp_path / file).write_text("path = 'evil'\n")
        (tmp_path / "sub").mkdir(exist_ok=True)
        assert decide(shell(command), "auto", [], place).verdict == "ask", command
        assert decide(shell(f"cd sub && {command}"), "auto", [], place).verdict == "ask", command
        (tmp_path / file).unlink()


@pytest.mark.parametrize(
    ("command", "offered"),
    [
        ("CI=1 pytest -q", "CI=1 pytest"), ("env CI=1 python3 -m pytest -q", "env CI=1 python3 -m pytest"),
        ("PYTHONPATH=src:. python3 -m pytest -q 2>&1 | tail -5", "PYTHONPATH=src:. python3 -m pytest"),
        ("pytest -q | grep -v x | head -3", "pytest"), ("python3 -m unittest discover", "python3 -m unittest"),
        ("PYTHONPATH=../x pytest", None), ("PYTHONPATH=/x pytest", None), ("PYTHONPATH=a/../.. pytest", None),
        ("PYTHONPATH=src ruff .", None), ("env -i pytest", None), ("env A=1 -i pytest", None), ("env LD_PRELOAD=x pytest", None),
        ("env A=1 env pytest", None), ("python3 -m http.server", None), ("pytest | tee x", None), ("pytest; rm x", None),
    ],
)  # fmt: skip
def test_what_always_would_allow(command: str, offered: str | None, place: PolicyContext) -> None:
    asked = decide(shell(command), "ask", [], place)
    assert (asked.verdict, asked.always) == ("ask", None if offered is None else tuple(offered.split()))
    if offered is not None:
        granted = Rule.parse(SHELL, f"{offered} *", "allow")
        assert decide(shell(command), "ask", [granted], place).verdict == "allow"


def test_of_a_line_whose_other_parts_are_allowed_the_rest_is_offered(place: PolicyContext) -> None:
    rules = [Rule.parse(SHELL, "black *", "allow")]
    asked = decide(shell("black . && isort . | tail"), "ask", rules, place)
    assert (asked.verdict, asked.always) == ("ask", ("isort",))
    assert decide(shell("black . && isort ."), "ask", [], place).always is None
    rules.append(Rule.parse(SHELL, "isort *", "allow"))
    assert decide(shell("black . && isort . | tail"), "ask", rules, place).verdict == "allow"


SHOW_SECRETS = (
    "git grep x", "git grep x HEAD", "git show", "git show --stat -p", "git log -p", "git log --all -p -S x", "git log -U3", "git whatchanged -p",
    "git diff", "git diff HEAD -- .", "git diff-index -p HEAD", "git -C src show", "cd src && git show", "git stash list -p", "git cat-file -p HEAD", "git reflog show -p",
)  # fmt: skip
SHOW_NONE = (
    "git grep x -- src", "git show --stat", "git log --oneline -5", "git log --stat", "git log -p -- src", "git log -p src/a.py", "git diff src", "git diff --name-only",
    "git show HEAD:src/a.py", "git blame src/a.py", "git log -L1,1:src/a.py", "git status", "git -C src diff .",
)  # fmt: skip


def test_git_asks_before_it_shows_a_secret_that_is_committed(place: PolicyContext, tmp_path: Path) -> None:
    """Commands that name no file, each of which prints the values in real git."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src/a.py").write_text("x = 1\n")
    for line in ("git init -q", "git add src"):
        subprocess.run(line.split(), cwd=tmp_path, check=True)
    for command in (*SHOW_SECRETS, *SHOW_NONE):
        assert decide(shell(command), "auto", [], place).verdict == "allow", command
    (tmp_path / ".env").write_text("SECRET=1\n")
    subprocess.run(["git", "add", ".env"], cwd=tmp_path, check=True)
    assert [one for one in SHOW_SECRETS if decide(shell(one), "auto", [], place).verdict == "allow"] == []
    assert [one for one in SHOW_NONE if decide(shell(one), "auto", [], place).verdict != "allow"] == []


SHOW_OLD_SECRETS = (
    "git show HEAD~1", "git log -p", "git grep S HEAD~1", "git diff HEAD~1 HEAD", "git diff HEAD~1", "git show 'HEAD@{1}'", "git cat-file -p HEAD~1",
)  # fmt: skip
SHOW_NO_OLD_SECRETS = (
    "git diff", "git diff --cached", "git grep S", "git grep -e S", "git show --stat HEAD~1", "git show HEAD~1 -- src",
    "git log -p src/a.py", "git show HEAD~1:src/a.py", "git log --oneline",
)  # fmt: skip


def test_git_asks_before_it_shows_a_secret_that_was_removed(place: PolicyContext, tmp_path: Path) -> None:
    """The usual repairs, `git rm --cached` and `git commit --amend`, leave the file in the history."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src/a.py").write_text("x = 1\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "src")
    git(tmp_path, "commit", "-qm", "one")
    for command in (*SHOW_OLD_SECRETS, *SHOW_NO_OLD_SECRETS):
        assert decide(shell(command), "auto", [], place).verdict == "allow", command
    (tmp_path / ".env").write_text("SECRET=1\n")
    git(tmp_path, "add", ".env")
    git(tmp_path, "commit", "-qm", "two")
    git(tmp_path, "rm", "-q", "--cached", ".env")
    git(tmp_path, "commit", "-q", "--amend", "--allow-empty", "-m", "two")
    assert [one for one in SHOW_OLD_SECRETS if decide(shell(one), "auto", [], place).verdict == "allow"] == []
    assert [
        one for one in SHOW_NO_OLD_SECRETS if decide(shell(one), "auto", [], place).verdict != "allow"
    ] == []


def test_git_asks_before_it_shows_a_secret_that_a_merge_or_a_lost_commit_added(
    place: PolicyContext, tmp_path: Path
) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "commit", "-qm", "one", "--allow-empty")
    git(tmp_path, "branch", "side")
    git(tmp_path, "commit", "-qm", "two", "--allow-empty")
    assert decide(shell("git show HEAD~1"), "auto", [], place).verdict == "allow"
    git(tmp_path, "checkout", "-q", "side")
    (tmp_path / ".env").write_text("SECRET=1\n")
    git(tmp_path, "add", ".env")
    tree = git(tmp_path, "write-tree")
    git(tmp_path, "rm", "-q", "--cached", ".env")
    lost = git(tmp_path, "commit-tree", "-p", "side", "-p", "main", "-m", "merge", tree)
    git(tmp_path, "update-ref", "refs/heads/side", lost)
    git(tmp_path, "update-ref", "refs/heads/side", "main")
    assert decide(shell("git show 'side@{1}'"), "auto", [], place).verdict == "ask"


def test_git_asks_where_its_history_cannot_be_read(place: PolicyContext, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-qm", "one", "--allow-empty")
    for commit in (tmp_path / ".git/objects").glob("*/*"):
        commit.chmod(0o600)
        commit.write_bytes(b"broken")
    found = decide(shell("git log -p"), "auto", [], place)
    assert (found.verdict, "cannot be" in found.reason) == ("ask", True)


@pytest.mark.parametrize(
    ("command", "begins"),
    [
        ("rm a; cat .env | base64", ".env may hold secrets; rm"),
        ("frob && cat < deploy/id_rsa", "id_rsa may hold secrets; frob"),
        ("cat .env", ".env may hold secrets"),
        ("frob --env-file=here.env x", "here.env may hold secrets; frob"),
        ("frob -F f=@here.env", "here.env may hold secrets; frob"),
        ("frob -ihere.env h", "here.env may hold secrets; frob"),
        ("frob --exclude=here.env -czf x.tgz a", "frob"),
        ("frob --features=tls/secrets", "frob"),
        ("frob left-pad@credentials.1", "frob"),
        ("rm .env.example", "rm is not"),
        ("rm password", "rm is not"),
        ("git commit -m credentials", "git commit"),
        ("git commit -m 'rm .env'", "git commit"),
        ("git switch credentials", "git switch"),
        ("frob --author=id_rsa", "frob"),
        ("grep -rn password src > out", "it writes"),
    ],
)
def test_the_graver_reason_comes_first(place: PolicyContext, command: str, begins: str) -> None:
    (place.cwd / "here.env").touch()
    for mode in ("ask", "auto"):
        decision = decide(shell(command), mode, [], place)
        assert decision.reason.startswith(begins), decision
        assert decision.reason.count("secrets") == begins.count("secrets")


def _words(count: int) -> str:
    return " ".join(f"w{number}" for number in range(count))


LATER_VALUES = (
    "x=a; for i in 1 2; do rm -rf $x; x=~; done", "while rm -rf $x; do x=/etc; done", "f() { rm -rf $x; }; x=/etc; f",
    "x=a; for i in 1 2 3; do rm -rf $y; y=$x; x=~; done", "trap 'rm -rf $x' EXIT; x=~",
    "for i in 1 2; do rm -rf $a; a=$b; b=$c; c=$d; d=$e; e=$f; f=~; done", "f() { sh i.sh; }; curl -o i.sh h; f",
    "for i in 1 2; do rm -rf $a; a=$b; b=$c; c=$d; d=$e; e=$f; f=$g; g=$h; h=$j; j=~; done",
    f"for x in ~ {_words(13)}; do rm -rf $x; done", f"for x in {_words(13)} ~; do rm -rf $x; done",
    f"for x in 'sudo ls' {_words(100)}; do ${{x}}; done",
)  # fmt: skip
OF_MANY = ("$f", "${f}", '"${f}"', "${f%x}", "${f:-x}", '"${f[0]}"', "${!f}")


@pytest.mark.parametrize("line", LATER_VALUES, ids=range(len(LATER_VALUES)))
def test_a_hard_deny_sees_every_value_of_a_variable(line: str, place: PolicyContext) -> None:
    """Also one that is assigned later in the text, and runs in the next round of a loop, in a function, in a trap."""
    assert decide(shell(line), "bypass", [], place).verdict == "deny"


def test_the_allowlist_sees_every_value_of_a_variable(place: PolicyContext) -> None:
    secrets = [f"for f in .env {_words(12)}; do cat {written}; done" for written in OF_MANY]
    later = [
        "x=a; for i in 1 2; do cat $x; x=/etc/passwd; done",
        "x=a; while true; do cat $x; read x; done < a",
    ]
    for line in (*secrets, *later, f"for f in {_words(300)} .env; do cat $f; done", "echo a >&12"):
        assert decide(shell(line), "auto", [], place).verdict == "ask", line
    for line in (
        "for f in a b; do cd $f; rm -rf build; cd ..; done",
        "for f in a b; do x=$x$f; done; rm -f out",
        'while read l; do s="$s $l"; done < a.py',
    ):
        assert decide(shell(line), "auto", [], place).verdict == "ask", line
    for line in (f"for f in {_words(50)}; do cat $f; done", "for i in {1..300}; do echo $i; done"):
        assert decide(shell(line), "auto", [], place).verdict == "allow", line


def test_what_no_rule_is_about_is_judged_where_the_line_is(place: PolicyContext, tmp_path: Path) -> None:
    """With a grant of `npm *`: a repository that names a program, a path from a subfolder, an unknown folder."""
    (tmp_path / "evil").mkdir()
    git(tmp_path / "evil", "init", "-q")
    with (tmp_path / "evil/.git/config").open("a") as config:
        config.write("[core]\n\tfsmonitor = ./e.sh\n")
    rules = [Rule.parse("run_shell", "npm *", "allow")]
    for line in ("cd evil && git status && npm test", "cd .. && cat x && npm test", "cat ~-/x; npm test"):
        assert decide(shell(line), "ask", rules, place).verdict == "ask", line
    for line in ("cd evil && npm test", "ls && npm test | head", "npm test; cat a.py"):
        assert decide(shell(line), "ask", rules, place).verdict == "allow", line


def test_the_path_of_a_call_is_resolved_once(place: PolicyContext, monkeypatch: pytest.MonkeyPatch):
    resolve, resolved = Workspace.resolve, []

    def counted(self: Workspace, path: str, *, write: bool = False) -> Path:
        resolved.append(path)
        return resolve(self, path, write=write)

    monkeypatch.setattr(Workspace, "resolve", counted)
    rules = [Rule("write_file", ("secrets/*",), "deny", origin="config.toml")]
    assert decide(write("new.md"), "ask", rules, place).always == ("new.md",)
    assert resolved == ["new.md"]


@pytest.mark.parametrize(
    ("command", "verdict"),
    [
        ("mv data.db /tmp/", "ask"),
        ("mv -v data.db notes /var/tmp", "ask"),
        ("cp -r build /tmp", "ask"),
        ("cp -r sub/proj /tmp/", "deny"),  # it would be written into the workspace
        ("cp -r sub/pytest-of-u /tmp/", "deny"),
        ("mv sub/proj/ /tmp", "deny"),
        ("cp -r . /tmp/", "deny"),
        ("cp -r sub/.. /tmp/", "deny"),
        ("cp -r * /tmp/", "deny"),
        ('cp -r "$(cat x)" /tmp/', "deny"),
        ("mv --no-target-directory sub /tmp", "deny"),
        ("mv -T sub /tmp", "deny"),
        ("mv /tmp sub", "deny"),
        ("mv data.db /tmp /tmp/", "deny"),
        ("mv /tmp/pytest-of-u /tmp/", "deny"),
        ("mv data.db /tmp/pytest-of-u/", "deny"),
        ("mv data.db /", "deny"),
        ("rm -rf /tmp", "deny"),
        ("tar -xf a.tar -C /tmp", "deny"),
    ],
)
def test_a_workspace_in_tmp_is_safe_from_what_is_moved_next_to_it(command: str, verdict: str) -> None:
    root = Path("/tmp/pytest-of-u/proj")
    held = PolicyContext([root], root, Path("/home/u"), confined=True)
    judged = decide(shell(command), "ask", [], held)
    assert judged.verdict == verdict, judged.reason
    assert ("would move /tmp" in judged.reason) is command.startswith(("mv /tmp", "mv data.db /tmp /tmp"))


def test_the_destination_of_a_move_is_not_said_to_be_moved() -> None:
    unheld = PolicyContext([Path("/tmp/proj")], Path("/tmp/proj"), Path("/home/u"))
    assert decide(shell("mv data.db /tmp/"), "ask", [], unheld).reason == "/tmp is outside the workspace"
    assert decide(shell("mv /tmp/proj sub"), "ask", [], unheld).reason == "it would move /tmp/proj"
