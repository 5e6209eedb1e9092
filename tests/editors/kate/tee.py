"""Stands between an editor and its server and keeps what they say: `tee.py OUT.jsonl SERVER ...`.

One line per message: `{"from": "client" | "server", "message": {...}}`.
"""

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, TextIO


def pump(source: IO[bytes], sink: IO[bytes], name: str, record: TextIO, lock: threading.Lock) -> None:
    """Pass messages on, byte for byte, until either side is closed."""
    while header := source.readline():
        head, length = header, 0
        while header.strip():
            field, _, value = header.partition(b":")
            if field.lower() == b"content-length":
                length = int(value)
            header = source.readline()
            head += header
        body = source.read(length)
        with lock:
            record.write(json.dumps({"from": name, "message": json.loads(body)}) + "\n")
        try:
            sink.write(head + body)
            sink.flush()
        except (BrokenPipeError, ValueError):
            return
    sink.close()


def main(path: str, *command: str) -> int:
    """Run the server; its exit code."""
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdin and server.stdout
    lock = threading.Lock()
    with Path(path).open("a", buffering=1, encoding="utf-8") as record:
        asked = (sys.stdin.buffer, server.stdin, "client", record, lock)
        threading.Thread(target=pump, args=asked, daemon=True).start()
        pump(server.stdout, sys.stdout.buffer, "server", record, lock)
        return server.wait(10)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
