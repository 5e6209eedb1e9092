"""The SQLite worker: what a cancelled caller leaves behind."""

import asyncio
import gc
import logging
import threading
from pathlib import Path
from typing import Any

import pytest

from mazu_ls.errors import Kind, MazuError
from mazu_ls.state.store import Store


async def test_a_failure_after_a_cancelled_call_is_logged_once_and_not_left_in_a_future(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.WARNING)
    unretrieved: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unretrieved.append(context))
    store = await Store.open(tmp_path / "memory.db", [])
    begun, go = threading.Event(), threading.Event()

    def fail(_: object) -> None:
        begun.set()
        go.wait()
        raise MazuError(Kind.STORAGE, "The disk is full.", "Free some space.")

    try:
        call = asyncio.create_task(store.read(fail))
        await asyncio.to_thread(begun.wait)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        go.set()
        assert await store.read(lambda _: 1) == 1  # the one worker is through with the other call
        await asyncio.sleep(0)
        del call
        gc.collect()
        assert not unretrieved
        assert [one.message for one in caplog.records] == [
            "memory.db: after its caller was cancelled: The disk is full."
        ]
    finally:
        await store.close()
