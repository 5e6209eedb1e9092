"""Redacts secrets before text is stored or sent: provider keys, private keys, tokens, passwords in URLs and settings."""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cache, lru_cache
from typing import NamedTuple

from mazu_ls.workspace.lazy_pattern import lazy_pattern

MARK = "[redacted: {}]"

# What only consists of words and numbers, as names in code, versions, dates and paths do: no value that was drawn at random.
# Never tried twice at one place (possessive), so linear.
_PIECE = (
    r"(?:\d{1,8}+(?![A-Za-z])|(?<=%)[ds]\b|v\d{1,3}+(?![A-Za-z])|(?:(?:[A-Z]{0,20}+[a-z]{2,}+|As|At|By|Id|In|Is|My|No|Of|On|To)(?:\d{1,2}+[a-z]{4,}+)?+\d{0,2}+(?![\da-z])"
    r"|[A-Z]{1,10}+\d{0,4}+(?![A-Z\d]{2}|[a-z]))++)"
)
# A token that is shown to everybody: of an assembly, or where a list goes on.
_SECRET_TOKEN = "(?<!publickeytoken)(?<!nexttoken)(?<!pagetoken)(?<!continuationtoken)(?<!synctoken)"
_WORDS = rf"[_./: {{}}\[\]-]{{0,3}}+{_PIECE}(?:[_./: %{{}}\[\]-]{{1,3}}+{_PIECE})*+[\]}}/]?+"

