"""Whether a line may run unasked: only if every word of every command in it is known, and known to be harmless."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from math import prod

from mazu_ls.agent.permissions import grammar
from mazu_ls.agent.permissions.commands import MAX_ARGVS, argvs
from mazu_ls.agent.permissions.expansions import UNKNOWN
from mazu_ls.agent.permissions.lexer import Redirect, Segment, lex
from mazu_ls.agent.permissions.programs import VARIABLE, WILD, Doubt, Programs
from mazu_ls.agent.permissions.rules import Place
from mazu_ls.agent.permissions.scan import RESERVED
from mazu_ls.agent.permissions.scope import MAX_VALUES, Scope
from mazu_ls.agent.permissions.words import Value, evaluate
