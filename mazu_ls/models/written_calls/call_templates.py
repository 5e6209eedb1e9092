"""Shapes of written calls that only one family of models uses, each between marks of its chat template.

Sources are the chat templates that the models are published with: DeepSeek V3 and R1, Kimi K2, GLM 4.5, MiniMax M2,
gpt-oss (harmony), DeepSeek V3.2 (DSML), Command R, Hunyuan, Llama 3 (`<|python_tag|>` and calls as in Python),
Firefunction (`functools[…]`), Gemma (`tool_code`), Llama 4, Apertus, Step.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterator

from mazu_ls.models.tool_arguments import NAMESPACES, find_tool, parse_arguments
from mazu_ls.models.written_calls.element_calls import WrittenCall, child_texts

# DeepSeek writes its marks with U+FF5C and U+2581; some servers turn them into ASCII.
_BAR, _GAP = "[|\uff5c]", "[_\u2581 ]"
_NAMED_BLOCK = re.compile(
    rf"(?:(?:<{_BAR}tool{_GAP}calls?{_GAP}begin{_BAR}>\s*+){{1,2}}+(?:function\s*+<{_BAR}tool{_GAP}sep{_BAR}>)?+|\bfunction<{_BAR}tool{_GAP}sep{_BAR}>)"
    rf"\s*+([\w.:/-]{{1,80}})\s*+(?:<{_BAR}tool{_GAP}sep{_BAR}>|<\|tool_call_argument_begin\|>)?\s*+(.*?)(?:<{_BAR}tool{_GAP}calls?{_GAP}end{_BAR}>|\Z)",
    re.DOTALL,
)
_HARMONY = re.compile(
    r"(?:<\|start\|>assistant)?(?:<\|channel\|>\w+|<\|start\|>assistant)[^<]{0,20}(?:<\|constrain\|>\w+)? to=([\w.:-]{1,80})[^<]{0,40}"
    r"(?:<\|(?:constrain|channel)\|>\w+[^<]{0,20})?<\|message\|>(.*?)"
    r"(?:<\|call\|>|<\|end\|>|\Z)",
    re.DOTALL,
)
_FUNCTOOLS_BEGIN = re.compile(r"\bfunctools\s*+\[")
_FUNCTOOLS = re.compile(r"functools\s*(\[.*\])\s*\Z", re.DOTALL)
_PYTHON_TAG = re.compile(
    r"<\|python_(?:tag|start)\|>(.*?)(?:<\|(?:eom_id|eot_id|python_end)\|>|\Z)", re.DOTALL
)
_DSML = r"(?:[|\uff5c]DSML[|\uff5c]|[a-z]{2,12}:)?"  # DeepSeek V3.2 writes it before each element name, others a name space
_NAME_SPACE = re.compile(r"<[a-z]{2,12}:")
_INVOKE = re.compile(
    rf'<{_DSML}(invoke|tool|tool_call|function|function_call|tool_use|use_tool)\s+(?:name|function)="([\w.:-]{{1,80}})"\s*>(.*?)(?:</{_DSML}\1>|\Z)',
    re.DOTALL,
)
_REACT = re.compile(
    r"^Action:[ \t]*([\w.:-]{1,80})[ \t]*\n+Action Input:[ \t]*(?:\n?```(?:json)?\s*)?(\{.*?\})[ \t]*(?:\n```[ \t]*)?(?=\nObservation|\n*\Z)",
    re.DOTALL | re.MULTILINE,
)
_QWEN_BEGIN = re.compile(r"\u273fFUNCTION\u273f:[ \t]*+([\w.:-]{1,80})\s*+\u273fARGS\u273f:[ \t]*+(?=\{)")
_QWEN_END = re.compile(r"\}\s*+(?:(?=\u273fFUNCTION\u273f)|\u273f\w++\u273f|\Z)")
_ADDRESSED = re.compile(
    r"(?:\b(?:commentary|analysis)\s{0,3})?\bto=(?:functions\.)?([\w.:-]{1,80})\s{0,3}(?:json|code)?\s{0,3}(\{.*\})\Z",
    re.DOTALL,
)
"""As harmony, its marks removed by a server."""
_COHERE = re.compile(r"Action:\s*```(?:json)?\s*(\[.*\])\s*```\s*\Z", re.DOTALL)
_BETWEEN = re.compile(
    r"<\|(?:tool_call_start|FunctionCallBegin|action_start|START_ACTION|tools_prefix)\|>(?:<\|plugin\|>)?(.*?)(?:<\|(?:tool_call_end|FunctionCallEnd|action_end|END_ACTION|tools_suffix)\|>|\Z)",
    re.DOTALL,
)
_GEMMA = re.compile(
    r"(?:<start_function_call>|<\|tool_call>)call:([\w.:-]{1,80})\{(.*?)(?:(\}\s*+(?:<end_function_call>|<tool_call\|>))|\Z)",
    re.DOTALL,
)
_GEMMA_QUOTE = r"<(?:escape|\|\"\|)>"
_GEMMA_PAIR = re.compile(
    rf"\b(\w+):(?:{_GEMMA_QUOTE}((?:(?!{_GEMMA_QUOTE}).)*+){_GEMMA_QUOTE}|([^,<]{{0,400}}))(?:,|\Z)",
    re.DOTALL,
)
_INVOKED_WITH = re.compile(
    rf'<{_DSML}(param(?:eter)?|arg(?:ument)?)\s+name="([\w.:-]{{1,80}})"[^>]{{0,80}}>(.*?)(?:</{_DSML}\1>|(?=<{_DSML}\1\s)|\Z)',
    re.DOTALL,
)
_GLM_PAIR = re.compile(
    r"<(?:[a-z]{2,12}_)?arg_key>([^<]{1,200})</(?:[a-z]{2,12}_)?arg_key>\s*<(?P<tag>(?:[a-z]{2,12}_)?arg_value)>(.*?)(?:</(?P=tag)>|(?=<(?:[a-z]{2,12}_)?arg_key>)|\Z)",
    re.DOTALL,
)
WRAPPERS = re.compile(
    rf"</?{_DSML}(?:function_calls|tool_calls?|toolcall)>|<\|start_header_id\|>assistant<\|end_header_id\|>|\[BEGIN FINAL RESPONSE\]|\[/TOOL_CALLS\]|<{_BAR}tool{_GAP}calls{_GAP}(?:begin|end){_BAR}>"
    r"|<\|tool_calls_section_(?:begin|end)\|>|<\|eo[mt]_id\|>|<\uff5cend\u2581of\u2581sentence\uff5c>"
)
"""Marks around calls, which are dropped once the calls are extracted."""
MOST_ARGUMENTS = 64


def template_calls(
    text: str, offered: Collection[str], of_json: Callable[[str, int, int], Iterator[WrittenCall]]
) -> list[WrittenCall]:
    """Return the calls in marks of a chat template; `of_json` reads those that are JSON with name and arguments. An element with a
    name space of its own, as in XSLT, is one only if it names an `offered` tool."""
    found = [_block(match) for match in _NAMED_BLOCK.finditer(text)]
    found = found or [_block(match) for match in _HARMONY.finditer(text)]
    found = found or [
        _invoked(match)
        for match in _INVOKE.finditer(text)
        if not _NAME_SPACE.match(match[0]) or find_tool(match[2], offered)
    ]
    found = found or _qwen(text) or _addressed(text)
    found = found or _react(text)
    found = found or [_gemma(match) for match in _GEMMA.finditer(text)]
    for match in () if found else _in_lists(text):
        found = found or list(of_json(match[1], *match.span())) or python_calls(match[1], *match.span())
    return found


def _in_lists(text: str) -> Iterator[re.Match[str]]:
    """Yield the parts of an answer that are a list of calls; `[1]` is the list. The patterns that end with the answer are tried at
    one place alone: searched for, each place where they begin would be followed to the end."""
    begun = _FUNCTOOLS_BEGIN.search(text)
    last = text.rfind("\nAction:") + 1
    for match in (
        _PYTHON_TAG.search(text),
        begun and _FUNCTOOLS.match(text, begun.start()),
        _COHERE.match(text, last),
        _BETWEEN.search(text),
    ):
        if match is not None:
            yield match


def _block(match: re.Match[str]) -> WrittenCall:
    """Parse a name, followed by the arguments as JSON."""
    return _named(*match.span(), match[1], match[2])


def _named(start: int, end: int, name: str, body: str) -> WrittenCall:
    name = re.sub(r"\Afunctions\.|:\d+\Z", "", name)
    body = re.sub(r"\A```\w*\s*|(?<!\s)\s*```\Z", "", body.strip())
    return WrittenCall(start, end, name, *parse_arguments(body))


def _invoked(match: re.Match[str]) -> WrittenCall:
    given = {name: value.strip("\n") for _, name, value in _INVOKED_WITH.findall(match[3])}
    if not given and match[3].strip().startswith("{"):
        return WrittenCall(*match.span(), match[2], *parse_arguments(match[3].strip()))
    return WrittenCall(*match.span(), match[2], given or child_texts(match[3]) or {})


def _react(text: str) -> list[WrittenCall]:
    """Parse the last action of an answer (ReAct), with its input."""
    match = _REACT.match(text, text.rfind("\nAction:") + 1)
    return [_block(match)] if match else []


def _qwen(text: str) -> list[WrittenCall]:
    """Parse names and arguments behind Qwen's marks. The ends are looked for once, since a search from each name would follow
    it to the end of the answer."""
    found: list[WrittenCall] = []
    ends, at = _QWEN_END.finditer(text), 0
    for begun in _QWEN_BEGIN.finditer(text):
        if begun.start() < at:
            continue  # in the arguments of the one before
        end = next((end for end in ends if end.start() >= begun.end()), None)
        if end is None:
            break
        found.append(_named(begun.start(), end.end(), begun[1], text[begun.end() : end.start() + 1]))
        at = end.end()
    return found


def _addressed(text: str) -> list[WrittenCall]:
    """Parse a call at the end of the answer, in the line of the last `to=functions.`; where the answer ends with no `}`, each
    `to=` would be followed to the end in vain."""
    line, end = text.rfind("\n", 0, max(0, text.rfind("to=functions."))) + 1, len(text.rstrip())
    is_one = text.endswith("}", 0, end) and "to=functions." in text
    match = _ADDRESSED.search(text, line, end) if is_one else None
    return [_block(match)] if match else []


def _gemma(match: re.Match[str]) -> WrittenCall:
    inner = match[2] if match[3] else match[2].rstrip().removesuffix("}")
    given = {key: text or plain for key, text, plain in _GEMMA_PAIR.findall(inner)}
    return WrittenCall(*match.span(), match[1], given)


def glm_call(inner: str, start: int, end: int) -> list[WrittenCall]:
    """Parse the content of `<tool_call>`: a name in its first line, then keys and values."""
    name, _, _ = inner.strip().partition("\n")
    name = name.partition("<")[0].strip()
    given = {key.strip(): value.strip("\n") for key, _, value in _GLM_PAIR.findall(inner)}
    return [WrittenCall(start, end, name, given)] if given and re.fullmatch(r"[\w.:-]{1,80}", name) else []


def python_calls(
    text: str, start: int, end: int, offered: Collection[str] | None = None
) -> list[WrittenCall]:
    """Parse calls as in Python, in a list or one a line, with literal keyword arguments: `[read_file(path="a.py")]`.

    None if the text holds anything else, or a tool that is not among those `offered`.
    """
    text = re.sub(r"\A\s*+```\w*+\s*\n|(?<=\n)[ \t]*+```\s*+\Z", "", text)
    try:
        tree = ast.parse(text.strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    nodes: list[ast.expr] = []
    results = {""}
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and isinstance(target := statement.targets[0], ast.Name):
            results.add(target.id)
        elif not isinstance(statement, ast.Expr):
            return []
        value = statement.value
        if _is_print_of(value, results):
            continue
        nodes += value.elts if isinstance(value, ast.List) else [value]
    found = [call for node in nodes if (call := _python_call(node, start, end)) is not None]
    known = offered is None or all(call.name in offered for call in found)
    return found if known and len(found) == len(nodes) else []


def _is_print_of(node: ast.expr, results: Collection[str]) -> bool:
    """Return whether a statement prints the result of a call, which is what comes back anyway."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id != "print":
        return False
    return len(node.args) == 1 and isinstance(shown := node.args[0], ast.Name) and shown.id in results


