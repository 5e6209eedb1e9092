"""Checkpoints of code, unsaved buffers, memory, skills and conversation, and rollback to each of them."""

from mazu_ls.checkpoints.engine import Checkpoints
from mazu_ls.checkpoints.models import Checkpoint, RollbackReport
from mazu_ls.checkpoints.restore.rollback_plan import RollbackPlan
from mazu_ls.checkpoints.snapshot_part import SnapshotPart

__all__ = ["Checkpoint", "Checkpoints", "RollbackPlan", "RollbackReport", "SnapshotPart"]
