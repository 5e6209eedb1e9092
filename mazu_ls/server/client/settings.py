"""The editor's settings: the section `mazu`, in every way a client sends it.

`initializationOptions`, sent by whatever starts the server, are the user's own. Later settings are so only if the
client says that it separates them (`experimental.mazu.ownSettings`): many mix in what a project's files say
(`.dir-locals.el`, `.sublime-project`, `.neoconf.json`), so those may only tighten, like a project's.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from mazu_ls.config.project_settings import WORKSPACE_VALUES
from mazu_ls.server.client.editor import ConnectedEditor
from mazu_ls.server.rpc.client_requests import ClientError

logger = logging.getLogger(__name__)
PULL_SECONDS = 3.0
SECTION = "mazu"
TOKEN = "token"


def initial_settings(options: Any) -> Mapping[str, Any]:
    """Return `initializationOptions`: the section itself, or an object that holds it."""
    if not isinstance(options, dict):
        return {}
    section = options.get(SECTION, options)
    if not isinstance(section, dict):
        return {}
    return cleaned({name: value for name, value in section.items() if name != TOKEN})


def pushed_settings(editor: ConnectedEditor, settings: Any) -> Mapping[str, Any] | None:
    """Return the settings in a didChangeConfiguration; None if the client wants to be asked."""
    if not isinstance(settings, dict) or not isinstance(settings.get(SECTION), dict):
        return None
    return _attributed(editor, cleaned(settings[SECTION]))


async def pulled_settings(editor: ConnectedEditor) -> Mapping[str, Any] | None:
    """Request `workspace/configuration` if the client supports it."""
    if editor.profile.declares("workspace.configuration") is not True:
        return None
    try:
        answer = await editor.link.ask(
            "workspace/configuration", {"items": [{"section": SECTION}]}, PULL_SECONDS
        )
    except (ClientError, TimeoutError) as error:
        logger.warning("The editor did not send its settings: %s", error)
        return None
    section = answer[0] if isinstance(answer, list) and answer else None
    return _attributed(editor, cleaned(section)) if isinstance(section, dict) else None


def _attributed(editor: ConnectedEditor, told: dict[str, Any]) -> Mapping[str, Any]:
    """Return `told` with what a project may have written under `WORKSPACE_VALUES`."""
    if editor.profile.opted("ownSettings"):
        return told
    brought = without(told, editor.own_settings)
    return {**editor.own_settings, WORKSPACE_VALUES: brought} if brought else editor.own_settings


def without(values: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that differ in `known`."""
    left: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and isinstance(other := known.get(key), Mapping):
            if inner := without(value, other):
                left[key] = inner
        elif key not in known or known[key] != value:
            left[key] = value
    return left


def cleaned(section: Mapping[str, Any]) -> dict[str, Any]:
    """Return the section without the nulls that editors send for unset settings, and with dotted keys unfolded."""
    clean: dict[str, Any] = {}
    for key, given in section.items():
        value = cleaned(given) if isinstance(given, Mapping) else given
        if value is None or value == {}:
            continue
        *tables, last = key.split(".")
        place = clean
        for table in tables:
            if not isinstance(place.get(table), dict):
                place[table] = {}
            place = place[table]
        if isinstance(value, dict) and isinstance(place.get(last), dict):
            place[last].update(value)
        else:
            place[last] = value
    return clean