_API_FENCE = re.compile(r"^```(?:python|py)[ \t]*\n((?=[^`]*\bdefault_api\.)[^`]*)^```[ \t]*\Z", re.MULTILINE)


def api_calls(text: str, end: int, offered: Collection[str]) -> list[WrittenCall]:
    """Parse a last fence of Python in which Gemma calls `default_api.<tool>`: no code of a project does."""
    start = text.rfind("\n```py", 0, end) + 1
    match = _API_FENCE.match(text, start, end)
    return python_calls(match[1], start, end, offered) if match else []


def _python_call(node: ast.expr, start: int, end: int) -> WrittenCall | None:
    if not isinstance(node, ast.Call):
        return None
    if isinstance(node.func, ast.Name) and node.func.id == "print" and len(node.args) == 1:
        return _python_call(node.args[0], start, end)  # Gemma prints a tool's result
    function = (
        node.func.value if isinstance(node.func, ast.Attribute) and node.func.attr == "call" else node.func
    )
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        function = ast.Name(function.attr) if function.value.id in NAMESPACES else function
    if not isinstance(function, ast.Name) or node.args or len(node.keywords) > MOST_ARGUMENTS:
        return None
    try:
        given = {keyword.arg: ast.literal_eval(keyword.value) for keyword in node.keywords if keyword.arg}
    except (ValueError, TypeError, RecursionError, MemoryError):
        return None
    return (
        WrittenCall(start, end, function.id, *parse_arguments(given))
        if len(given) == len(node.keywords)
        else None
    )
