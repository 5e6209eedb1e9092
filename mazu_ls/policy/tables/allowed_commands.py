"""The programs that only read, with the options under which they do. What is not here is asked about.

Options that write, run something, read a list of files from a file, or reach the network are left out on purpose.
"""

from __future__ import annotations

from mazu_ls.policy.tables.options import ProgramSpec

_GREP = ProgramSpec(
    "EFGPivwxcLlqsohHnrTzaIUbyR", "emABCd",
    "extended-regexp fixed-strings basic-regexp perl-regexp ignore-case no-ignore-case invert-match word-regexp line-regexp count"
    " color=? colour=? files-without-match files-with-matches max-count= only-matching quiet silent no-messages byte-offset"
    " with-filename no-filename label= line-number initial-tab null after-context= before-context= context= text binary-files="
    " exclude= exclude-dir= include= recursive dereference-recursive regexp= help version directories= line-buffered",
    operands="pattern", number=True,
)  # fmt: skip
_SUMS = ProgramSpec("bztw", "", "binary text tag zero quiet status warn strict ignore-missing")
_PAGER_PARTS = ProgramSpec("qvz", "nc", "lines= bytes= quiet silent verbose zero-terminated", number=True)
_NOTHING = ProgramSpec(operands="none")
_VERSION = ProgramSpec("V", "", "version help", operands="none", needs_option=True)
_SHORT_VERSION = ProgramSpec("v", "", "version", operands="none", needs_option=True)

