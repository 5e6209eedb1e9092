"""What a scan of the folders found."""

from __future__ import annotations

from msgspec import Struct, field

from mazu_ls.checkpoints.git.objects import TreeEntry
from mazu_ls.checkpoints.models import SkippedFile
from mazu_ls.checkpoints.scan.read_files import FileSnapshot


class ScanResult(Struct):
    """What a look at the folders found, as changes to the base tree.

    `captured` are the files that were looked at (None: no file there), `skipped` is by shown path, `sparse` the
    files that a sparse checkout leaves out (None: not looked at). `everywhere`: every file was looked at. `complete`: so,
    or a watch knew all that changed.
    """

    changes: dict[bytes, TreeEntry | None] = field(default_factory=dict)
    captured: dict[bytes, FileSnapshot | None] = field(default_factory=dict)
    skipped: dict[str, SkippedFile] = field(default_factory=dict)
    sparse: bytes | None = None
    everywhere: bool = False
    complete: bool = True
