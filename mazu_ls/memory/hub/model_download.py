"""Downloads a sentence encoder from the hub, after the user agreed to it: resumed, checked by hash, complete or absent."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urlsplit

from mazu_ls.errors import Kind, MazuError
from mazu_ls.platform.file_lock import try_lock
from mazu_ls.state import paths

if TYPE_CHECKING:
    import httpx2

    from mazu_ls.memory.hub.published_models import PublishedFile, PublishedModel

HUB = "https://huggingface.co"
_SECONDS = 60.0
"""For which the hub may be silent."""
_REDIRECTS = 5
_CHUNK = 1 << 18
_SOURCE = "SOURCE.txt"
_MIRROR = "HF_ENDPOINT in the environment names another address of the hub; HTTPS_PROXY a proxy."
Progress = Callable[[int], None]
"""Is given the bytes of the model that are there so far."""


def models_folder(env: Mapping[str, str] = os.environ) -> Path:
    """Return the folder with one folder for each downloaded model (not created)."""
    return paths.mazu_home(env) / "models"


def hub_address(env: Mapping[str, str]) -> str:
    """Return the address of the hub: of HF_ENDPOINT, if it is set. Raises MazuError(config) if that is no address."""
    address = (env.get("HF_ENDPOINT") or HUB).rstrip("/")
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and parts.hostname is not None
    except ValueError:
        usable = False
    if not usable:
        raise MazuError(Kind.CONFIG, f"HF_ENDPOINT is no http or https address: {address}.", "Correct it.")
    return address


def address_of(model: PublishedModel, file: PublishedFile, hub: str) -> str:
    """Return the address of a file at the pinned revision."""
    return f"{hub}/{model.repository}/resolve/{model.revision}/{file.path}"


def is_complete(model: PublishedModel, folder: Path) -> bool:
    """Return whether all files of a model are in its folder, by their sizes."""
    try:
        return all((folder / file.name).stat().st_size == file.size for file in model.files)
    except OSError:
        return False


async def download_model(
    model: PublishedModel, env: Mapping[str, str] = os.environ, progress: Progress = lambda _: None
) -> Path:
    """Download a model into its folder, which is returned, unless its files are there with the right hashes.

    What an earlier attempt left is continued. Raises MazuError: config (offline), busy (another process downloads
    it), network, and storage if a file has not the hash that was published; then it is deleted.
    """
    folder = models_folder(env) / model.name
    if is_complete(model, folder) and not await asyncio.to_thread(_first_wrong, model, folder):
        return folder
    if env.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
        raise MazuError(
            Kind.CONFIG, "HF_HUB_OFFLINE is set: nothing is downloaded.", "Unset it, and try again."
        )
    hub = hub_address(env)
    made = paths.private_folder(paths.private_folder(folder.parent) / f"{model.name}.part")
    with (made / ".lock").open("ab") as lock:
        if not try_lock(lock.fileno()):
            message = f"{model.name} is being downloaded by another mazu-ls."
            raise MazuError(Kind.BUSY, message, "Wait for it.")
        await _fetch_missing(model, hub, made, progress)
        if wrong := await asyncio.to_thread(_first_wrong, model, made):
            (made / wrong.name).unlink()
            message = f"{wrong.name} of {address_of(model, wrong, hub)} is not the file that was published: its SHA-256 is another than {wrong.sha256}. It was deleted."
            raise MazuError(Kind.STORAGE, message, "Try again later, or with another HF_ENDPOINT.")
        (made / _SOURCE).write_text(_source(model), encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        made.rename(folder)
    (folder / ".lock").unlink(missing_ok=True)
    return folder


def remove_model(model: PublishedModel, env: Mapping[str, str] = os.environ) -> bool:
    """Delete a downloaded model and what attempts to download it left; return whether anything was there."""
    places = [models_folder(env) / name for name in (model.name, f"{model.name}.part")]
    there = [place for place in places if place.exists()]
    for place in there:
        shutil.rmtree(place)
    return bool(there)


async def _fetch_missing(model: PublishedModel, hub: str, made: Path, progress: Progress) -> None:
    import httpx2

    done = 0
    try:
        async with httpx2.AsyncClient(timeout=httpx2.Timeout(_SECONDS), max_redirects=_REDIRECTS) as client:
            for file in model.files:
                with (made / file.name).open("ab") as out:
                    await _fetch(
                        client, address_of(model, file, hub), file, out, lambda n, d=done: progress(d + n)
                    )
                    out.flush()
                    os.fsync(out.fileno())
                done += file.size
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, ImportError) as error:
        said = str(error) or type(error).__name__
        raise MazuError(
            Kind.NETWORK, f"{hub} cannot be used: {said}.", f"What is there is kept. {_MIRROR}"
        ) from error


async def _fetch(
    client: httpx2.AsyncClient, address: str, file: PublishedFile, out: BinaryIO, progress: Progress
) -> None:
    """Append what is missing of a file; begin anew where the server does not continue. No more than its size is kept."""
    have = out.seek(0, os.SEEK_END)
    if have > file.size:
        have = out.truncate(0)
    if have == file.size:
        progress(have)
        return
    async with _answer(client, address, have) as answer:
        if not (
            answer.status_code == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        ):
            have = out.truncate(0)
        async for chunk in answer.aiter_bytes(_CHUNK):
            have += len(chunk)
            if have > file.size:
                raise ValueError(f"{address} is larger than {file.size} bytes")
            await asyncio.to_thread(out.write, chunk)
            progress(have)
    if have < file.size:
        raise ValueError(f"{address} ended after {have} of {file.size} bytes")


@asynccontextmanager
async def _answer(client: httpx2.AsyncClient, address: str, have: int) -> AsyncIterator[httpx2.Response]:
    """The answer to a request for a file from byte `have` on. Redirects are followed, to storage of the hub, never out of TLS."""
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    request = client.build_request("GET", address, headers=headers)
    for _ in range(_REDIRECTS + 1):
        answer = await client.send(request, stream=True)
        try:
            if answer.next_request is None:
                if answer.status_code not in (200, 206):
                    raise ValueError(f"{address} answered {answer.status_code}")
                yield answer
                return
            following = answer.next_request
            if request.url.scheme == "https" and following.url.scheme != "https":
                raise ValueError(f"{address} redirects to an address without TLS")
            request = client.build_request("GET", following.url, headers=headers)
        finally:
            await answer.aclose()
    raise ValueError(f"{address} redirects too often")


def _first_wrong(model: PublishedModel, folder: Path) -> PublishedFile | None:
    """Return the first file without the published hash. Reads files."""
    for file in model.files:
        with (folder / file.name).open("rb") as opened:
            if hashlib.file_digest(opened, "sha256").hexdigest() != file.sha256:
                return file
    return None


def _source(model: PublishedModel) -> str:
    return (
        f"{model.name}, downloaded by mazu-ls.\nFrom {HUB}/{model.repository}, revision {model.revision}, a conversion of"
        f" {HUB}/{model.origin}.\nLicence: {model.licence}.\n"
    )
