"""The result of a scan of the folders."""

from __future__ import annotations

from msgspec import Struct, field

from mazu_ls.checkpoints.git.objects import TreeEntry
from mazu_ls.checkpoints.models import SkippedFile
from mazu_ls.checkpoints.scan.read_files import FileSnapshot


class ScanResult(Struct):
    """The result of a scan, as changes to the base tree.

    `captured` are the files that were read (None: no file there), `folders` the permission bits of folders that were looked at
    (None: no folder there), `skipped` is by shown path, `sparse` the files that a sparse checkout leaves out (None: not checked). `everywhere`: every file was scanned. `verified`: the status of every
    known file was compared, and a file watcher knew the new ones. `complete`: every file was scanned, or a file watcher
    knew all changes.
    """

    changes: dict[bytes, TreeEntry | None] = field(default_factory=dict)
    captured: dict[bytes, FileSnapshot | None] = field(default_factory=dict)
    folders: dict[bytes, int | None] = field(default_factory=dict)
    skipped: dict[str, SkippedFile] = field(default_factory=dict)
    sparse: bytes | None = None
    everywhere: bool = False
    verified: bool = False
    complete: bool = True
