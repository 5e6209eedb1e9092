"""OpenAI's `/embeddings`, as Ollama and other services speak it: a vector of hashed words for each text."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from typing import Any

_WORD = re.compile(r"\w+")


def answer(body: Mapping[str, Any], synonyms: Mapping[str, str], dimensions: int) -> dict[str, Any]:
    """Texts that share words are close. `synonyms` are words that mean another one."""
    given = body.get("input", [])
    texts = [given] if isinstance(given, str) else given
    data = [
        {"object": "embedding", "index": at, "embedding": _vector(text, synonyms, dimensions)}
        for at, text in enumerate(texts)
    ]
    usage = {"prompt_tokens": sum(len(text) // 4 for text in texts), "total_tokens": 0}
    return {"object": "list", "model": body.get("model", ""), "data": data, "usage": usage}


def _vector(text: str, synonyms: Mapping[str, str], dimensions: int) -> list[float]:
    made = [0.0] * dimensions
    for word in _WORD.findall(text.lower()):
        digest = hashlib.blake2b(synonyms.get(word, word).encode(), digest_size=4).digest()
        made[int.from_bytes(digest, "big") % dimensions] += 1.0
    length = math.sqrt(sum(value * value for value in made)) or 1.0
    return [value / length for value in made]
