"""Defines the types of lsprotocol when somebody asks for them, one by one.

Importing `lsprotocol.types` builds 550 attrs classes, which took a fifth of the CPU from the start of the server to the first model
request. pygls needs two dozen of them to serve us: what the editor sends is decoded by msgspec. The definitions are lsprotocol's own,
run as they are, each after those that it names; only the order is another. Where that does not work, all of them are run.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import Callable, Sequence
from importlib.abc import InspectLoader, Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import CodeType, ModuleType
from typing import Any

log = logging.getLogger(__name__)
MODULE = "lsprotocol.types"
TABLES = frozenset(("ALL_TYPES_MAP", "METHOD_TO_TYPES"))
"""Dictionaries of all types. pygls imports them by name, and looks into them only for what we do not use."""
_DEFINITION = re.compile(
    r"^(?:(?:@\w+\.[^\n]*\n)*class (\w+)|def (\w+)|([A-Za-z_]\w*)(?:: [^=\n]*)? = )", re.MULTILINE
)
"""The start of a definition in the first column; no line of a docstring looks like one."""


def define_types_when_used() -> None:
    """From here on importing `lsprotocol.types` defines nothing; if it is imported already, nothing happens."""
    if MODULE not in sys.modules and not any(isinstance(one, _TypesFinder) for one in sys.meta_path):
        sys.meta_path.insert(0, _TypesFinder())


class _TypesFinder(MetaPathFinder):
    """Finds that one module; everything else is found as usual."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != MODULE:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, InspectLoader):
            source = spec.loader.get_source(fullname) or ""  # none where only bytecode is installed
            if _DEFINITION.search(source):
                spec.loader = TypesLoader(source)
        return spec


class TypesLoader(Loader):
    """Runs what comes before the first definition, and each definition when its name is asked for."""

    def __init__(self, source: str) -> None:
        self._source = source

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        source, found = self._source, list(_DEFINITION.finditer(self._source))
        ends = [match.start() for match in found[1:]] + [len(source)]
        names = [match[1] or match[2] or match[3] for match in found]
        texts = {
            name: source[match.start() : end] for name, match, end in zip(names, found, ends, strict=True)
        }
        exec(_compiled(source[: found[0].start()]), module.__dict__)
        definitions = _Definitions(module.__dict__, texts, source)
        module.__dict__["__getattr__"] = definitions.get
        module.__dict__["__dir__"] = lambda: sorted({*module.__dict__, *texts})


class _Definitions:
    """The definitions of a module by name, of which some were run."""

    def __init__(self, names: dict[str, Any], texts: dict[str, str], source: str) -> None:
        self._names = names
        self._texts = texts
        self._source = source
        self._lock = threading.RLock()
        self._running = set[str]()
        self._tables = {name: _Table(self._filler(name)) for name in TABLES & texts.keys()}

    def get(self, name: str) -> Any:
        """Return the value of a name. Raises AttributeError if the module has no such name."""
        if name not in self._texts:
            raise AttributeError(f"module {MODULE!r} has no attribute {name!r}")
        if name in self._tables and name not in self._names:
            return self._tables[name]
        self._define(name)
        return self._names[name]

    def _filler(self, name: str) -> Callable[[], None]:
        return lambda: self._define(name)

    def _define(self, name: str) -> None:
        """Run a definition, after those of all names that it, or a function in it, mentions."""
        if name in self._names:
            return
        with self._lock:
            if name in self._names or name in self._running:
                return
            self._running.add(name)
            try:
                code = _compiled(self._texts[name])
                for one in _mentioned(code) & self._texts.keys():
                    self._define(one)
                if name not in self._names:
                    exec(code, self._names)
            except (SyntaxError, NameError):
                log.warning("%s is imported as a whole: it cannot be in parts", MODULE, exc_info=True)
                defined = dict(self._names)
                exec(_compiled(self._source), self._names)
                self._names.update(defined)
            self._running.discard(name)
            if name in self._tables:
                self._tables[name].update(self._names[name])
                self._names[name] = self._tables[name]


def _compiled(text: str) -> CodeType:
    return compile(text, MODULE, "exec", dont_inherit=True)  # nor the __future__ of this module


def _mentioned(code: CodeType) -> set[str]:
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found |= _mentioned(constant)
    return found


class _Table(dict[Any, Any]):
    """A dictionary that is filled when somebody looks into it."""

    def __init__(self, fill: Callable[[], None]) -> None:
        super().__init__()
        self.fill = fill


def _filled_first(name: str) -> Callable[..., Any]:
    real = getattr(dict, name)

    def read(self: _Table, *arguments: Any) -> Any:
        self.fill()
        return real(self, *arguments)

    return read


for _name in ("__getitem__", "__contains__", "__iter__", "__len__", "__eq__", "__repr__", "get", "keys", "values", "items"):  # fmt: skip
    setattr(_Table, _name, _filled_first(_name))
