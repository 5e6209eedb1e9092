"""What redaction costs: plain text, and text made to be slow, at two sizes; then a stream of small pieces.

    python benchmarks/redaction.py

Prints CPU milliseconds and how they grow when the text is four times as long: 4 is linear, 16 quadratic. Exits with 1
where anything grows more than eightfold.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from mazu_ls.redact import StreamRedactor, redact

SMALL, FACTOR = 100_000, 4
SOURCE = Path(__file__).resolve().parent.parent / "mazu_ls" / "redact.py"
SHAPES = {
    "source code": SOURCE.read_text("utf-8"),
    "begin of a web token": "eyJaaaaaaaa-",
    "key of a provider": "sk-ant-api03-",
    "begin of a private key": "-----BEGIN PRIVATE KEY-----\n",
    "address with a password": "postgres://a:",
    "assignments": "password = '",
    "one long word": "a",
    "blanks": " \t",
}
LEAST_MS = 2.0
"""Shorter times than this are noise."""


def cpu_ms(text: str) -> float:
    """CPU milliseconds of one redaction."""
    begin = time.process_time()
    redact(text)
    return (time.process_time() - begin) * 1000


def main() -> int:
    """Measure every shape at both sizes."""
    redact(SHAPES["source code"])  # compiles the patterns
    worst = 0.0
    print(f"{'':26}{SMALL // 1000:>7} kB{FACTOR * SMALL // 1000:>7} kB{'growth':>9}   (CPU ms)")
    for name, unit in SHAPES.items():
        text = unit * (FACTOR * SMALL // len(unit) + 1)
        small, large = cpu_ms(text[:SMALL]), cpu_ms(text[: FACTOR * SMALL])
        growth = large / max(small, LEAST_MS)
        worst = max(worst, growth)
        print(f"{name:26}{small:10.1f}{large:10.1f}{growth:9.1f}")
    pieces = [SHAPES["source code"][at : at + 8] for at in range(0, len(SHAPES["source code"]), 8)]
    stream = StreamRedactor()
    begin = time.process_time()
    for piece in pieces:
        stream.feed(piece)
    stream.flush()
    print(
        f"a stream: {(time.process_time() - begin) * 1e6 / len(pieces):.0f} microseconds a piece of 8 characters"
    )
    return 0 if worst <= 2 * FACTOR else 1


if __name__ == "__main__":
    sys.exit(main())