# Prefixes are the providers' own, so ordinary code, hashes and identifiers do not match. Every pattern takes time that is
# linear in the text: one start for each run of characters, or repetitions that are bounded (benchmarks/redaction.py).
# The second column is what must occur at all: a plain substring search, 20 times as quick as the patterns.
# The named group `keep` (in a second alternative `before`) is put back in front of the mark, `tail` behind it.
_PATTERNS: tuple[tuple[str, str, str], ...] = (
    (
        "private key",
        "-----BEGIN",
        # Up to its end; without one its lines, else what stands there up to another begin or the end of the text.
        (
            r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
            r"(?:(?:(?!-----BEGIN)[\s\S]){0,20000}?-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
            r"|(?:[ \t>|]*\r?\n[ \t>|]*[A-Za-z0-9+/=]{16,80}(?=\s|\Z))+"
            r"|(?:(?!-----BEGIN)[\s\S]){0,20000}?(?:(?=-----BEGIN)|\Z))"
        ),
    ),
    ("anthropic key", "sk-ant-", r"\bsk-ant-[A-Za-z0-9_-]{16,}"),
    ("openrouter key", "sk-or-", r"\bsk-or-[A-Za-z0-9_-]{20,}"),
    ("openai key", "sk-", r"\bsk-(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{20,}|\bsk-(?=[A-Za-z]*\d)[A-Za-z0-9]{24,}"),
    ("stripe key", "_live_ _test_ whsec_", r"\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}|\bwhsec_[A-Za-z0-9+/=]{24,}"),
    ("github token", "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_", r"\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_[A-Za-z0-9_]{40,}"),
    ("gitlab token", "glpat- glptt- gldt- glrt- glcbt- glsoat- glft- glagent-", r"\bgl(?:pat|ptt|dt|rt|cbt|soat|ft|agent)-[A-Za-z0-9_.-]{20,}"),
    ("aws key", "AKIA ASIA ABIA ACCA A3T", r"\b(?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z2-7]{16}\b"),
    ("google key", "AIza ya29. GOCSPX-", r"\bAIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])|\bya29\.[A-Za-z0-9_-]{20,}|\bGOCSPX-[A-Za-z0-9_-]{20,}"),
    ("slack token", "xoxa- xoxb- xoxe- xoxo- xoxp- xoxr- xoxs- xapp-", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}|\bxapp-\d-[A-Za-z0-9-]{20,}"),
    ("slack webhook", "hooks.slack.com", r"https://hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_-]{20,}"),
    ("discord token", "M N O", r"\b[MNO][A-Za-z0-9_-]{23,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}"),
    ("discord webhook", "/api/webhooks/", r"https://(?:ptb\.|canary\.)?discord(?:app)?\.com/api/webhooks/\d+/[A-Za-z0-9_-]{40,}"),
    ("telegram token", ":AA", r"\b\d{8,10}:AA[A-Za-z0-9_-]{33}\b"),
    ("groq key", "gsk_", r"\bgsk_[A-Za-z0-9]{32,}"),
    ("xai key", "xai-", r"\bxai-[A-Za-z0-9]{40,}"),
    ("perplexity key", "pplx-", r"\bpplx-[A-Za-z0-9]{32,}"),
    ("fireworks key", "fw_", r"\bfw_[A-Za-z0-9]{22,}\b"),
    ("nvidia key", "nvapi-", r"\bnvapi-[A-Za-z0-9_-]{40,}"),
    ("tavily key", "tvly-", r"\btvly-[A-Za-z0-9-]{24,}"),
    ("replicate token", "r8_", r"\br8_[A-Za-z0-9]{32,}"),
    ("hugging face token", "hf_ api_org_", r"\bhf_[A-Za-z0-9]{30,}|\bapi_org_[A-Za-z0-9]{30,}"),
    ("package registry token", "pypi- npm_ dckr_pat_", r"\bpypi-[A-Za-z0-9_-]{50,}|\bnpm_[A-Za-z0-9]{36}\b|\bdckr_pat_[A-Za-z0-9_-]{20,}"),
    ("package registry token", "rubygems_ cio", r"\brubygems_[a-f0-9]{48}\b|\bcio[A-Za-z0-9]{32}\b"),
    ("sendgrid key", "SG.", r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    ("mailgun key", "key-", r"\bkey-[0-9a-f]{32}\b"),
    ("twilio key", "SK AC", r"\b(?:SK|AC)[0-9a-f]{32}\b"),
    ("digitalocean token", "_v1_", r"\bdo[opr]_v1_[a-f0-9]{64}\b"),
    ("shopify token", "shpat_ shpca_ shppa_ shpss_", r"\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}\b"),
    ("square token", "sq0", r"\bsq0(?:atp|csp|idp)-[A-Za-z0-9_-]{22,}"),
    ("linear key", "lin_api_ lin_oauth_", r"\blin_(?:api|oauth)_[A-Za-z0-9]{32,}"),
    ("notion token", "ntn_ secret_", r"\b(?:ntn_|secret_)[A-Za-z0-9]{43,}\b"),
    ("figma token", "figd_ figo_ figu_", r"\bfig[dou]_[A-Za-z0-9_-]{36,}"),
    ("databricks token", "dapi", r"\bdapi[a-f0-9]{32}(?:-\d)?\b"),
    ("vault token", "hvs. hvb. hvr.", r"\bhv[sbr]\.[A-Za-z0-9_-]{24,}"),
    ("doppler token", "dp.", r"\bdp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9_.-]{40,}"),
    ("sentry token", "sntrys_ sntryu_", r"\bsntry[su]_[A-Za-z0-9+/=_-]{40,}"),
    ("grafana token", "glsa_ glc_", r"\bgl(?:sa|c)_[A-Za-z0-9+/=_]{32,}"),
    ("age key", "AGE-SECRET-KEY-", r"\bAGE-SECRET-KEY-1[0-9A-Z]{58}\b"),
    # A service that quotes a key in part shows its beginning and end: `sk-abc***xyz`, `sk-proj-abc...wxyz`, `key: ****f0a1`.
    ("part of a key", "*** ... \u2026 \u2022\u2022", r"\b(?:(?:sk|pk|rk)-|(?:sk|gsk|hf|r8|ghp|fw)_|xai-|pplx-|nvapi-|AIza)[A-Za-z0-9_-]{0,60}(?:\*{3,200}|\.{3}|\u2026|\u2022{2,200})[A-Za-z0-9_-]{2,12}\b"),
    ("part of a key", "** ... \u2026 \u2022\u2022 \u00d7\u00d7 XXXX", r"(?<![A-Za-z0-9_-])(?:sk-|xox[abeoprs]-|gl(?:pat|ptt)-|github_pat_|A(?:KIA|SIA))(?:(?!X{4})[A-Za-z0-9_-]){0,60}+(?:\[\.{3}\]|\*{2,200}+|\.{3}|\u2026|\u2022{2,200}+|\u00d7{2,200}+|X{4,200}+)[A-Za-z0-9_-]{2,12}+\b"),
    ("part of a key", "** ... \u2026 \u2022\u2022", r"(?P<keep>\b(?i:api[ _-]?key|secret|token|bearer)\b[\"']?(?:\s{0,3}[:=]\s{0,3}|(?<=[Rr])\s)[\"']?)[A-Za-z0-9_-]{2,60}(?:\*{2,200}|\.{3}|\u2026|\u2022{2,200})[A-Za-z0-9_-]{2,60}\b"),
    ("part of a key", "***", r"\b(?:sk|pk|rk)-[A-Za-z0-9_-]{2,60}\*{3,200}|(?P<keep>\b[Aa][Pp][Ii][ _-]?[Kk]ey\b[^\n*]{0,40}?)(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{0,12}\*{3,200}[A-Za-z0-9_-]{2,12}\b"),
    ("web token", "eyJ", r"(?<![A-Za-z0-9_-])(?P<keep>(?>(?:(?!\beyJ)[A-Za-z0-9_-])*))eyJ[A-Za-z0-9_-]{8,}+\.eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{10,}"),
    ("azure key", "AccountKey= SharedAccess", r"(?P<keep>\b(?:AccountKey|SharedAccessKey|SharedAccessSignature)=)[A-Za-z0-9+/=%&?_.-]{20,}"),
    ("authorization", "uthorization UTHORIZATION -key -Key -KEY", r"(?P<keep>\b(?:Authorization|Proxy-Authorization|X-Api-Key)[\"']?\s*[:=]\s*[\"']?(?:(?:Bearer|Basic|Token)\s+)?)(?!\[redacted)(?![{$<%])[A-Za-z0-9._~+/=-]{12,}"),
    ("bearer token", "Bearer", r"(?P<keep>\bBearer\s+)(?=[A-Za-z._~+/=-]*\d)[A-Za-z0-9._~+/=-]{20,}"),
    ("password", "://", r"(?P<keep>\b[a-zA-Z][a-zA-Z0-9+.-]{1,30}://[^\s/:@'\"<>{}$]{0,100}:)(?![{$<%*]|\[redacted)[^\s/@'\"<>{}]{1,200}(?P<tail>@[\w.\[-])"),
    # Formats in which no name next to the value, or another sign than = and :, says that it is a secret.
    ("password", "machine default", r"(?P<keep>\b(?:machine\s{1,20}+[^\s.]{1,100}+(?P<host>\.[^\s]{1,200}+|(?<=localhost))?+|default)\s{1,20}+login\s{1,20}+[^\s]{1,200}+\s{1,20}+password\s{1,20}+)(?!\[redacted|[{$<%]|password\b)(?(host)|(?=[^\s]{0,200}[\d!@#^&*+=~]))[^\s]{4,200}"),
    ("password", ":5432: :*: :3306:", r"(?m)(?P<keep>^[^\s:#]{1,100}:(?:5432|3306|\*):[^\s:]{1,63}:[^\s:]{1,63}:)(?!\[redacted)[^\s:]{6,100}$"),
    ("password", "jdbc:oracle: @tcp( @unix(", r"(?P<keep>\bjdbc:oracle:\w{1,10}:\w{1,60}/)(?!\[redacted|[${%])[^\s@/\"']{4,100}(?=@)|(?P<before>(?<![\w.-])[\w.-]{1,60}:)(?!\[redacted|[${%])[^\s@:\"'`()]{4,100}(?=@(?:tcp|unix)\()"),
    ("private key", "Private-Lines:", r"(?P<keep>\bPrivate-Lines: \d{1,4}\r?\n)[A-Za-z0-9+/=]{16,80}(?:\r?\n[A-Za-z0-9+/=]{2,80}(?=\r?\n))*"),
    ("secret", '"auth" client-key-data _auth', r"(?P<keep>\"auth\"\s{0,9}:\s{0,9}\"|\bclient-key-data:[ \t]{0,9}\"?|(?<![\w])_auth[ \t]{0,9}=[ \t]{0,9}[\"']?)(?!" + _WORDS + r"(?![A-Za-z0-9+/=]))(?=[a-z0-9+/]*[A-Z])(?=[A-Z0-9+/]*[a-z])(?=[A-Za-z+/]*\d)[A-Za-z0-9+/]{16,}={0,2}(?![\w.(])"),
    ("secret", "sig= X-Amz-Signature=", r"(?P<keep>[?&](?:sig|X-Amz-Signature)=)[A-Za-z0-9%+/=]{30,}"),
    ("secret", "define(", r"(?P<keep>\bdefine\(\s{0,9}['\"](?:(?i:\w{0,60}password)['\"]\s{0,9},\s{0,9}['\"]|(?i:\w{0,60}(?:secret|token|_key|_salt))['\"]\s{0,9},\s{0,9}['\"](?!" + _WORDS + r"['\"])))(?i:(?!put your|your|\[redacted|database_))[^'\"\n]{6,200}(?=['\"])"),
    ("secret", "</", r"(?P<keep><(?:(?i:(?:\w{1,30}[._:-])?(?:password|passphrase))>\s{0,9}|(?i:(?:\w{1,30}[._:-])?(?:secret|api[_-]?key|\w{0,20}token" + _SECRET_TOKEN + r"))>\s{0,9}+(?!" + _WORDS + r"\s{0,9}</)))(?=[^<\s]{0,200}[\d!@#^&*+=~])(?![${%*\[#])[^<\s]{6,200}(?=\s{0,9}</)"),
    ("secret", "value=", r"(?P<keep>\b(?:key|name)=\"(?:(?i:[^\"<>]{0,60}password)\"\s{1,20}value=\"|(?i:[^\"<>]{0,60}(?:secret|token" + _SECRET_TOKEN + r"|api[_-]?key))\"\s{1,20}value=\"(?!" + _WORDS + r"\")))(?=[^\"]{0,200}\d)(?![${%*\[#])[^\"\s]{6,200}(?=\")"),
    ("password", "curl sshpass", r"(?P<keep>\bcurl\b[^\n]{0,200}?\s(?:-u|--user)[ =]?[\"']?[^\s:\"'$]{1,100}:|\bsshpass\s{1,9}-p\s{0,9}[\"']?)(?![$<{%*\[])[^\s\"']{4,200}"),
    ("password", "mysql mariadb", r"(?P<keep>\b(?<!-name )(?<!-name=)(?:mysql\w{0,10}|mariadb(?:-\w{1,10})?)\b(?![:/.])(?:(?!\s(?:&&|\|\|?)\s)[^\n]){0,200}?\s-p)(?![\d.]{0,15}+(?::\d{1,5}+){1,2}+(?![^\s/-])|\d{1,5}+(?:/\w{3})?(?!\S))(?=[^\s]{0,100}\d)(?![$<{%*\[\"'=])[^\s\"']{5,100}"),
    ("secret", "--pass --token --secret --api", r"(?P<keep>--(?:(?:password|passwd|passphrase)\s{1,9}[\"']?|(?:pass|token|secret|api-?key)\s{1,9}+[\"']?+(?!" + _WORDS + r"(?![^\s\"'])|\w{2,10}+=[^\s=])))(?=[^\s\"']{0,200}\d)(?=[^\s\"']{0,200}[A-Za-z])(?![$<{%*\[-])[^\s\"']{6,200}"),
)  # fmt: skip

# Every name as one word and with a separator: dbpass, dbPass, db_pass, DB-PASS.
_PASS_OF = "|".join(f"(?<={name}pass)|(?<={name}[_-]pass)" for name in ["db", "database", "smtp", "imap", "mail", "ftp", "ssh", "sql", "pg", "postgres", "redis", "mongo", "ldap", "proxy", "admin", "root", "sudo", "become"])  # fmt: skip
# What stands behind them and is no password: a path, and in code (blanks around the sign) a name.
_NO_PASSWORD = rf"[\"']?[ \t]*(?::=?|=>?)[ \t]*[\"']?/\w{{1,30}}/|[ \t]{{1,9}}=[ \t]{{0,9}}(?-i:(?=\w*(?:_|[a-z][A-Z])){_WORDS}(?![^\s,;)]))"  # fmt: skip

# NAME=value, NAME: "value": the name must say that it is a secret, and the value must look like one:
# no call, no reference, no placeholder.
_NAMED = (
    r"(?P<keep>(?:api[_-]?key|secret[_-]?access[_-]?key|access[_-]?key|secret[_-]?key(?:[_-]?base)?|private[_-]?key"
    # Tried at every character, so what comes first is what most places lack: the end of a name before its beginning.
    r"|key(?:(?<=(?<![a-z])appkey)|(?<=(?<![a-z])app[_-]key)|(?:(?<=licen[cs]ekey)|(?<=licen[cs]e[_-]key)|(?<=sharedkey)|(?<=shared[_-]key))(?!"
    + _NO_PASSWORD
    + r"))"
    rf"|pass(?:(?:{_PASS_OF})(?!{_NO_PASSWORD})|wort|e(?:(?<=mot[_ -]de[_ -]passe)|(?<=motdepasse)))"
    r"|(?=[kcsh\u043f])(?:kennwort|contrase[\u00f1n]a|(?<![a-z])senha|\u043f\u0430\u0440\u043e\u043b\u044c|has\u0142o)"
    r"|client[_-]?secret|signing[_-]?key|encryption[_-]?key|auth[_-]?token|access[_-]?token|refresh[_-]?token|bot[_-]?token"
    r"|(?<![A-Za-z0-9])token|passwd|password|passphrase|pwd|(?<![A-Za-z0-9])secret|(?<![A-Za-z0-9])credentials?)"
    r"[\"']?[ \t]*(?:=|:=?|=>)[ \t]*)"
    r"(?:(?P<quote>[\"'`])(?P<quoted>[^\s\"'`]{4,400})(?P=quote)|(?P<bare>[^\s\"'`,;)\]}<>{(\[]{8,400})(?![\w(\[.]))"
)
# Said in a sentence, a value must mix letters and digits to be taken for one.
_SPOKEN = (
    r"(?P<keep>\b(?:password|passphrase|passcode|api[ _-]?key|access key|secret|token|credentials?)\b[^.\n=:]{0,40}?\s(?:is|was|are|=)\s{1,20}+[\"'`]?)"
    r"(?=[^\s\"'`]{0,200}?\d)(?=[^\s\"'`]{0,200}?[A-Za-z])(?!\[redacted)(?P<bare>[^\s\"'`()\[\]{}<>,;]{6,200}?)(?=[\"'`.,;)]{0,8}+(?:\s|$))"
)
_PLACEHOLDER = (
    r"^(?:[$%<{*.\[]|x{4,}|\*+|your|my[-_]|example|sample|dummy|fake|test(?![A-Za-z]*\d)|changeme|change[-_]me|placeholder|redacted|none\b|null\b|true\b|false\b|todo"
    r"|os\.|env\b|env[.\[]|process\.|config\.|settings\.|self\.|this\.|args\.|options\.|params\.|request\.|secrets?\.|getenv|str\b|string\b|bytes\b|int\b|optional\b)"
)
# A quoted value of these is replaced whatever it looks like, but for words that say what is asked for.
_SURELY_SECRET = r"(?:passwd|password|passphrase|pwd|secret|token|api_?key)[\"']?[ \t]*(?:=|:=?|=>)[ \t]*$"
# What a lexer, a grammar or a theme calls a token: `"token": "keyword.control"`, `token = 'comma'`.
_NAMES_A_TOKEN = r"(?:token|api_?key)[\"']?[ \t]*(?:=|:=?|=>)[ \t]*$"
_KIND_OF_TOKEN = r"(?=.{1,19}$)(?:[a-z]{1,11}|[a-z]+(?:[.-][a-z]+)+)"
_PLAIN_WORD = (
    r"(?:new|old|current|confirm|repeat|show|hide|forgot|reset|access|auth|csrf|id|api|client)?[-_ .]?(?:password|passwd|passwords|passphrase|passcode|pwd"
    r"|secrets?|tokens?|keys?|apikey|api_key)|text|hidden|required|optional|username|email|bearer|basic|input|label|field|value|invalid|missing|passwort|kennwort"
    r"|contrase\u00f1a|senha|undefined|empty|auto|default|file|vault|keyring|prompt|ask|inherit|identifier|keyword|number|comment|operator|punctuation"
)
_MARKED = tuple((MARK.format(name), tuple(hints.split()), pattern) for name, hints, pattern in _PATTERNS)
KINDS = tuple(sorted({"secret"} | {name for name, _, _ in _PATTERNS}))
PLACEHOLDER = lazy_pattern("|".join(re.escape(MARK.format(kind)) for kind in KINDS))
"""Any mark that `redact` leaves."""
_NAMED_HINT = lazy_pattern(r"(?i:key|token|secret|pass|pwd|credential|kennwort|contrase|senha|\u043f\u0430\u0440\u043e\u043b|has\u0142o)")  # fmt: skip
# What every match of `_NAMED` has, the end of a name and a sign: found in a fifth of its time.
_NAMED_END = lazy_pattern(r"(?i:key(?:[_-]?base)?|pass(?:e|wd|word|wort|phrase)?|secret|token|pwd|credentials?|kennwort|contrase[\u00f1n]a|senha|\u043f\u0430\u0440\u043e\u043b\u044c|has\u0142o)[\"']?[ \t]*[=:]")  # fmt: skip


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compiled when its hint occurs for the first time: all of them take a tenth of what a short command takes."""
    return re.compile(pattern)


@cache
def _ignoring_case(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def redact(text: str) -> str:
    """`text` with every secret replaced by `[redacted: what it was]`. Idempotent; quick where there is none."""
    for mark, hints, pattern in _MARKED:
        for hint in hints:  # no any(): this runs for every word, and a generator costs thrice as much
            if hint in text:
                text = _compiled(pattern).sub(lambda match, mark=mark: _marked(match, mark), text)
                break
    if _NAMED_HINT.search(text):
        if _NAMED_END.search(text):
            text = _ignoring_case(_NAMED).sub(_value, text)
        text = _ignoring_case(_SPOKEN).sub(lambda match: f"{match['keep']}{MARK.format('secret')}", text)
    return text


class SecretSpan(NamedTuple):
    """A secret in a text: the characters `start` to `end`, and the mark that `redact` puts there."""

    start: int
    end: int
    mark: str


@lru_cache(maxsize=8)
def find_secrets(text: str) -> tuple[SecretSpan, ...]:
    """Return what `redact` replaces: putting the mark of each span in its place gives `redact(text)`."""
    shown = redact(text)
    if shown == text:
        return ()
    spans: list[SecretSpan] = []
    named = [(MARK.format("secret"), "", _ignoring_case(pattern)) for pattern in (_NAMED, _SPOKEN)]
    for mark, hints, pattern in (*((m, h, _compiled(source)) for m, h, source in _MARKED), *named):
        shown = _with_marks(text, spans)
        if not hints or any(hint in shown for hint in hints):
            spans = _with_parts(spans, _secret_parts(pattern, shown), mark)
    return tuple(spans)


def find_private_keys(text: str) -> list[tuple[int, int]]:
    """Return where the private keys of a text begin and end: the only secrets that are longer than a line."""
    _, (hint,), pattern = _MARKED[0]
    return [match.span() for match in _compiled(pattern).finditer(text)] if hint in text else []


def _secret_parts(pattern: re.Pattern[str], text: str) -> list[tuple[int, int]]:
    """Return what a pattern replaces in a text, in order."""
    parts: list[tuple[int, int]] = []
    for match in pattern.finditer(text):
        groups = match.groupdict()
        if pattern is _ignoring_case(_NAMED):
            if _value(match) != match[0]:
                parts.append(match.span("quoted" if match["quoted"] is not None else "bare"))
        else:
            tail = len(groups.get("tail") or "")
            kept = groups.get("keep") or groups.get("before") or ""
            parts.append((match.start() + len(kept), match.end() - tail))
    return parts


def _with_parts(spans: list[SecretSpan], parts: list[tuple[int, int]], mark: str) -> list[SecretSpan]:
    """The spans with more, given by their places in the text that has the marks; they take in those they overlap."""
    starts: list[int] = []
    grown = [0]
    for span in spans:
        starts.append(span.start - grown[-1])
        grown.append(grown[-1] + span.end - span.start - len(span.mark))

    def source_offset(offset: int, *, at_end: bool) -> int:
        index = bisect_right(starts, offset) - 1
        if index < 0:
            return offset
        span = spans[index]
        if offset >= starts[index] + len(span.mark):
            return offset + grown[index + 1]
        return span.end if at_end and offset > starts[index] else span.start

    new = [
        SecretSpan(source_offset(start, at_end=False), source_offset(end, at_end=True), mark)
        for start, end in parts
    ]
    begins = [span.start for span in new]

    def overlapped(span: SecretSpan) -> bool:
        index = bisect_right(begins, span.end - 1) - 1
        return index >= 0 and new[index].end > span.start

    return sorted([*(span for span in spans if not overlapped(span)), *new])


def _with_marks(text: str, spans: list[SecretSpan]) -> str:
    parts: list[str] = []
    at = 0
    for span in spans:
        parts += [text[at : span.start], span.mark]
        at = span.end
    return "".join([*parts, text[at:]])


def has_secret(text: str) -> bool:
    """Return whether `redact` would change `text`."""
    return redact(text) != text


def _marked(match: re.Match[str], mark: str) -> str:
    groups = match.groupdict()
    return f"{groups.get('keep') or groups.get('before') or ''}{mark}{groups.get('tail') or ''}"


def _value(match: re.Match[str]) -> str:
    value = match["quoted"] or match["bare"]
    if _ignoring_case(_PLACEHOLDER).match(value):
        return match[0]
    if match["quoted"] is not None and _ignoring_case(_SURELY_SECRET).search(match["keep"]):
        whatever = _ignoring_case(_PLAIN_WORD).fullmatch(value) is None and not _is_kind(match)
    else:
        whatever = len(value) > 5 and _looks_secret(value, quoted=match["quoted"] is not None)
    if not whatever:
        return match[0]
    quote = match["quote"] or ""
    return f"{match['keep']}{quote}{MARK.format('secret')}{quote}"


def _is_kind(match: re.Match[str]) -> bool:
    """Return whether a named value is short, of letters, and its name does not say that it is a password or a secret."""
    is_short = _ignoring_case(_KIND_OF_TOKEN).fullmatch(match["quoted"]) is not None
    return is_short and _ignoring_case(_NAMES_A_TOKEN).search(match["keep"]) is not None


def _looks_secret(value: str, *, quoted: bool) -> bool:
    """A quoted value is one unless it is a plain word; a bare one must mix letters with digits or signs, as code does not."""
    if re.fullmatch(r"[a-z]+(?:[_ .-][a-z]+)*", value):
        return False
    if quoted:
        return True
    if re.fullmatch(r"[A-Za-z_][A-Za-z_]*(?:\.[A-Za-z_]\w*)*", value):
        return False
    return bool(re.search(r"\d", value) and re.search(r"[A-Za-z]", value)) or bool(
        re.search(r"[^\w.]", value)
    )


_KEY_BEGIN = r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
_KEY_MAY_BEGIN = r"-----BEGIN [A-Z0-9 -]{0,100}\Z"
_KEY_END = r"-----END [A-Z0-9 ]{0,100}PRIVATE KEY(?: BLOCK)?-----"
_KEY_CHARS = 20_000
# Where a word that may be a secret has ended: at white space, or at a letter of a script that is written without any.
_BOUNDARY = (
    "[\\s\u0e00-\u0e7f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"
)
_WORD_CHARS = 16_384
_WINDOW = 256


class StreamRedactor:
    """Redacts a text that comes in pieces: a secret that is split over pieces never leaves, nor does its beginning.

    A word is held back until it has ended, the header of a private key until it is known to be one. At most
    _WORD_CHARS characters are held; what was sent stays in sight as long as it can be the name of a secret.
    """

    def __init__(self) -> None:
        self._begin()
        self._in_key = False

    def _begin(self, rest: str = "") -> None:
        self._raw = ""  # what was sent last, which may name a secret, and what is held
        self._sent = ""  # how the first part of it was sent
        self._until = 0  # where that part ends
        self._word = 0  # where the last word begins
        self._append(rest)

    def _append(self, piece: str) -> None:
        for boundary in _compiled(_BOUNDARY).finditer(piece):
            self._word = len(self._raw) + boundary.end()
        self._raw += piece

    def feed(self, piece: str) -> str:
        """One more piece; returns what may be shown now."""
        self._append(piece)
        return self._take(final=False)

    def flush(self) -> str:
        """The text has ended; returns the rest of it. What is fed next is another text."""
        rest = self._take(final=True)
        self._begin()
        self._in_key = False
        return rest

    def _take(self, *, final: bool) -> str:
        shown: list[str] = []
        while True:
            if self._in_key:
                end = _compiled(_KEY_END).search(self._raw)
                if end is None and len(self._raw) <= _KEY_CHARS:
                    return "".join(shown)
                self._begin(self._raw[end.end() if end else _KEY_CHARS :])
                self._in_key = False
            if (begin := _compiled(_KEY_BEGIN).search(self._raw)) is None:
                shown.append(self._send(len(self._raw) if final else self._finished()))
                return "".join(shown)
            shown += [self._send(begin.start()), MARK.format("private key")]
            begin = _compiled(_KEY_BEGIN).search(self._raw)
            self._begin(self._raw[begin.end() :] if begin else "")
            self._in_key = True

    def _finished(self) -> int:
        """How much of the text can hold no secret that is not whole yet."""
        end = len(self._raw)
        at = self._word
        if end - at > _WORD_CHARS or not self._raw[at:].strip("."):  # dots that show progress
            at = end
        header = _compiled(_KEY_MAY_BEGIN).search(self._raw, max(0, end - 200))
        return min(at, header.start() if header else len(self._raw.rstrip("-")))

    def _send(self, until: int) -> str:
        """What of the text up to `until` was not sent yet; what lies far back is forgotten."""
        if until <= self._until:
            return ""
        text = redact(self._raw[:until])
        new = text[len(self._sent) :] if text.startswith(self._sent) else text[_common(text, self._sent) :]
        self._sent, self._until = text, until
        if until > 4 * _WINDOW:
            self._forget(until - _WINDOW)
        return new

    def _forget(self, cut: int) -> None:
        """Forget what was sent before the first white space behind `cut`; in a very long word, all that was sent."""
        while cut < self._until and not self._raw[cut - 1].isspace():
            cut += 1
        if cut < self._until or self._until > _WORD_CHARS:
            self._raw, self._until, self._word = self._raw[cut:], self._until - cut, max(0, self._word - cut)
            self._sent = redact(self._raw[: self._until])


def _common(one: str, other: str) -> int:
    """How many characters at the beginning are the same."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))