PROGRAMS: dict[str, ProgramSpec] = {
    "true": ProgramSpec("", operands="text"), "false": ProgramSpec("", operands="text"), ":": ProgramSpec("", operands="text"),
    "pwd": ProgramSpec("LP", "", "logical physical", operands="none"),
    "echo": ProgramSpec(operands="text"), "printf": ProgramSpec(operands="text"),
    "ls": ProgramSpec(
        "aAbBcCdDfFgGhHiklLmnNopqQrRsStuUvxXZ1", "IwT",
        "all almost-all author escape block-size= ignore-backups color=? directory classify=? file-type format= full-time"
        " group-directories-first no-group human-readable si dereference-command-line hide= hyperlink=? indicator-style= inode ignore="
        " kibibytes dereference numeric-uid-gid literal hide-control-chars show-control-chars quote-name quoting-style= reverse"
        " recursive size sort= time= time-style= tabsize= width= context version help",
        listing=True,
    ),
    "cat": ProgramSpec("AbeEnstTuv", "", "show-all number-nonblank show-ends number squeeze-blank show-tabs show-nonprinting help version"),
    "tac": ProgramSpec("br", "s", "before regex separator="),
    "head": _PAGER_PARTS,
    "tail": _PAGER_PARTS,
    "nl": ProgramSpec("p", "bdfhilnsvw", "body-numbering= number-width= starting-line-number= number-format= number-separator="),
    "wc": ProgramSpec("clmLw", "", "bytes chars lines max-line-length words total= help version", listing=True),
    "grep": _GREP, "egrep": _GREP, "fgrep": _GREP,
    "rg": ProgramSpec(
        "acFhHiIlLnNoPpqsSuUvVwx0.", "ABCEegGjmMrtT",
        "follow regexp= fixed-strings ignore-case case-sensitive smart-case word-regexp line-regexp invert-match count count-matches"
        " files-with-matches files-without-match files only-matching line-number no-line-number with-filename no-filename after-context="
        " before-context= context= glob= iglob= type= type-not= type-list hidden no-ignore no-ignore-vcs max-count= max-depth= max-filesize="
        " multiline multiline-dotall json vimgrep column no-column heading no-heading color= colors= sort= sortr= stats trim pcre2 text"
        " null quiet encoding= threads= replace= max-columns= passthru version help no-messages no-config debug unrestricted one-file-system",
        operands="pattern",
    ),
    "find": ProgramSpec(operands="script", listing=True), "sed": ProgramSpec(operands="script"),
    "awk": ProgramSpec(operands="script"), "gawk": ProgramSpec(operands="script"), "mawk": ProgramSpec(operands="script"), "jq": ProgramSpec(operands="script"),
    "test": ProgramSpec(operands="script"), "[": ProgramSpec(operands="script"), "[[": ProgramSpec(operands="script"),
    "cd": ProgramSpec("LP", "", "", operands="paths", at_most=1, listing=True),
    "sort": ProgramSpec(
        "bcCdfghiMnrRsuVzm", "ktS",
        "ignore-leading-blanks dictionary-order ignore-case general-numeric-sort human-numeric-sort ignore-nonprinting month-sort"
        " numeric-sort random-sort reverse sort= version-sort check=? key= merge stable field-separator= unique zero-terminated parallel=",
    ),
    "uniq": ProgramSpec("cdDiuz", "fsw", "count repeated ignore-case skip-fields= skip-chars= unique zero-terminated check-chars=", at_most=1),
    "cut": ProgramSpec("nsz", "bcdf", "bytes= characters= delimiter= fields= complement only-delimited output-delimiter= zero-terminated"),
    "tr": ProgramSpec("cCdst", "", "complement delete squeeze-repeats truncate-set1", operands="text"),
    "diff": ProgramSpec(
        "abBdeEiNpqrstTuwyZc", "CUWIx",
        "brief report-identical-files context=? unified=? ed normal side-by-side width= left-column suppress-common-lines show-c-function"
        " expand-tabs recursive no-dereference new-file exclude= ignore-case ignore-all-space ignore-space-change ignore-blank-lines"
        " ignore-trailing-space ignore-matching-lines= text strip-trailing-cr minimal color=? speed-large-files",
    ),
    "cmp": ProgramSpec("bls", "in", "print-bytes verbose silent quiet bytes="), "comm": ProgramSpec("123z", "", "check-order nocheck-order total"),
    "join": ProgramSpec("iz", "aetjvo12", "ignore-case header"), "paste": ProgramSpec("sz", "d", "delimiters= serial zero-terminated"),
    "column": ProgramSpec("txeR", "scoNH", "table separator= output-separator="), "fold": ProgramSpec("bs", "w", "bytes spaces width="),
    "fmt": ProgramSpec("cstu", "wpg", "width="), "expand": ProgramSpec("i", "t"), "unexpand": ProgramSpec("a", "t"), "rev": ProgramSpec(),
    "file": ProgramSpec("bikLhNrsz0", "", "brief mime mime-type mime-encoding dereference no-dereference", listing=True),
    "stat": ProgramSpec("Lft", "c", "dereference file-system format= printf= terse", listing=True),
    "du": ProgramSpec("abcDhHklLmsSxP0", "dBt", "all apparent-size bytes total human-readable summarize max-depth= threshold= exclude= si", listing=True),
    "df": ProgramSpec("ahHiklmPT", "tx", "all human-readable si inodes portability print-type total local", listing=True),
    "tree": ProgramSpec("adfilpsugDFqNQrtcUvCnhSJX", "LIP", "dirsfirst noreport gitignore prune du si inodes device filelimit= charset=", listing=True),
    "basename": ProgramSpec("az", "s", "multiple suffix= zero", operands="text"), "dirname": ProgramSpec("z", "", "zero", operands="text"),
    "realpath": ProgramSpec("emLPqsz", "", "canonicalize-existing canonicalize-missing logical physical quiet no-symlinks relative-to=path relative-base=path", listing=True),
    "readlink": ProgramSpec("femnqsvz", "", "canonicalize canonicalize-existing canonicalize-missing no-newline quiet verbose zero", listing=True),
    "md5sum": _SUMS, "sha1sum": _SUMS, "sha224sum": _SUMS, "sha256sum": _SUMS, "sha384sum": _SUMS, "sha512sum": _SUMS, "b2sum": _SUMS,
    "cksum": ProgramSpec("", "a", "algorithm="), "sum": ProgramSpec("rs"), "shasum": ProgramSpec("bt", "a"),
    "od": ProgramSpec("abcdfiloxvs", "AjNtwS", "address-radix= skip-bytes= read-bytes= format= width="),
    "hexdump": ProgramSpec("bcCdovx", "ns"), "xxd": ProgramSpec("abeiupEC", "clgso", at_most=1), "strings": ProgramSpec("afow", "nte", "all bytes= radix= encoding="),
    "seq": ProgramSpec("w", "fs", "equal-width format= separator=", operands="text", number=True),
    "expr": ProgramSpec(operands="text"), "date": ProgramSpec("uR", "", "utc universal rfc-email iso-8601=? rfc-3339= debug", operands="text"),
    "which": ProgramSpec("a", "", "all", operands="text"), "type": ProgramSpec("aftpP", operands="text"), "command": ProgramSpec("vV", operands="text", permutes=False),
    "whoami": _NOTHING, "uname": ProgramSpec("asnrvmpio", "", "all kernel-name nodename kernel-release machine", operands="none"),
    "arch": _NOTHING, "nproc": ProgramSpec("", "", "all", operands="none"), "uptime": ProgramSpec("ps", operands="none"), "tty": ProgramSpec("s", operands="none"),
    "free": ProgramSpec("bkmghtw", "", "human bytes kibi mebi gibi total wide si", operands="none"), "cal": ProgramSpec("", operands="text"),
    "getconf": ProgramSpec(operands="text"), "locale": ProgramSpec("a", operands="text"), "sleep": ProgramSpec(operands="text"), "groups": _NOTHING, "logname": _NOTHING,
    "zcat": ProgramSpec("f"), "bzcat": ProgramSpec(), "xzcat": ProgramSpec(), "cloc": _VERSION, "tokei": ProgramSpec("fC"), "scc": ProgramSpec(),
    "read": ProgramSpec("r", operands="text"), "exit": ProgramSpec(operands="text", at_most=1), "break": _NOTHING, "continue": _NOTHING,
    "pytest": ProgramSpec(
        "vqsxl", "kmrn",
        "verbose quiet exitfirst maxfail= tb= lf last-failed ff failed-first nf new-first sw stepwise durations= durations-min= collect-only co"
        " no-header no-summary showlocals color= strict-markers strict-config capture= show-capture= disable-warnings no-cov version help"
        " markers fixtures numprocesses= dist= cache-show=? verbosity= full-trace setup-show",
    ),
    "ruff": ProgramSpec("qvsn", "", "quiet verbose silent select= ignore= extend-select= diff check output-format= statistics no-cache line-length= target-version= show-files exit-zero version help preview"),
    "mypy": ProgramSpec("vh", "", "strict ignore-missing-imports no-error-summary show-error-codes pretty no-incremental python-version= version help no-color-output"),
    "pyright": ProgramSpec("v", "", "version stats warnings outputjson verbose level= pythonversion="), "flake8": ProgramSpec("vq", "", "max-line-length= select= ignore= count statistics version"),
    "black": ProgramSpec("lqv", "", "check diff color quiet verbose version"), "isort": ProgramSpec("cq", "", "check check-only diff quiet version"),
    "pip": _VERSION, "pip3": _VERSION, "npm": _SHORT_VERSION, "yarn": _VERSION, "pnpm": _VERSION, "cargo": _VERSION,
    "rustc": _VERSION, "go": _VERSION, "java": _VERSION, "gcc": _SHORT_VERSION, "make": _SHORT_VERSION,
    "node": _SHORT_VERSION, "ruby": _SHORT_VERSION, "perl": _SHORT_VERSION,
    "docker": _VERSION, "uv": _VERSION, "php": _SHORT_VERSION, "tsc": _SHORT_VERSION,
}  # fmt: skip

