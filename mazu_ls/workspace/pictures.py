"""Prepares pictures for a model: decodes them, so that damaged or invalid ones are found here, and scales them.

Limits: https://docs.anthropic.com/en/docs/build-with-claude/vision (5 MB in base64, 8,000 pixels, sides above 1,568 are
scaled by the service and only cost time), https://platform.openai.com/docs/guides/images-vision (no animated GIF).
"""

from __future__ import annotations

import io
import threading
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image as Bitmap

LONGEST_SIDE = 1568
MOST_BYTES = 3_750_000
"""Bytes that are 5 MB in base64."""
MOST_PIXELS = 100_000_000
LARGEST_FILE = 40 * 2**20
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "ICO", "PPM", "AVIF")
"""Accepted formats; none whose decoder starts another program, as that of EPS does."""
SENT_AS_IS = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp"}
_ORIENTATION = 0x0112
"""The EXIF orientation; not all models respect it."""
_PLAIN_MODES = frozenset({"RGB", "RGBA", "L", "LA", "P", "1"})
_one_at_a_time = threading.Lock()


class UnreadablePicture(Exception):
    """Not a picture, or a damaged one; the message continues a sentence that begins with "it"."""


def prepare_picture(data: bytes) -> tuple[str, bytes]:
    """Return media type and bytes of the picture in a form that every provider accepts. Blocks: call it from a thread.

    What can be sent as it is stays byte for byte the same. Raises UnreadablePicture.
    """
    from PIL import Image

    if len(data) > LARGEST_FILE:
        raise UnreadablePicture(f"has {len(data)} bytes, more than {LARGEST_FILE}")
    Image.MAX_IMAGE_PIXELS = None  # our own limit is lower, and an error rather than a warning
    with _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
                return _prepared(picture, data)
        except Image.UnidentifiedImageError:
            raise UnreadablePicture("is not an image of a known format") from None
        except UnreadablePicture:
            raise
        except MemoryError:
            raise UnreadablePicture("needs more memory than there is") from None
        except Exception as error:  # noqa: BLE001 - decoders of damaged files raise whatever comes
            raise UnreadablePicture(f"is damaged or cut ({str(error)[:120]})") from None


def _prepared(picture: Bitmap, data: bytes) -> tuple[str, bytes]:
    width, height = picture.size
    if width < 1 or height < 1:
        raise UnreadablePicture("has no size")
    if width * height > MOST_PIXELS:
        raise UnreadablePicture(f"has {width} x {height} pixels, more than {MOST_PIXELS // 10**6} million")
    kind = picture.format or ""
    moves = bool(getattr(picture, "is_animated", False))
    plain = kind in SENT_AS_IS and picture.mode in _PLAIN_MODES and not moves
    fits = max(width, height) <= LONGEST_SIDE and len(data) <= MOST_BYTES
    if not fits:
        picture.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))  # a JPEG can be decoded at a fraction of its size
    picture.load()
    upright = picture.getexif().get(_ORIENTATION, 1) == 1
    if plain and fits and upright and _is_whole(kind, data):
        return SENT_AS_IS[kind], data
    return _encoded(_scaled(picture), lossy=kind == "JPEG")


def _is_whole(kind: str, data: bytes) -> bool:
    """Return whether the end of the file exists: this decoder tolerates its absence once all pixels are there, a
    service may not."""
    match kind:
        case "PNG":
            return b"IEND\xaeB`\x82" in data[-65536:]
        case "JPEG":
            return b"\xff\xd9" in data[-65536:]
        case "GIF":
            return data.rstrip(b"\0").endswith(b";")
        case _:
            return int.from_bytes(data[4:8], "little") + 8 <= len(data)


def _scaled(picture: Bitmap) -> Bitmap:
    from PIL import Image, ImageOps

    if picture.mode.startswith("I"):  # 16 bits a pixel
        picture = picture.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    seen = picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info
    upright = ImageOps.exif_transpose(picture.convert("RGBA" if seen else "RGB"))
    upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    return upright


def _encoded(picture: Bitmap, *, lossy: bool) -> tuple[str, bytes]:
    if not lossy:
        written = io.BytesIO()
        picture.save(written, "PNG")
        if written.tell() <= MOST_BYTES:
            return "image/png", written.getvalue()
    from PIL import Image

    if picture.mode == "RGBA":
        paper = Image.new("RGB", picture.size, "white")
        paper.paste(picture, mask=picture.getchannel("A"))
        picture = paper
    written = io.BytesIO()
    picture.convert("RGB").save(written, "JPEG", quality=85)
    return "image/jpeg", written.getvalue()
