"""remember, recall and memory_search, as the model's tools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta, Struct

from mazu_ls.errors import ToolError
from mazu_ls.memory.models import matches
from mazu_ls.tools.base import Effect, ToolOutput, tool
from mazu_ls.tools.context import ToolContext
from mazu_ls.tools.knowledge.anchored_files import refresh_anchors
from mazu_ls.tools.knowledge.memory_origin import written_origin

if TYPE_CHECKING:
    from mazu_ls.memory.memories import Memories
    from mazu_ls.memory.models import Memory, RememberOutcome


_NOTICE = "recall"


class RememberArgs(Struct, forbid_unknown_fields=True):
    title: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=400,  # as `memory.validation` keeps
            description="The thing to remember, in one sentence that stands alone.",
        ),
    ]
    body: Annotated[str, Meta(description="Reasons and details.")] = ""
    category: Annotated[
        Literal["decision", "convention", "mistake", "task_outcome", "fact", "user_preference"],
        Meta(description="user_preference holds in every project; the others in this one."),
    ] = "fact"
    tags: list[str] = []
    path: Annotated[str | None, Meta(description="The file it is about, if any.")] = None
    supersedes: Annotated[str | None, Meta(description="The id of the memory that this one replaces.")] = None


class RecallArgs(Struct, forbid_unknown_fields=True):
    query: Annotated[str, Meta(min_length=1, description="Words or a question.")]
    limit: Annotated[int, Meta(ge=1, le=50)] = 10
    category: str | None = None


class MemorySearchArgs(Struct, forbid_unknown_fields=True):
    query: Annotated[str, Meta(min_length=1, description="Words or a question.")]
    limit: Annotated[int, Meta(ge=1, le=50)] = 10


@tool(Effect.REMEMBER)
async def remember(args: RememberArgs, turn: ToolContext) -> str:
    """Keep something for later sessions: a decision and its reason, a convention, a mistake to avoid, a fact."""
    memories = writable(turn)
    anchors = []
    if args.path:
        from mazu_ls.memory.models import AnchorRequest

        path = turn.workspace.resolve(args.path)
        anchors = [AnchorRequest(turn.workspace.relative(path), text=await turn.host.read(path))]
    origin = await written_origin(f"{args.title} {args.body}", turn)
    done = await memories.remember(
        args.title, args.body, category=args.category, tags=args.tags, anchors=anchors, supersedes=args.supersedes,
        source="agent", session_id=turn.session_id, origin=origin,
    )  # fmt: skip
    turn.remembered(done.memory.id, done.outcome, done.memory.title)
    match done.outcome:
        case "duplicate":
            return f"already known as {done.memory.id} ({done.memory.category}): {done.memory.title}"
        case "superseded":
            replaced = f" (replaces {done.replaced.id}: {done.replaced.title})" if done.replaced else ""
            return f"remembered as {done.memory.id}{replaced}{_much_like(done)}"
    return f"remembered as {done.memory.id}{_much_like(done)}"


@tool(Effect.READ)
async def recall(args: RecallArgs, turn: ToolContext) -> ToolOutput:
    """Search what was remembered in earlier sessions: decisions, conventions, mistakes, facts, preferences."""
    memories = memories_of(turn)
    found = await memories.recall(args.query, limit=args.limit, category=args.category)
    if await refresh_anchors(memories, found, turn.host, turn.workspace):
        found = await memories.recall(args.query, limit=args.limit, category=args.category)
    notice = _notice(memories, turn)
    if any(map(matches, found)):
        return ToolOutput("\n".join([*_lines(list(filter(matches, found))), *notice]))
    head = "nothing is remembered about that, by words or by meaning"
    nearest = ["; the nearest there is, probably about something else:", *_lines(found)] if found else []
    return ToolOutput("\n".join([head + "\n".join(nearest), *notice]))


@tool(Effect.READ)
async def memory_search(args: MemorySearchArgs, turn: ToolContext) -> ToolOutput:
    """Search everything of earlier sessions, and what was cut from this conversation: memories (archived ones too), wiki
    pages, summaries, what was said, which commands ran and what came of them."""
    memories = memories_of(turn)
    found = await memories.recall(args.query, limit=args.limit, archived=True)
    lines = _lines(list(filter(matches, found)))
    if said := await turn.past(args.query, args.limit):
        lines += ["Said in earlier sessions:", *said]
    return ToolOutput(
        "\n".join([*(lines or ["nothing is known about that"]), *_notice(memories, turn)]),
        untrusted="earlier sessions" if said else None,
    )


def memories_of(turn: ToolContext) -> Memories:
    """Return the project's memories. Raises ToolError if there are none."""
    if turn.memories is None:
        raise ToolError("memory is not available in this project")
    return turn.memories


def _notice(memories: Memories, turn: ToolContext) -> list[str]:
    """Return, once in a turn, a line about what recall cannot do at present; the user sees the reason elsewhere."""
    said = memories.embedder.notice.partition(": ")[0]
    if not said or _NOTICE in turn.noticed:
        return []
    turn.noticed.add(_NOTICE)
    return [f"[{said}. Other words may find more.]"]


def writable(turn: ToolContext) -> Memories:
    """Return the project's memories for writing. Raises ToolError if that is switched off."""
    if turn.config.memory.write == "off":
        raise ToolError("the user has disabled writing memories")
    return memories_of(turn)


def _much_like(done: RememberOutcome) -> str:
    """Name what may not hold beside a new memory. One memory replaces one other, of its own scope."""
    own = [one for one in done.alike if one.scope == done.memory.scope]
    said = "".join(f"; much like {one.id}: {one.title}" for one in own)
    if own and done.outcome == "created":
        which = own[0].id if len(own) == 1 else "its id"
        said += f". If that no longer holds, remember this again with supersedes: {which}"
    for one in done.alike:
        if one.scope != done.memory.scope:
            scope = "all projects" if one.scope == "global" else "this project"
            said += f". For {scope}, {one.id} says: {one.title}. If both cannot hold, ask the user which does"
    return said


def _lines(found: Sequence[Memory]) -> list[str]:
    lines: list[str] = []
    for memory in found:
        about = ", ".join(anchor.path for anchor in memory.anchors)
        flag = " (may be out of date)" if memory.state == "check" else ""
        origin = f" [untrusted, from {memory.origin}]" if memory.origin else ""
        lines.append(
            f"{memory.id} {memory.created_at:%Y-%m-%d} {memory.category}{flag}{origin}: {memory.title}"
            + (f"\n  {memory.body}" if memory.body else "")
            + (f"\n  about: {about}" if about else "")
        )
    return lines
