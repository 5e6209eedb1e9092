"""Messages between user, model and tools, independent of any provider's format."""

from __future__ import annotations

import base64
import math
import re
import unicodedata
from functools import cache
from itertools import pairwise
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from mazu_ls.workspace.pictures import prepare_picture
from mazu_ls.workspace.visible_text import plural

StopReason = Literal[
    "end_turn", "max_steps", "max_cost", "max_tokens", "max_seconds", "stuck", "cancelled", "refusal", "error"
]
"""Why a turn ended, as the wire names it."""


class Text(Struct, tag="text", frozen=True):
    """Plain text. `untrusted` names the origin (a file, a URL) of text that is data, never instruction."""

    text: str
    untrusted: str | None = None


class Image(Struct, tag="image", frozen=True):
    """A picture: its media type ("image/png") and its bytes in base64."""

    media_type: str
    data: str

    @classmethod
    def of_bytes(cls, data: bytes) -> Image:
        """The picture in these bytes, made fit to send. Blocks; raises UnreadablePicture."""
        media_type, fit = prepare_picture(data)
        return cls(media_type, base64.b64encode(fit).decode("ascii"))


class Thinking(Struct, tag="thinking", frozen=True):
    """A model's reasoning; goes back only to the provider that made it, signature unchanged.

    `redacted` holds the provider's opaque data where the text is hidden.
    """

    text: str
    provider: str
    signature: str | None = None
    redacted: str | None = None


class ToolCall(Struct, tag="tool_call", frozen=True):
    """A model asks for a tool. `invalid` says what is wrong with arguments that are not a JSON object."""

    id: str
    name: str
    arguments: dict[str, Any]
    invalid: str | None = None


class ToolResult(Struct, tag="tool_result", frozen=True):
    """The answer to one ToolCall; `ok` is False where the tool failed or was refused."""

    call_id: str
    text: str
    ok: bool = True
    images: tuple[Image, ...] = ()


Part = Text | Image | Thinking | ToolCall | ToolResult


class Message(Struct, frozen=True):
    """One message of a conversation. Results of tools are parts of a user message.

    `model` is the `provider:model` that wrote an assistant message.
    """

    role: Literal["user", "assistant"]
    parts: tuple[Part, ...]
    model: str | None = None

    @property
    def text(self) -> str:
        """The plain text parts, joined."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def thought(self) -> str:
        """The readable parts of the model's reasoning, joined."""
        return "".join(part.text for part in self.parts if isinstance(part, Thinking))

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """The tool calls, in the model's order."""
        return tuple(part for part in self.parts if isinstance(part, ToolCall))


class Usage(Struct, frozen=True, rename="camel"):
    """Tokens, calls, steps and US dollars. `cost_usd` is None where a price is not known, never 0: `known_cost_usd` is then what
    the other calls cost, and `unpriced_calls` how many are left out of it.

    `estimated`: a part of the tokens, and so of the cost, was counted here, because a call was stopped before
    the service reported all, or because it does not report them.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    model_calls: int = 0
    steps: int = 0
    cost_usd: float | None = field(default=0.0)
    estimated: bool = False
    known_cost_usd: float = 0.0
    unpriced_calls: int = 0

    def __add__(self, other: Usage) -> Usage:
        known = self.cost_usd is not None and other.cost_usd is not None
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cache_read_tokens + other.cache_read_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
            self.model_calls + other.model_calls,
            self.steps + other.steps,
            (self.cost_usd or 0.0) + (other.cost_usd or 0.0) if known else None,
            self.estimated or other.estimated,
            0.0 if known else self._known_cost + other._known_cost,
            self._unpriced + other._unpriced,
        )

    @property
    def _known_cost(self) -> float:
        return self.known_cost_usd if self.cost_usd is None else self.cost_usd

    @property
    def _unpriced(self) -> int:
        return max(1, self.unpriced_calls or self.model_calls) if self.cost_usd is None else 0

    @property
    def tokens(self) -> int:
        """All tokens in and out, cached ones included."""
        return self.input_tokens + self.output_tokens + self.cache_read_tokens + self.cache_write_tokens


def unwrap_untrusted(text: str) -> str:
    """Return a tool's text without the marks around what came from outside; they are for the model. Notes after it stay."""
    head, _, rest = text.partition("\n")
    inner, end, notes = rest.partition("\n</untrusted>")  # the text cannot hold it: escape_closing_tag
    return inner + notes if end and head.startswith("<untrusted origin=") else text


