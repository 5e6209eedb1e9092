"""The git commands that only read, and the options under which they run no program that a repository or a word may name."""

from __future__ import annotations

from mazu_ls.policy.tables.options import ParsedOptions, ProgramSpec, split

_LOG = ProgramSpec(
    "pusgwbzRaSGMCBDhiEFPrtmc0q", "nUSGLlO",
    "oneline stat=? shortstat numstat dirstat=? name-only name-status graph decorate=? no-decorate all no-color color=? since= until= after="
    " before= author= committer= grep= invert-grep regexp-ignore-case max-count= skip= patch no-patch cached staged merge-base word-diff=?"
    " word-diff-regex= color-words=? unified= format= pretty=? abbrev-commit abbrev=? no-abbrev date= relative-date reverse follow merges"
    " no-merges first-parent diff-filter= find-renames=? find-copies=? no-renames summary raw check no-ext-diff no-textconv exit-code quiet"
    " topo-order date-order author-date-order tags=? branches=? remotes=? left-right cherry-pick cherry-mark cherry left-only right-only boundary"
    " simplify-by-decoration full-history ancestry-path=? min-parents= max-parents= ignore-all-space ignore-space-change ignore-blank-lines"
    " ignore-space-at-eol minimal patience histogram diff-algorithm= function-context inter-hunk-context= ita-invisible-in-index relative=?"
    " text binary full-index no-prefix submodule=? combined-all-paths cc no-notes notes=? no-mailmap use-mailmap show-pulls walk-reflogs"
    " count pickaxe-all pickaxe-regex source no-walk=? do-walk clear-decorations decorate-refs= show-linear-break=? compact-summary no-expand-tabs",
    operands="revisions", number=True,
)  # fmt: skip
_STATUS = ProgramSpec(
    "sbvuzh", "", "short branch show-stash porcelain=? long verbose untracked-files=? ignored=? ignore-submodules=? no-renames column=? ahead-behind no-ahead-behind renames",
    operands="revisions",
)  # fmt: skip

