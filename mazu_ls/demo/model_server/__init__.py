"""A scripted model server that speaks the real wire formats: for tests, demo and benchmarks.

`async with ModelServer([{"text": "hello"}]) as server:` in process, or `python -m mazu_ls.demo.model_server SCRIPT.json
[--port N] [--port-file F]`.
"""

from mazu_ls.demo.model_server.http import HttpRequest
from mazu_ls.demo.model_server.script import FAULTS, ModelScript, ScriptedReply
from mazu_ls.demo.model_server.server import ModelServer

__all__ = ["FAULTS", "HttpRequest", "ModelScript", "ModelServer", "ScriptedReply"]
