"""Regular expressions that are compiled when they are first used: compiling all of them was a tenth of a short command."""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast


class LazyPattern:
    """Looks like the compiled pattern, for everything that has been asked of it once at the same speed."""

    def __init__(self, pattern: str | bytes, flags: int) -> None:
        self._pattern, self._flags = pattern, flags

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.compiled(), name)
        setattr(self, name, value)
        return value

    def compiled(self) -> re.Pattern[Any]:
        """Return the compiled pattern."""
        return re.compile(self._pattern, self._flags)


def lazy_pattern(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """Return the pattern; it is compiled at its first use, which may raise re.error, in any thread."""
    return cast("re.Pattern[AnyStr]", LazyPattern(pattern, flags))