COMMANDS: dict[str, ProgramSpec] = {
    "status": _STATUS, "log": _LOG, "diff": _LOG, "show": _LOG, "whatchanged": _LOG, "rev-list": _LOG, "diff-tree": _LOG, "diff-index": _LOG,
    "diff-files": _LOG, "shortlog": ProgramSpec("snec", "w", "summary numbered email committer group= since= until= no-merges all", operands="revisions"),
    "reflog": ProgramSpec("", "n", "oneline all date= max-count=", operands="revisions", number=True),
    "blame": ProgramSpec("sewbcltfnpMC", "L", "porcelain line-porcelain root show-email show-name show-number date= color-lines", operands="revisions"),
    "annotate": ProgramSpec("sewl", "L", "", operands="revisions"),
    "rev-parse": ProgramSpec("q", "", "short=? verify abbrev-ref=? show-toplevel show-prefix show-cdup git-dir git-common-dir is-inside-work-tree is-bare-repository is-inside-git-dir symbolic-full-name absolute-git-dir all branches=? tags=? quiet", operands="revisions"),
    "ls-files": ProgramSpec("cdmoikstuzv", "x", "cached deleted modified others ignored stage unmerged exclude= exclude-standard full-name error-unmatch directory recurse-submodules abbrev=? eol", operands="revisions"),
    "ls-tree": ProgramSpec("drtlz", "", "long name-only name-status full-name full-tree abbrev=? format=", operands="revisions"),
    "cat-file": ProgramSpec("tspe", "", "", operands="revisions"), "merge-base": ProgramSpec("a", "", "all octopus is-ancestor fork-point independent", operands="revisions"),
    "describe": ProgramSpec("", "", "all tags contains abbrev= candidates= exact-match long match= exclude= always first-parent dirty=? broken=?", operands="revisions"),
    "name-rev": ProgramSpec("", "", "tags name-only all refs=", operands="revisions"), "show-ref": ProgramSpec("hdsq", "", "head heads tags hash=? verify quiet dereference abbrev=?", operands="revisions"),
    "for-each-ref": ProgramSpec("", "", "count= sort= format= points-at= merged=? no-merged=? contains=? no-contains=? ignore-case", operands="text"),
    "grep": ProgramSpec("acFEGPhHiIlLnopqrvwWz", "eABCm", "cached no-index untracked line-number files-with-matches files-without-match name-only count ignore-case word-regexp fixed-strings extended-regexp perl-regexp basic-regexp invert-match max-depth= after-context= before-context= context= color=? no-color break heading show-function function-context and or not all-match quiet only-matching column text max-count=", operands="pattern"),
    "branch": ProgramSpec("avrl", "", "all verbose remotes list contains=? no-contains=? merged=? no-merged=? points-at= sort= format= show-current color=? no-color column=? abbrev= no-abbrev ignore-case", operands="none"),
    "tag": ProgramSpec("ln", "", "list contains=? no-contains=? merged=? no-merged=? points-at= sort= format= color=? column=? ignore-case", operands="none"),
    "remote": ProgramSpec("v", "", "verbose", operands="none"), "version": ProgramSpec("", "", "build-options", operands="none"),
    "count-objects": ProgramSpec("vH", "", "verbose human-readable", operands="none"), "check-ignore": ProgramSpec("qvn", "", "quiet verbose non-matching no-index", operands="revisions"),
    "check-attr": ProgramSpec("a", "", "all cached", operands="revisions"), "cherry": ProgramSpec("v", "", "abbrev=?", operands="revisions"),
    "range-diff": ProgramSpec("", "", "no-color color=? no-patch stat left-only right-only", operands="revisions"), "verify-commit": ProgramSpec(operands="none"),
    "var": ProgramSpec(operands="none"), "symbolic-ref": ProgramSpec("q", "", "short quiet", operands="revisions", at_most=1),
}  # fmt: skip
# Listing commands that would create something if they were given a name.
_LIST_ONLY = {
    ("stash", "list"): _LOG, ("stash", "show"): _LOG, ("worktree", "list"): ProgramSpec("v", "", "porcelain verbose", operands="none"),
    ("remote", "get-url"): ProgramSpec("", "", "push all", operands="text"), ("submodule", "status"): ProgramSpec("", "", "cached recursive", operands="revisions"),
    ("notes", "list"): ProgramSpec(operands="none"), ("bisect", "log"): ProgramSpec(operands="none"), ("reflog", "show"): _LOG,
    ("remote", "-v"): ProgramSpec(operands="none"), ("branch", "--list"): ProgramSpec("avr", operands="text"), ("tag", "-l"): ProgramSpec("n", operands="text"),
    ("tag", "--list"): ProgramSpec("n", operands="text"), ("branch", "-l"): ProgramSpec("avr", operands="text"),
    **{(verb, option): ProgramSpec("avr", operands="text", at_most=1) for verb in ("branch", "tag") for option in ("--contains", "--merged", "--points-at")},
}  # fmt: skip
_CHANGES_LOG = frozenset(str.split("expire delete drop write migrate exists list prune"))
_CONFIG_READ = frozenset(
    ("user.name", "user.email", "core.autocrlf", "init.defaultbranch", "core.eol", "remote.origin.fetch")
)


def judge(words: list[str]) -> tuple[ProgramSpec, ParsedOptions, list[str]] | str:
    """What `git WORDS` reads: its table, its words taken apart, folders named by -C; a sentence where it is not known to only read."""
    folders: list[str] = []
    rest = list(words)
    while rest and rest[0].startswith("-"):
        word = rest.pop(0)
        if word == "-C" and rest:
            folders.append(rest.pop(0))
        elif word in ("--version", "--help") and not rest:
            return ProgramSpec(), ParsedOptions([], [], []), folders
        elif word not in ("--no-pager", "--no-optional-locks", "--literal-pathspecs", "-P"):
            return f"git {word.split('=')[0]} is not known to be harmless"
    if not rest:
        return "git without a command"
    verb, *arguments = rest
    spec = COMMANDS.get(verb)
    if verb == "reflog" and _CHANGES_LOG & set(arguments):
        return "git reflog would change the log"
    if arguments and (verb, arguments[0]) in _LIST_ONLY:
        spec, arguments = _LIST_ONLY[verb, arguments[0]], arguments[1:]
    reads = len(arguments) == 1 or (len(arguments) == 2 and arguments[0] in ("--get", "get"))
    if verb == "config" and reads and arguments[-1].casefold() in _CONFIG_READ:
        return ProgramSpec(operands="text"), ParsedOptions([], [], []), folders
    if spec is None:
        return f"git {verb} is not known to only read"
    taken = split(spec, arguments)
    if isinstance(taken, str):
        return f"git {verb}: {taken}"
    return spec, taken, folders