# These read more arguments from FILE where they are given @FILE.
ARGUMENT_FILES = frozenset(("pytest", "ruff", "mypy", "pyright", "flake8", "black", "isort", "tsc"))
# Options of programs whose first operand is a program of their own (scripts.py).
SCRIPTED = {
    "sed": ProgramSpec(
        "nErsuz", "e", "quiet silent regexp-extended expression= separate unbuffered null-data posix"
    ),
    "awk": ProgramSpec("", "F", "field-separator="),
    "jq": ProgramSpec(
        "rcaSMCnesj",
        "",
        "raw-output compact-output sort-keys null-input slurp exit-status join-output color-output monochrome-output tab ascii-output",
    ),
}
# Where text of a file or variable that cannot be known may stand, for it is only printed.
PRINTS = frozenset(("echo", "printf", "true", ":", "exit"))
# Without one of these they change files.
ONLY_LOOKS = {"black": ("--check", "--diff"), "isort": ("--check", "--check-only", "-c", "--diff")}
# No option of these does harm, so that a file found by a wildcard may be taken for one.
ANY_OPTION = frozenset(
    ("ls", "cat", "echo", "wc", "head", "tail", "grep", "egrep", "fgrep", "nl", "du", "true")
)
# Whole commands that only show something, of programs that otherwise do much more.
EXACT = frozenset(
    (
        ("go", "version"), ("java", "-version"), ("npm", "ls"), ("npm", "list"), ("npm", "ls", "--depth=0"), ("npm", "list", "--depth=0"), ("pip", "list"), ("pip", "freeze"), ("pip", "check"), ("pip3", "list"),
        ("pip3", "freeze"), ("tsc", "--noEmit"), ("tsc", "--noEmit", "-p", "."), ("tsc", "-p", ".", "--noEmit"), ("ruff", "--version"), ("ruff", "version"), ("lscpu",),
        ("hostname",), ("cargo", "version"), ("uv", "version"), ("npm", "version"),
    )
)  # fmt: skip
