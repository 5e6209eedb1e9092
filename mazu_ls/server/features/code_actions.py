"""Code actions on a selection and on diagnostics: the interface in any editor, without our plugins."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mazu_ls.server.chat.cursor_context import (
    requests,
    resolve_comment_target,
    resolve_target,
    title_of_passage,
    whole_lines,
)
from mazu_ls.server.chat.markdown import is_chat, pending_message
from mazu_ls.server.chat.questions import choices_in
from mazu_ls.server.client.answer_words import answer_title
from mazu_ls.server.client.editor import EditorFocus
from mazu_ls.server.features import feature, proposals
from mazu_ls.server.features.anchored_memories import anchored, shown_range
from mazu_ls.server.rpc import lsp_types
from mazu_ls.server.wire.memory.memories import lsp_range
from mazu_ls.workspace.text import split_lines

if TYPE_CHECKING:
    from mazu_ls.server.documents.documents import OpenDocument
    from mazu_ls.server.state import ServerState

PREFIX = "Mazu: "
TITLE = 120
SHORT = 60
RECALLED = 2000
FUNCTION = re.compile(r"^(?:async )?def ([a-z]\w*)\(.*\n\s+[rR]?[\"']{1,3}", re.MULTILINE)
"""Matches a top-level function with a docstring right below its one-line signature."""
DOCUMENT = (
    "Add or fix the documentation comments of this code in the style of its language and of the file; "
    "change no code."
)


@dataclass(frozen=True)
class ActionContext:
    """The context of an action: the document, its text in the range, the range extended to whole lines."""

    document: OpenDocument
    range: lsp_types.LspRange
    lines: lsp_types.LspRange
    text: str

    @property
    def place(self) -> dict[str, Any]:
        """Return the place in the form of commands' attachments and anchors."""
        return {"uri": self.document.uri, "range": self.lines}


@feature("textDocument/codeAction", lsp_types.CodeActionParams)
async def code_actions(server: ServerState, params: lsp_types.CodeActionParams) -> list[dict[str, Any]]:
    """Return the actions for a range. Their arguments are complete, so nothing needs to be resolved."""
    editor = server.editor
    document = editor.documents.get(params.text_document.uri) if editor else None
    if editor is None or document is None:
        return []
    editor.focus = EditorFocus(document.uri, params.range, tuple(params.context.diagnostics))
    found = [*_chat_actions(server, document), *_stop(server)]
    found += await proposals.actions(server, document, params.range)
    if not is_chat(document.path):
        at = _at(document, await resolve_target(document, params.range))
        found += [
            *_fixes(_at(document, params.range), params.context.diagnostics),
            *await _comment(document, params.range),
            *await _contradictions(server, at),
            *await _checks(server, at),
            *_on_text(server, at),
        ]
    found += _on_everything(server, document)
    only = params.context.only
    if only:
        found = [action for action in found if any(_within(action["kind"], kind) for kind in only)]
    return found


def _at(document: OpenDocument, span: lsp_types.LspRange) -> ActionContext:
    lines = whole_lines(document, span)
    return ActionContext(document, span, lines, document.slice(lines))


def _fixes(at: ActionContext, diagnostics: list[lsp_types.LspDiagnostic]) -> list[dict[str, Any]]:
    """Return one fix for all given diagnostics."""
    others = [diagnostic for diagnostic in diagnostics if diagnostic.source != "mazu"]
    if not others:
        return []
    spans = [diagnostic.range for diagnostic in others]
    span = lsp_types.LspRange(
        min([at.lines.start, *(one.start for one in spans)]), max([at.lines.end, *(one.end for one in spans)])
    )
    whole = _at(at.document, span)
    problems = "\n".join(f"- line {d.range.start.line + 1}: {d.message}{_origin(d)}" for d in others)
    instruction = f"Fix these problems and change nothing else:\n{problems}"
    arguments = {"uri": at.document.uri, "range": whole.lines, "instruction": instruction}
    title = "fix" if len(others) == 1 else f"fix {len(others)} problems"
    return [{**_action(title, "quickfix", "mazu.edit", arguments), "diagnostics": others}]


def _origin(diagnostic: lsp_types.LspDiagnostic) -> str:
    parts = [str(part) for part in (diagnostic.source, diagnostic.code) if part is not None]
    return f" ({' '.join(parts)})" if parts else ""


async def _comment(document: OpenDocument, span: lsp_types.LspRange) -> list[dict[str, Any]]:
    """Return the action for an `AI!` comment in the range: carry it out on the code it is about, and remove it."""
    lines = whole_lines(document, span)
    touched = [one for one in await requests(document) if lines.start.line <= one[0] <= lines.end.line]
    if not touched:
        return []
    number, _, _, asked = touched[0]
    chosen = lines if lines.start.line != lines.end.line else await resolve_comment_target(document, number)
    instruction = f"{asked} Remove the comment that asks for this (it is marked AI!)."
    arguments = {"uri": document.uri, "range": chosen, "instruction": instruction}
    return [_action("do what the AI! comment says", "quickfix", "mazu.edit", arguments)]


def _skill(at: ActionContext) -> list[dict[str, Any]]:
    """Return the action to save a Python function as a skill, if it has a docstring."""
    if at.document.language_id != "python" or not (named := FUNCTION.search(at.text)):
        return []
    return [
        _action(
            f"save {named[1]} as a skill", "source", "mazu.skills.save", {"source": at.text, "name": named[1]}
        )
    ]


