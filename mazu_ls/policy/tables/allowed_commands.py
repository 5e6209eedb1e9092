"""The programs that only read, with the options under which they do. What is not here is asked about.

Options that write, run something, read a list of files from a file, or reach the network are left out on purpose.
"""

from __future__ import annotations

from mazu_ls.policy.tables.options import Spec

_GREP = Spec(
    "EFGPivwxcLlqsohHnrTzaIUbyR", "emABCd",
    "extended-regexp fixed-strings basic-regexp perl-regexp ignore-case no-ignore-case invert-match word-regexp line-regexp count"
    " color=? colour=? files-without-match files-with-matches max-count= only-matching quiet silent no-messages byte-offset"
    " with-filename no-filename label= line-number initial-tab null after-context= before-context= context= text binary-files="
    " exclude= exclude-dir= include= recursive dereference-recursive regexp= help version directories= line-buffered",
    operands="pattern", number=True,
)  # fmt: skip
_SUMS = Spec("bztw", "", "binary text tag zero quiet status warn strict ignore-missing")
_PAGER_PARTS = Spec("qvz", "nc", "lines= bytes= quiet silent verbose zero-terminated", number=True)
_NOTHING = Spec(operands="none")
_VERSION = Spec("V", "", "version help", operands="none", needs_option=True)
_SHORT_VERSION = Spec("v", "", "version", operands="none", needs_option=True)

