"""The file that an internal error points to is there, and holds no key."""

from __future__ import annotations

import asyncio
import logging

from mazu_ls.server.logs import StderrLog, log_path, log_to_file


async def test_what_goes_wrong_stands_in_the_file_without_its_secrets(tmp_path):
    env = {"MAZU_STATE_HOME": str(tmp_path / "state")}
    before = list(logging.getLogger().handlers)
    await asyncio.to_thread(log_to_file, env)
    try:
        logging.getLogger("mazu_ls").warning("refused with key sk-ant-api03-%s", "a1" * 20)
    finally:
        for handler in set(logging.getLogger().handlers) - set(before):
            logging.getLogger().removeHandler(handler)
            handler.close()
    text = log_path(env).read_text()
    assert "refused with key" in text
    assert "a1a1" not in text


def test_a_wrong_log_call_is_no_failure_of_its_caller_and_a_long_traceback_keeps_its_end(capfd):
    handler = StderrLog()
    handler.setFormatter(logging.Formatter("%(message)s"))
    handler.emit(logging.LogRecord("x", logging.WARNING, "x.py", 1, "%d things", ("three",), None))
    assert "Logging error" in capfd.readouterr().err
    text = "first line\n" + "frame\n" * 2000 + "ValueError: the reason"
    handler.emit(logging.LogRecord("x", logging.WARNING, "x.py", 1, text, (), None))
    printed = capfd.readouterr().err
    assert len(printed) <= 4096
    assert printed.startswith("first line\n") and printed.endswith("ValueError: the reason\n")
