"""Opens the model of the setting `memory.embeddings`: at a provider's endpoint, or in a folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mazu_ls.errors import Kind, MazuError

if TYPE_CHECKING:
    from mazu_ls.config.config import Config
    from mazu_ls.memory.embeddings.text_encoder import TextEncoder


def open_encoder(config: Config, env: Mapping[str, str], warnings: list[str]) -> TextEncoder | None:
    """Return the encoder that the settings name. If it cannot be used, add a sentence for the user to `warnings` and
    return None; memory continues without it."""
    named = (config.memory.embeddings or "").strip()
    if not named or not config.memory.semantic:
        return None
    try:
        return (_from_folder if named.startswith(("~", "/", ".", os.sep)) else _at_endpoint)(
            named, config, env
        )
    except MazuError as error:
        warnings.append(f"The model of memory.embeddings is not used: {error.message} {error.hint}".strip())
        return None


def _from_folder(named: str, config: Config, env: Mapping[str, str]) -> TextEncoder:
    from mazu_ls.memory.embeddings.onnx_encoder import OnnxEncoder

    del config, env
    folder = Path(named).expanduser()
    # editors start servers in the opened project's folder, which is not the user's own
    if not folder.is_absolute():
        raise MazuError(Kind.CONFIG, f"{named} is no absolute path.", "Write the whole path, or one with ~.")
    return OnnxEncoder(folder)


def _at_endpoint(named: str, config: Config, env: Mapping[str, str]) -> TextEncoder:
    from mazu_ls.models.catalog import resolve_embeddings

    return resolve_embeddings(named, config, env)
