"""How often a change that a person committed would be refused as a lazy rewrite.

    python benchmarks/lazy_rewrites.py REPOSITORY ... [--commits N=2500]

Each modified text file of the last N commits is taken as a `write_file` of the new text over the old one. Prints for each
repository the number of such edits and of those refused, with the line that was taken for omitted text.
"""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from mazu_ls.tools.edit.elisions import find_elision
from mazu_ls.tools.edit.omitted_text import find_omission
from mazu_ls.workspace.text import split_lines

MAX_BYTES = 500_000


def changed_files(repository: Path, commits: int) -> Iterator[tuple[str, str, str]]:
    """Path, text before and text after of each modified file."""
    git = ["git", "-C", str(repository)]
    listed = subprocess.run(
        [*git, "log", "--no-merges", f"-n{commits}", "--diff-filter=M", "--raw", "--no-abbrev", "--format="],
        capture_output=True, check=True,
    )  # fmt: skip
    with subprocess.Popen(
        [*git, "cat-file", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as blobs:
        assert blobs.stdin and blobs.stdout
        for row in listed.stdout.decode("utf-8", "replace").splitlines():
            meta, _, path = row.partition("\t")
            texts: list[bytes] = []
            for blob in meta.split()[2:4]:
                blobs.stdin.write(blob.encode() + b"\n")
                blobs.stdin.flush()
                head = blobs.stdout.readline().split()
                texts.append(blobs.stdout.read(int(head[2])) if len(head) == 3 else b"\0")
                if len(head) == 3:
                    blobs.stdout.read(1)
            if max(map(len, texts)) > MAX_BYTES or any(b"\0" in text for text in texts):
                continue
            try:
                before, after = (text.decode() for text in texts)
            except UnicodeDecodeError:
                continue
            yield path, before, after
        blobs.stdin.close()


def main() -> None:
    """Print how many edits each repository has, and which are refused."""
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("repository", nargs="+", type=Path)
    given.add_argument("--commits", type=int, default=2500)
    options = given.parse_args()
    for repository in options.repository:
        edits, refused = 0, []
        for path, before, after in changed_files(repository, options.commits):
            edits += 1
            suffix, old = PurePosixPath(path).suffix.lower(), split_lines(before)
            line = find_elision(after, old, len(old), suffix) or find_omission(after, before, suffix)
            if line:
                refused.append((path, line))
        print(f"{repository}: {edits} edits, {len(refused)} refused")
        for path, line in refused:
            print(f"    {path}: {line}")


if __name__ == "__main__":
    main()
