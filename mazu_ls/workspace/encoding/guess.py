"""Guesses the encoding of text that is no UTF-8: candidates by charset-normalizer, ranked by plausible characters.

charset-normalizer excludes impossible encodings; of short text, such as a source file with one comment, many remain.
The ranking then asks whether the characters are ones that people write (`plausibility.py`).
"""

from __future__ import annotations

import codecs
import re
from functools import lru_cache
from typing import NamedTuple

from mazu_ls.workspace.encoding.letters import ALPHABETS, SCRIPTS
from mazu_ls.workspace.encoding.plausibility import plausibility

CANDIDATES = (
    "cp1252", "cp932", "euc_jp", "gb18030", "big5", "cp949", "cp1251", "koi8_r", "koi8_u", "cp866", "cp1250", "latin_1",
    "iso8859_15", "iso8859_2", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp874", "iso8859_5", "iso8859_7",
    "iso8859_6", "mac_roman", "cp850", "cp1125", "cp852", "cp737", "cp862", "cp857",
    "euc_jis_2004", "big5hkscs", "mac_cyrillic", "mac_greek", "cp855", "iso8859_13", "iso8859_4", "mac_latin2", "cp775",
)  # fmt: skip
"""In order of preference if they are equally plausible."""
SELDOM = frozenset({"mac_cyrillic", "mac_greek", "cp855", "iso8859_4", "mac_latin2", "cp775"})
"""Rivals, mostly: a text is read so only where it is much more plausible, since hardly any file is in them."""
SAMPLED = 1 << 12
"""Bytes of lines with non-ASCII text that are examined."""
BEFORE = 64
"""Bytes kept before the first non-ASCII byte of a line that is longer than the sample."""
NEAR = 0.3
"""Encodings whose plausibility is this close to the best one's are rivals; the more text there is, the closer they must
be."""
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
ENOUGH = 4
"""Characters from which on a guess counts as certain."""


class EncodingGuess(NamedTuple):
    """The most plausible encoding, those nearly as plausible, whether there was enough text to decide, and the
    plausibility."""

    encoding: str
    rivals: tuple[str, ...]
    sure: bool
    score: float


def guess_encoding(data: bytes) -> EncodingGuess | None:
    """Return the encoding of text that is no UTF-8; None if it fits none."""
    return _guess(*_sample(data))


@lru_cache(maxsize=128)
def _guess(sample: bytes, is_cut: bool) -> EncodingGuess | None:
    from charset_normalizer import from_bytes

    decoded: dict[str, str] = {}
    for encoding in CANDIDATES:
        try:
            # A sample that was cut may end within a character.
            decoded[encoding] = codecs.getincrementaldecoder(encoding)().decode(sample, final=not is_cut)
        except UnicodeDecodeError:
            continue
    if not decoded:
        return None
    found = from_bytes(sample, cp_isolation=list(decoded), preemptive_behaviour=False)
    fitting = {name for match in found for name in (match.encoding, *match.could_be_from_charset)}
    scores = {name: plausibility(text, name) for name, text in decoded.items()}
    ranked = sorted(
        decoded,
        key=lambda name: (
            -scores[name] - 0.1 * (name in fitting) + 0.35 * (name in SELDOM),
            CANDIDATES.index(name),
        ),
    )
    best = ranked[0]
    count = sum(not char.isascii() for char in decoded[best])
    near = NEAR * min(1.0, (ENOUGH / max(count, 1)) ** 0.5)
    rivals = tuple(name for name in ranked[1:] if scores[name] >= scores[best] - near)
    return EncodingGuess(best, rivals, count >= ENOUGH and scores[best] > 0.3, scores[best])


def same_letters(encoding: str) -> frozenset[str]:
    """Return the encodings, by Python's names, for the same languages."""
    groups = {name: SCRIPTS.get(name) or ALPHABETS.get(name) or name for name in CANDIDATES}
    ours = {codecs.lookup(name).name: group for name, group in groups.items()}
    return frozenset(name for name, group in ours.items() if group == ours.get(encoding))


def _sample(data: bytes) -> tuple[bytes, bool]:
    """Return lines with non-ASCII text, at most 2 * SAMPLED + BEFORE bytes; and whether the last one was cut at its
    end."""
    lines: list[bytes] = []
    size = 0
    is_cut = False
    for line in data.split(b"\n"):
        if found := _NOT_ASCII.search(line):
            # Of a long line, such as a minified script, the part around its first non-ASCII byte.
            end = found.start() + SAMPLED
            is_cut = end < len(line)
            lines.append(line[max(0, found.start() - BEFORE) : end] if len(line) > SAMPLED else line)
            size += len(lines[-1])
            if size > SAMPLED or is_cut:
                break
    return b"\n".join(lines), is_cut