async def _checks(server: ServerState, at: ActionContext) -> list[dict[str, Any]]:
    """Return the actions for memories whose code changed: they still hold, this replaces them, or they are forgotten."""
    found: list[dict[str, Any]] = []
    for anchor in await anchored(server, at.document):
        line = shown_range(at.document, anchor).start.line
        if anchor.memory.state != "check" or not at.lines.start.line <= line <= at.lines.end.line:
            continue
        memory = anchor.memory
        span = lsp_range(anchor.anchor.range) or at.lines
        place = {"uri": at.document.uri, "range": span}
        new = {
            "title": memory.title,
            "body": at.text,
            "category": memory.category,
            "anchors": [place],
            "supersedes": memory.id,
        }
        short = memory.title[:SHORT]
        found += [
            _action(
                f"“{short}” is still true",
                "quickfix",
                "mazu.memory.update",
                {"id": memory.id, "anchors": [place]},
            ),
            _action(f"supersede “{short}” with the code here", "quickfix", "mazu.remember", new),
            _action(f"forget “{short}”", "quickfix", "mazu.memory.forget", {"id": memory.id}),
        ]
    return found


async def _contradictions(server: ServerState, at: ActionContext) -> list[dict[str, Any]]:
    """Return the actions for an edit of the agent's that contradicts a decision."""
    found = await server.hints.contradiction_actions(at.document, at.lines)
    return [_action(title, "quickfix", command, arguments) for title, command, arguments in found]


def _on_text(server: ServerState, at: ActionContext) -> list[dict[str, Any]]:
    """Return the actions for any text."""
    if not at.text.strip():
        return []
    name = at.document.path.name if at.document.path else server.title_of(at.document)
    anchors = {"anchors": [at.place]} if server.file_of(at.document.uri) else {}
    first = next(line.strip() for line in split_lines(at.text, ends=False) if line.strip())
    title = title_of_passage(first, name, at.document.language_id)[:TITLE]
    edit = {"uri": at.document.uri, "range": at.lines}
    tests = f"Write tests for the attached part of {name}, in the style of the tests that the project has, and run them."
    question = f"Review the attached part of {name}: what is wrong with it, what would you change, and why?"
    return [
        _action("explain", "source", "mazu.ask", {"question": "Explain what this does, and what is not obvious about it.", "attachments": [at.place]}),
        _action("rewrite…", "refactor.rewrite", "mazu.edit", None),
        _action("document", "refactor.rewrite", "mazu.edit", {**edit, "instruction": DOCUMENT}),
        _action("write tests", "source", "mazu.chat", {"message": tests, "attachments": [at.place]}),
        _action("chat about this", "source", "mazu.chat", {"attachments": [at.place]}),
        _action("what do we know about this?", "source", "mazu.actions.recall", {"query": at.text.strip()[:RECALLED], "uri": at.document.uri}),
        _action("remember this", "source", "mazu.remember", {"title": title, "body": at.text, **anchors}),
        _action("ask the council", "source", "mazu.council", {"question": question, "attachments": [at.place]}),
        *_skill(at),
    ]  # fmt: skip


def _on_everything(server: ServerState, document: OpenDocument) -> list[dict[str, Any]]:
    """Return the actions for any document, with their own kind so that editors can keep them out of their short menus."""
    found = [
        _action("checkpoint now", "source.mazu", "mazu.actions.checkpoint", None),
        _action("undo the last turn", "source.mazu", "mazu.actions.undo", None),
        _action("roll back…", "source.mazu", "mazu.actions.rollback", None),
    ]
    inside = document.path is not None and server.workspace.contains(document.path)
    if inside and not is_chat(document.path):
        back = {"uri": document.uri}
        found.append(_action("restore this file to…", "source.mazu", "mazu.actions.rollback", back))
    return found


def _chat_actions(server: ServerState, document: OpenDocument) -> list[dict[str, Any]]:
    """Return the actions of a chat document: answer its session's open question, send the text under the last heading."""
    if not is_chat(document.path):
        return []
    found = _answers(server, document)
    if not pending_message(document.text):
        return found
    return [*found, _action("send", "source", "mazu.chat", {"attachments": [{"uri": document.uri}]})]


def _answers(server: ServerState, document: OpenDocument) -> list[dict[str, Any]]:
    """Return the choices of the open question in this chat document's session."""
    asked = choices_in(server.editor, document) if server.editor else None
    if asked is None:
        return []
    call = {"callId": asked.question.call_id}
    return [
        _action(answer_title(choice), "quickfix", "mazu.permissions.answer", {"optionId": choice.id, **call})
        for choice in asked.choices
    ]


def _stop(server: ServerState) -> list[dict[str, Any]]:
    """Return the action to stop a running turn."""
    running = server.project.sessions.opened() if server.project else []
    return [
        _action("stop", "source", "mazu.cancel", {"sessionId": session.id})
        for session in running
        if session.running
    ]


def _action(title: str, kind: str, command: str, arguments: dict[str, Any] | None) -> dict[str, Any]:
    """Return a literal with its command; some clients read the title of the command, so both have it."""
    shown = PREFIX + title
    call = {"title": shown, "command": command, "arguments": [] if arguments is None else [arguments]}
    return {"title": shown, "kind": kind, "command": call}


def _within(kind: str, asked: str) -> bool:
    return asked in ("", kind) or kind.startswith(asked + ".")
