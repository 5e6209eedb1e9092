"""Checkpoints of code, unsaved buffers, memory, skills and conversation, and the way back to each of them."""

from mazu_ls.checkpoints.engine import Checkpoints
from mazu_ls.checkpoints.part import Part
from mazu_ls.checkpoints.plan import Plan
from mazu_ls.checkpoints.records import Checkpoint, RollbackReport

__all__ = ["Checkpoint", "Checkpoints", "Part", "Plan", "RollbackReport"]
