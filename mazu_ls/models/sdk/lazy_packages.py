"""Imports of an SDK only what is used: its packages import a name when somebody asks for it.

`import anthropic` reads 2,800 modules of types, for every endpoint there is, which takes 1 s of CPU and 70 MiB; a request needs
none of them. The modules themselves are imported as they are: only the `__init__` files, which import everything so that it can be
written as `package.Name`, are not run. Where that does not work, the SDK is imported as usual.
"""

from __future__ import annotations

import importlib
import logging
import re
import sys
import threading
from collections.abc import Callable, Sequence
from importlib.abc import InspectLoader, Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

log = logging.getLogger(__name__)
_FROM = re.compile(r"^from \.([\w.]+) import (\([^)]*\)|[^\n]+)", re.MULTILINE)
_NAME = re.compile(r"(\w+)(?:\s+as\s+(\w+))?")
_COMMENT = re.compile(r"#.*")
DEFERRED = frozenset(("anthropic.lib._tracing",))
"""Packages whose functions are imported when they are first called: each call of the API is followed by one, if traces are on."""
OF_ERRORS = frozenset(("anthropic._error_classes",))
"""Modules whose functions are called for an answer that is an error, and which import a class for each error there is."""
_FUNCTION = re.compile(r"^def (\w+)", re.MULTILINE)
_lock = threading.Lock()


def import_lazily(sdk: str) -> ModuleType:
    """Import an SDK whose packages are not run; all of it if that fails. Nothing happens if it is imported already."""
    with _lock:
        if sdk in sys.modules:
            return sys.modules[sdk]
        finder = _PackageFinder(sdk)
        sys.meta_path.insert(0, finder)
        try:
            package = importlib.import_module(sdk)
            importlib.import_module(f"{sdk}._client")
            return package
        except Exception:
            log.warning("%s is imported as a whole: it cannot be imported in parts", sdk, exc_info=True)
            sys.meta_path.remove(finder)
            for name in [name for name in sys.modules if name == sdk or name.startswith(f"{sdk}.")]:
                del sys.modules[name]
            return importlib.import_module(sdk)


def import_errors(sdk: str) -> None:
    """Import what the SDK needs for an answer that is an error (45 ms of CPU), before it needs it. Call it in a thread."""
    for name in OF_ERRORS:
        if name.startswith(f"{sdk}.") and isinstance(module := sys.modules.get(name), _LateModule):
            module.import_now()


class _PackageFinder(MetaPathFinder):
    """Finds the packages of one SDK; its modules are found as usual."""

    def __init__(self, sdk: str) -> None:
        self._sdk = sdk

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._sdk and not fullname.startswith(f"{self._sdk}."):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.submodule_search_locations is not None and spec.loader is not None:
            spec.loader = _PackageLoader(spec.loader)
        elif spec is not None and fullname in OF_ERRORS and isinstance(spec.loader, InspectLoader):
            functions = frozenset(_FUNCTION.findall(spec.loader.get_source(fullname) or ""))
            spec.loader = _FunctionsLoader(spec.loader, functions)
        return spec


class _PackageLoader(Loader):
    """Gives a package the names that its `__init__` imports, one by one; for any other name the `__init__` is run after all."""

    def __init__(self, usual: Loader) -> None:
        self._usual = usual

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        table: dict[str, str] | None = None

        def get(name: str) -> Any:
            nonlocal table
            if table is None:
                table = _imported_names(module)
            if (place := table.get(name)) is not None:
                found = _found(module.__name__, place, name)
            elif name.startswith("__"):
                raise AttributeError(name)
            elif (found := _submodule(f"{module.__name__}.{name}")) is None:
                del module.__dict__["__getattr__"]
                log.info("%s is imported as a whole, because of %s", module.__name__, name)
                self._usual.exec_module(module)
                return getattr(module, name)
            module.__dict__[name] = found
            return found

        module.__dict__["__getattr__"] = get


class _LateModule(ModuleType):
    """A module that is run when one of its functions is called, or when anything else of it is asked for."""

    def begin(self, usual: Loader, functions: frozenset[str]) -> None:
        """Give it what it is run with, and the names of its functions."""
        self._usual: Loader | None = usual
        self._functions = functions
        self._running = threading.Lock()

    def import_now(self) -> None:
        """Run it, once. Raises what that raises."""
        with self._running:
            if self._usual is not None:
                self._usual.exec_module(self)
                self._usual = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or self._usual is None:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        if name not in self._functions:
            self.import_now()
            return getattr(self, name)

        def real() -> Any:
            self.import_now()
            return self.__dict__[name]

        return _deferred(real)


class _FunctionsLoader(Loader):
    """Makes late modules."""

    def __init__(self, usual: Loader, functions: frozenset[str]) -> None:
        self._usual, self._functions = usual, functions

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return _LateModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        assert isinstance(module, _LateModule)
        module.begin(self._usual, self._functions)


def _imported_names(package: ModuleType) -> dict[str, str]:
    """Return the module, relative to the package, from which its `__init__` imports each name."""
    assert package.__spec__ is not None
    text = _COMMENT.sub("", Path(str(package.__spec__.origin)).read_text(encoding="utf-8"))
    return {
        alias or name: f"{module}:{name}"
        for module, names in _FROM.findall(text)
        for name, alias in _NAME.findall(names)
    }


def _found(package: str, place: str, name: str) -> Any:
    module, _, original = place.partition(":")

    def real() -> Any:
        return getattr(importlib.import_module(f"{package}.{module}"), original)

    return _deferred(real) if package in DEFERRED and name.islower() else real()


def _deferred(real: Callable[[], Any]) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        return real()(*arguments, **named)

    return call


def _submodule(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        return None