PROGRAMS: dict[str, Spec] = {
    "true": Spec("", operands="text"), "false": Spec("", operands="text"), ":": Spec("", operands="text"),
    "pwd": Spec("LP", "", "logical physical", operands="none"),
    "echo": Spec(operands="text"), "printf": Spec(operands="text"),
    "ls": Spec(
        "aAbBcCdDfFgGhHiklLmnNopqQrRsStuUvxXZ1", "IwT",
        "all almost-all author escape block-size= ignore-backups color=? directory classify=? file-type format= full-time"
        " group-directories-first no-group human-readable si dereference-command-line hide= hyperlink=? indicator-style= inode ignore="
        " kibibytes dereference numeric-uid-gid literal hide-control-chars show-control-chars quote-name quoting-style= reverse"
        " recursive size sort= time= time-style= tabsize= width= context version help",
        listing=True,
    ),
    "cat": Spec("AbeEnstTuv", "", "show-all number-nonblank show-ends number squeeze-blank show-tabs show-nonprinting help version"),
    "tac": Spec("br", "s", "before regex separator="),
    "head": _PAGER_PARTS,
    "tail": _PAGER_PARTS,
    "nl": Spec("p", "bdfhilnsvw", "body-numbering= number-width= starting-line-number= number-format= number-separator="),
    "wc": Spec("clmLw", "", "bytes chars lines max-line-length words total= help version", listing=True),
    "grep": _GREP, "egrep": _GREP, "fgrep": _GREP,
    "rg": Spec(
        "acFhHiIlLnNoPpqsSuUvVwx0.", "ABCEegGjmMrtT",
        "follow regexp= fixed-strings ignore-case case-sensitive smart-case word-regexp line-regexp invert-match count count-matches"
        " files-with-matches files-without-match files only-matching line-number no-line-number with-filename no-filename after-context="
        " before-context= context= glob= iglob= type= type-not= type-list hidden no-ignore no-ignore-vcs max-count= max-depth= max-filesize="
        " multiline multiline-dotall json vimgrep column no-column heading no-heading color= colors= sort= sortr= stats trim pcre2 text"
        " null quiet encoding= threads= replace= max-columns= passthru version help no-messages no-config debug unrestricted one-file-system",
        operands="pattern",
    ),
    "find": Spec(operands="script", listing=True), "sed": Spec(operands="script"),
    "awk": Spec(operands="script"), "gawk": Spec(operands="script"), "mawk": Spec(operands="script"), "jq": Spec(operands="script"),
    "test": Spec(operands="script"), "[": Spec(operands="script"), "[[": Spec(operands="script"),
    "cd": Spec("LP", "", "", operands="paths", at_most=1, listing=True),
    "sort": Spec(
        "bcCdfghiMnrRsuVzm", "ktS",
        "ignore-leading-blanks dictionary-order ignore-case general-numeric-sort human-numeric-sort ignore-nonprinting month-sort"
        " numeric-sort random-sort reverse sort= version-sort check=? key= merge stable field-separator= unique zero-terminated parallel=",
    ),
    "uniq": Spec("cdDiuz", "fsw", "count repeated ignore-case skip-fields= skip-chars= unique zero-terminated check-chars=", at_most=1),
    "cut": Spec("nsz", "bcdf", "bytes= characters= delimiter= fields= complement only-delimited output-delimiter= zero-terminated"),
    "tr": Spec("cCdst", "", "complement delete squeeze-repeats truncate-set1", operands="text"),
    "diff": Spec(
        "abBdeEiNpqrstTuwyZc", "CUWIx",
        "brief report-identical-files context=? unified=? ed normal side-by-side width= left-column suppress-common-lines show-c-function"
        " expand-tabs recursive no-dereference new-file exclude= ignore-case ignore-all-space ignore-space-change ignore-blank-lines"
        " ignore-trailing-space ignore-matching-lines= text strip-trailing-cr minimal color=? speed-large-files",
    ),
    "cmp": Spec("bls", "in", "print-bytes verbose silent quiet bytes="), "comm": Spec("123z", "", "check-order nocheck-order total"),
    "join": Spec("iz", "aetjvo12", "ignore-case header"), "paste": Spec("sz", "d", "delimiters= serial zero-terminated"),
    "column": Spec("txeR", "scoNH", "table separator= output-separator="), "fold": Spec("bs", "w", "bytes spaces width="),
    "fmt": Spec("cstu", "wpg", "width="), "expand": Spec("i", "t"), "unexpand": Spec("a", "t"), "rev": Spec(),
    "file": Spec("bikLhNrsz0", "", "brief mime mime-type mime-encoding dereference no-dereference", listing=True),
    "stat": Spec("Lft", "c", "dereference file-system format= printf= terse", listing=True),
    "du": Spec("abcDhHklLmsSxP0", "dBt", "all apparent-size bytes total human-readable summarize max-depth= threshold= exclude= si", listing=True),
    "df": Spec("ahHiklmPT", "tx", "all human-readable si inodes portability print-type total local", listing=True),
    "tree": Spec("adfilpsugDFqNQrtcUvCnhSJX", "LIP", "dirsfirst noreport gitignore prune du si inodes device filelimit= charset=", listing=True),
    "basename": Spec("az", "s", "multiple suffix= zero", operands="text"), "dirname": Spec("z", "", "zero", operands="text"),
    "realpath": Spec("emLPqsz", "", "canonicalize-existing canonicalize-missing logical physical quiet no-symlinks relative-to=path relative-base=path", listing=True),
    "readlink": Spec("femnqsvz", "", "canonicalize canonicalize-existing canonicalize-missing no-newline quiet verbose zero", listing=True),
    "md5sum": _SUMS, "sha1sum": _SUMS, "sha224sum": _SUMS, "sha256sum": _SUMS, "sha384sum": _SUMS, "sha512sum": _SUMS, "b2sum": _SUMS,
    "cksum": Spec("", "a", "algorithm="), "sum": Spec("rs"), "shasum": Spec("bt", "a"),
    "od": Spec("abcdfiloxvs", "AjNtwS", "address-radix= skip-bytes= read-bytes= format= width="),
    "hexdump": Spec("bcCdovx", "ns"), "xxd": Spec("abeiupEC", "clgso", at_most=1), "strings": Spec("afow", "nte", "all bytes= radix= encoding="),
    "seq": Spec("w", "fs", "equal-width format= separator=", operands="text", number=True),
    "expr": Spec(operands="text"), "date": Spec("uR", "", "utc universal rfc-email iso-8601=? rfc-3339= debug", operands="text"),
    "which": Spec("a", "", "all", operands="text"), "type": Spec("aftpP", operands="text"), "command": Spec("vV", operands="text", permutes=False),
    "whoami": _NOTHING, "uname": Spec("asnrvmpio", "", "all kernel-name nodename kernel-release machine", operands="none"),
    "arch": _NOTHING, "nproc": Spec("", "", "all", operands="none"), "uptime": Spec("ps", operands="none"), "tty": Spec("s", operands="none"),
    "free": Spec("bkmghtw", "", "human bytes kibi mebi gibi total wide si", operands="none"), "cal": Spec("", operands="text"),
    "getconf": Spec(operands="text"), "locale": Spec("a", operands="text"), "sleep": Spec(operands="text"), "groups": _NOTHING, "logname": _NOTHING,
    "zcat": Spec("f"), "bzcat": Spec(), "xzcat": Spec(), "cloc": _VERSION, "tokei": Spec("fC"), "scc": Spec(),
    "read": Spec("r", operands="text"), "exit": Spec(operands="text", at_most=1), "break": _NOTHING, "continue": _NOTHING,
    "pytest": Spec(
        "vqsxl", "kmrn",
        "verbose quiet exitfirst maxfail= tb= lf last-failed ff failed-first nf new-first sw stepwise durations= durations-min= collect-only co"
        " no-header no-summary showlocals color= strict-markers strict-config capture= show-capture= disable-warnings no-cov version help"
        " markers fixtures numprocesses= dist= cache-show=? verbosity= full-trace setup-show",
    ),
    "ruff": Spec("qvsn", "", "quiet verbose silent select= ignore= extend-select= diff check output-format= statistics no-cache line-length= target-version= show-files exit-zero version help preview"),
    "mypy": Spec("vh", "", "strict ignore-missing-imports no-error-summary show-error-codes pretty no-incremental python-version= version help no-color-output"),
    "pyright": Spec("v", "", "version stats warnings outputjson verbose level= pythonversion="), "flake8": Spec("vq", "", "max-line-length= select= ignore= count statistics version"),
    "black": Spec("lqv", "", "check diff color quiet verbose version"), "isort": Spec("cq", "", "check check-only diff quiet version"),
    "pip": _VERSION, "pip3": _VERSION, "npm": _SHORT_VERSION, "yarn": _VERSION, "pnpm": _VERSION, "cargo": _VERSION,
    "rustc": _VERSION, "go": _VERSION, "java": _VERSION, "gcc": _SHORT_VERSION, "make": _SHORT_VERSION,
    "node": _SHORT_VERSION, "ruby": _SHORT_VERSION, "perl": _SHORT_VERSION,
    "docker": _VERSION, "uv": _VERSION, "php": _SHORT_VERSION, "tsc": _SHORT_VERSION,
}  # fmt: skip

# These read more arguments from FILE where they are given @FILE.
ARGUMENT_FILES = frozenset(("pytest", "ruff", "mypy", "pyright", "flake8", "black", "isort", "tsc"))
# Options of programs whose first operand is a program of their own (scripts.py).
SCRIPTED = {
    "sed": Spec(
        "nErsuz", "e", "quiet silent regexp-extended expression= separate unbuffered null-data posix"
    ),
    "awk": Spec("", "F", "field-separator="),
    "jq": Spec(
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
