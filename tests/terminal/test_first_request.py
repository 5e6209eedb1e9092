"""What a first turn starts before its request has left: nothing that would compete with it."""

import os
import select
import socket
import subprocess
import sys
from pathlib import Path

import psutil

from tests.terminal.terminal import project

BEGUN = b'event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":"message","role":"assistant","model":"m","content":[],"usage":{"input_tokens":1,"output_tokens":1}}}\n\n'


def drawing(process: psutil.Process) -> list[psutil.Process]:
    """The processes of the project map below a process."""
    return [one for one in process.children(recursive=True) if "project_map" in " ".join(one.cmdline())]


def test_the_project_map_is_drawn_once_the_first_request_has_left(tmp_path: Path):
    root = project(tmp_path)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("MAZU_", "ANTHROPIC_", "OPENAI_"))
        }
        env = {
            **kept, "HOME": str(tmp_path), "MAZU_HOME": str(tmp_path / "home"), "MAZU_STATE_HOME": str(tmp_path / "state"),
            "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{listener.getsockname()[1]}", "ANTHROPIC_API_KEY": "test-key",
        }  # fmt: skip
        chat = subprocess.Popen(
            [sys.executable, "-m", "mazu_ls", "chat", "hello"], cwd=root, env=env,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            watched, seen = psutil.Process(chat.pid), list[psutil.Process]()
            while not select.select([listener], [], [], 0.02)[0]:
                assert chat.poll() is None
                seen += drawing(watched)
            assert seen == []
            connection, _ = listener.accept()
            with connection:
                assert connection.recv(64).startswith(b"POST")
                assert drawing(watched) == []
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + BEGUN)
                while not drawing(watched):
                    assert chat.poll() is None
        finally:
            chat.kill()
            chat.wait()
