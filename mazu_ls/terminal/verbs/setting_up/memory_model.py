"""`mazu-ls memory model`: which sentence encoders there are for recall; downloads one after asking, and uses it."""

from __future__ import annotations

import os
import shlex
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mazu_ls.config import config, config_files
from mazu_ls.errors import InvalidArguments
from mazu_ls.memory.hub.model_download import (
    address_of,
    download_model,
    hub_address,
    is_complete,
    models_folder,
    remove_model,
)
from mazu_ls.memory.hub.published_models import PUBLISHED_MODELS, find_published
from mazu_ls.terminal.chat.question_keys import Ask, QuestionOption
from mazu_ls.terminal.exit_status import FAILED, UNANSWERED
from mazu_ls.terminal.screen.printing import print_json, print_text
from mazu_ls.terminal.surfaces.plain_surface import PlainSurface
from mazu_ls.terminal.verbs.stored_settings import remove_setting, settings_file, store_setting

if TYPE_CHECKING:
    import argparse

    from mazu_ls.memory.hub.published_models import PublishedModel
    from mazu_ls.terminal.project_root import ProjectRoot

SETTING = "memory.embeddings"
NEEDED = ("onnxruntime", "tokenizers")
MB = 1_000_000


async def run(given: argparse.Namespace, root: ProjectRoot) -> int:
    """List the models, or use one of them, none, or remove one."""
    del root
    as_json = bool(getattr(given, "json", False))
    if given.name is None:
        _list(as_json)
        return 0
    if given.name == "none":
        removed = remove_setting(SETTING)
        _said(
            {"model": None, "removed": removed},
            f"{SETTING}: {'removed' if removed else 'was not set'}",
            as_json,
        )
        return 0
    if (model := find_published(given.name)) is None:
        names = ", ".join(model.name for model in PUBLISHED_MODELS)
        message = f"there is no model {given.name!r}; there are {names}. A folder or an endpoint of your own: mazu-ls config set {SETTING} …"
        raise InvalidArguments(message, "name")
    if given.remove:
        _remove(model, as_json)
        return 0
    return await use_model(model, as_json, agreed=given.yes)


async def use_model(model: PublishedModel, as_json: bool, *, agreed: bool) -> int:
    """Download a model if the user agrees, store it as the setting, print that; return the exit status."""
    folder = models_folder() / model.name
    if not agreed and not is_complete(model, folder):
        surface = PlainSurface()
        if not surface.interactive:
            print_text(
                f"{_asked(model)}\nNothing was downloaded: nobody can be asked here. --yes agrees.",
                sys.stderr,
            )
            return UNANSWERED
        options = (QuestionOption("y", "download it"), QuestionOption("n", "leave it"))
        if (await surface.ask(Ask(f"Download {model.name}?", options, _asked(model)), None)).key != "y":
            print_text("Nothing was downloaded.", sys.stderr)
            return FAILED
    folder = await download_model(model, progress=_Progress(model))
    stored = store_setting(SETTING, str(folder))
    missing = _missing()
    said = f"{SETTING}: stored in {stored}. Used from the next start on; memories get their vectors in the background."
    _said(
        {"model": model.name, "folder": str(folder), "storedIn": str(stored), "missing": missing},
        said,
        as_json,
    )
    if missing:
        print_text(_how_to_install(missing), sys.stderr)
    return 0


def _asked(model: PublishedModel) -> str:
    """What the user has to know before the download: size, licence, address, hashes, what else is needed."""
    hub = hub_address(os.environ)
    lines = [
        f"A sentence encoder ({model.languages}) of {model.size / MB:.0f} MB; licence: {model.licence}. It runs on this machine;",
        f"no text leaves it. It is kept in {models_folder() / model.name}.",
        *(
            f"{address_of(model, file, hub)}\n  {file.size:,} bytes, SHA-256 {file.sha256}"
            for file in model.files
        ),
        *([_how_to_install(missing)] if (missing := _missing()) else []),
    ]
    return "\n".join(lines)


def _missing() -> list[str]:
    return [name for name in NEEDED if find_spec(name) is None]


def _how_to_install(missing: list[str]) -> str:
    return f"It also needs {' and '.join(missing)}: `pipx inject mazu-ls {' '.join(missing)}`."


def _remove(model: PublishedModel, as_json: bool) -> None:
    unset = _named_folder() == models_folder() / model.name and remove_setting(SETTING)
    removed = remove_model(model)
    said = f"{model.name}: {'removed' if removed else 'was not downloaded'}"
    _said(
        {"model": model.name, "removed": removed},
        f"{said}; {SETTING} is no longer set" if unset else said,
        as_json,
    )


def _list(as_json: bool) -> None:
    used = _named_folder()
    rows: list[dict[str, Any]] = [
        {
            "name": model.name, "languages": model.languages, "bytes": model.size, "licence": model.licence,
            "downloaded": is_complete(model, folder := models_folder() / model.name), "used": folder == used,
        }
        for model in PUBLISHED_MODELS
    ]  # fmt: skip
    if as_json:
        print_json({"models": rows})
        return
    for row in rows:
        state = "used" if row["used"] else "downloaded" if row["downloaded"] else ""
        print_text(
            f"{row['name']:<38} {row['languages']:<20} {row['bytes'] / MB:>4.0f} MB  {row['licence']:<11} {state}".rstrip()
        )
    if used is not None and not any(row["used"] for row in rows):
        print_text(f"{SETTING} is {shlex.quote(str(used))}, which is none of these.")
    print_text(
        "Each is added to the built-in model; `mazu-ls memory model NAME` asks, downloads it and uses it."
    )


def _named_folder() -> Path | None:
    """Return the folder that the user's own settings name for the model."""
    layer, _ = config_files.read_layer(settings_file())
    named = config.load([layer] if layer else []).config.memory.embeddings
    return Path(named).expanduser() if named else None


def _said(result: dict[str, Any], text: str, as_json: bool) -> None:
    if as_json:
        print_json(result)
    else:
        print_text(text)


class _Progress:
    """Shows how much is there, on a terminal: each tenth of a megabyte is one line that the next one replaces."""

    def __init__(self, model: PublishedModel) -> None:
        self._model = model
        self._shown = -1

    def __call__(self, done: int) -> None:
        if sys.stderr.isatty() and (done * 10 // MB != self._shown or done == self._model.size):
            self._shown = done * 10 // MB
            end = "\n" if done == self._model.size else ""
            sys.stderr.write(f"\r{done / MB:.1f} of {self._model.size / MB:.1f} MB{end}")
            sys.stderr.flush()