def partly_known(dollars: str, unpriced_calls: int) -> str:
    """Say what is known of a cost, formatted, of which some calls are left out."""
    return f"at least {dollars}, {plural(unpriced_calls, 'call')} of unknown cost"


def escape_closing_tag(text: str, tag: str) -> str:
    """The text, unable to begin or end the block `tag` that it is put into, however it spells it.

    Case, spaces, invisible characters and letters that look alike make no difference (Unicode UAX #15 and UTS #39).
    """
    folded = text.lower() if text.isascii() else text.translate(_FOLDED)
    found = [match.start() for match in _mark(tag).finditer(folded)]
    if not found:
        return text
    edges = [0, *(at + 1 for at in found), len(text) + 1]
    return "&lt;".join(text[start : end - 1] for start, end in pairwise(edges))


@cache
def _mark(tag: str) -> re.Pattern[str]:
    gap = rf"[\s{_NOTHING}]*"
    return re.compile(rf"<(?=[\s{_NOTHING}\\/]*{gap.join(map(re.escape, tag.lower()))})")


class _Folded(dict[int, str]):
    """What each character passes for, always one character long, so that places stay the same."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        plain = "".join(
            c for c in unicodedata.normalize("NFKD", char) if not unicodedata.combining(c)
        ).lower()
        if not plain or unicodedata.category(char) in ("Cf", "Mn", "Me") or char in _BLANK:
            self[code] = _NOTHING
        else:
            self[code] = _ALIKE.get(plain, plain if len(plain) == 1 else char)
        return self[code]


_NOTHING = "\x00"
_BLANK = "\u115f\u1160\u3164\uffa0\u2800\x00"
_ALIKE = {
    look: letter
    for letter, looks in {
        "<": "‹〈⟨❮❰≺ᐸ˂《«🞀𝈶⧼", "/": "⁄∕⧸╱⟋〳ノ丿", "\\": "⧵∖⧹",
        "a": "аɑα", "c": "сϲᴄ", "d": "ԁɗ", "e": "еєҽ℮ε", "h": "һհ", "i": "іıɩι", "m": "мᴍ", "n": "пոռη", "o": "оοօᴏ", "p": "рρ",
        "r": "гᴦɾʀ", "s": "ѕꜱ", "t": "тτᴛ", "u": "υսʋᴜц", "v": "ѵνᴠ", "y": "уүγ", "_": "‿＿ˍ", "j": "јʝ", "w": "ѡωᴡա",
    }.items()
    for look in looks
}  # fmt: skip
_FOLDED = _Folded()


BYTES_PER_TOKEN = 3.5
"""Code and English lie between 3.2 and 4.2 UTF-8 bytes a token with current tokenizers; low is the safe side."""
IMAGE_TOKENS = 1600
"""A full-size picture (https://docs.anthropic.com/en/docs/build-with-claude/vision)."""
PER_MESSAGE = 4


def estimate_tokens(text: str) -> int:
    """A cautious estimate of the tokens in `text`, without a tokenizer; 0 for the empty one."""
    size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    return math.ceil(size / BYTES_PER_TOKEN)


def estimate_encoded(value: object) -> int:
    """The tokens of a value that is sent as JSON: arguments, a schema, a request's body."""
    return math.ceil(len(msgspec.json.encode(value)) / BYTES_PER_TOKEN)


def estimate_message(message: Message) -> int:
    """The tokens of one message, pictures included."""
    total = PER_MESSAGE
    for part in message.parts:
        match part:
            case ToolCall():
                total += estimate_tokens(part.name) + estimate_encoded(part.arguments)
            case ToolResult():
                total += estimate_tokens(part.text) + IMAGE_TOKENS * len(part.images)
            case Image():
                total += IMAGE_TOKENS
            case _:
                total += estimate_tokens(part.text)
    return total
