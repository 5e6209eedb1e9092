"""The arguments that can be typed, by command and field. Written by `make generate` from mazu_ls/server/wire: do not edit."""

from __future__ import annotations

from mazu_ls.terminal.verbs.verbs import WireArgument

# fmt: off
ARGUMENTS: dict[str, dict[str, WireArgument]] = {
    "mazu.run": {
        "task": WireArgument('what to do', required=True),
        "sessionId": WireArgument('continue this conversation instead of starting a new one'),
        "maxSteps": WireArgument('stop after this many steps', kind="integer", least=1),
        "maxCost": WireArgument('stop a turn after this many US dollars; the next message of a conversation starts at 0 again', kind="number", least=0),
        "maxTokens": WireArgument('stop after this many tokens', kind="integer", least=1),
        "maxSeconds": WireArgument('stop after this many seconds', kind="number", least=0, above=True),
        "checkpointEvery": WireArgument('take a checkpoint after this many steps', kind="integer", least=1),
        "allowShell": WireArgument('let it run commands', kind="switch"),
        "model": WireArgument('provider:model'),
    },
    "mazu.ask": {
        "question": WireArgument('the question', required=True),
        "attachments": WireArgument('documents, or ranges of them', kind="other", many=True),
        "model": WireArgument('provider:model'),
    },
    "mazu.edit": {
        "instruction": WireArgument('how to change them', required=True),
        "model": WireArgument('provider:model'),
    },
    "mazu.council": {
        "question": WireArgument('the question', required=True),
        "models": WireArgument('a model to ask; at least two', many=True),
        "lead": WireArgument('the model that compares the answers'),
        "attachments": WireArgument('documents, or ranges of them', kind="other", many=True),
    },
    "mazu.session.list": {
        "deleted": WireArgument('list the deleted ones that can be restored instead', kind="switch"),
    },
    "mazu.session.show": {
        "sessionId": WireArgument('an id of a session. The last one used if not given'),
        "turns": WireArgument('how many turns', kind="integer", least=1),
    },
    "mazu.session.rename": {
        "name": WireArgument('the new name', required=True),
        "sessionId": WireArgument('an id of a session. The last one used if not given'),
    },
    "mazu.session.search": {
        "query": WireArgument('words to search for', required=True),
        "limit": WireArgument('return at most this many', kind="integer", least=1),
    },
    "mazu.session.fork": {
        "sessionId": WireArgument('an id of a session. The last one used if not given'),
        "turnId": WireArgument('up to before this turn, which may have been undone'),
        "name": WireArgument('its name'),
    },
    "mazu.session.transcript": {
        "sessionId": WireArgument('an id of a session. The last one used if not given'),
        "uri": WireArgument('a file'),
    },
    "mazu.session.end": {
        "sessionId": WireArgument('an id of a session. The last one used if not given'),
    },
    "mazu.session.delete": {
        "sessionId": WireArgument('an id of a session. The last one used if not given'),
        "forGood": WireArgument('it cannot be restored', kind="switch"),
    },
    "mazu.session.restore": {
        "sessionId": WireArgument('an id of a deleted session. The last one deleted if not given'),
    },
    "mazu.session.rewind": {
        "sessionId": WireArgument('an id of a session. The last one used if not given'),
        "turns": WireArgument('how many turns', kind="integer", least=1),
    },
    "mazu.session.compact": {
        "sessionId": WireArgument('an id of a session. The last one used if not given'),
    },
    "mazu.remember": {
        "title": WireArgument('what to remember, in one sentence', required=True),
        "body": WireArgument('the full text, below its title'),
        "category": WireArgument('the kind of memory', choices=('convention', 'decision', 'fact', 'mistake', 'task_outcome', 'user_preference')),
        "scope": WireArgument('of this project, or of all projects', choices=('global', 'project')),
        "tags": WireArgument('tags', many=True),
        "pinned": WireArgument('never forget it', kind="switch"),
        "anchors": WireArgument('documents, or ranges of them', kind="other", many=True),
        "supersedes": WireArgument('the id it replaces'),
    },
    "mazu.recall": {
        "query": WireArgument('words or a question', required=True),
        "limit": WireArgument('return at most this many', kind="integer", least=1),
        "scope": WireArgument('of this project, or of all projects', choices=('global', 'project')),
        "category": WireArgument('the kind of memory', choices=('convention', 'decision', 'fact', 'mistake', 'task_outcome', 'user_preference')),
    },
    "mazu.memory.list": {
        "scope": WireArgument('of this project, or of all projects', choices=('global', 'project')),
        "category": WireArgument('the kind of memory', choices=('convention', 'decision', 'fact', 'mistake', 'task_outcome', 'user_preference')),
        "state": WireArgument('only those in this state', choices=('archived', 'check', 'current', 'superseded')),
        "limit": WireArgument('return at most this many', kind="integer", least=1),
        "offset": WireArgument('skip this many first', kind="integer", least=0),
    },
    "mazu.memory.update": {
        "id": WireArgument('an id', required=True),
        "scope": WireArgument('of this project, or of all projects', choices=('global', 'project')),
        "title": WireArgument('what it says, in one sentence'),
        "body": WireArgument('the full text, below its title'),
        "category": WireArgument('the kind of memory', choices=('convention', 'decision', 'fact', 'mistake', 'task_outcome', 'user_preference')),
        "tags": WireArgument('tags', many=True),
        "pinned": WireArgument('never forget it', kind="switch"),
        "anchors": WireArgument('', kind="other", many=True),
    },
    "mazu.memory.forget": {
        "id": WireArgument('an id', required=True),
        "scope": WireArgument('of this project, or of all projects', choices=('global', 'project')),
        "forGood": WireArgument('do not keep it for `restore`; a checkpoint may still hold it', kind="switch"),
    },
    "mazu.memory.consolidate": {
        "ids": WireArgument('ids of proposals; show these alone', many=True),
        "apply": WireArgument('do what was proposed, as it was shown', kind="switch"),
        "dismiss": WireArgument('do not propose it again', kind="switch"),
        "last": WireArgument('show what was found the last time', kind="switch"),
    },
    "mazu.memory.export": {
        "uri": WireArgument('a file or folder', required=True),
        "scope": WireArgument('write the memory of this project (the default), of all projects, or both', choices=('all', 'global', 'project')),
    },
    "mazu.memory.import": {
        "uri": WireArgument('a file or folder of Markdown, a memory.db, or the folder of the other agent', required=True),
        "agent": WireArgument('whose files they are: transcripts become searchable, decisions are proposed', choices=('aider', 'claude-code', 'codex', 'cursor', 'markdown')),
    },
    "mazu.memory.import.proposals": {
        "limit": WireArgument('return at most this many', kind="integer", least=1),
        "offset": WireArgument('skip this many first', kind="integer", least=0),
    },
    "mazu.memory.import.accept": {
        "ids": WireArgument('ids of proposals, as they are listed', many=True),
        "all": WireArgument('all that are waiting', kind="switch"),
    },
    "mazu.memory.import.reject": {
        "ids": WireArgument('ids of proposals, as they are listed', many=True),
        "all": WireArgument('all that are waiting', kind="switch"),
    },
    "mazu.memory.why": {
        "message": WireArgument('the message', required=True),
    },
    "mazu.memory.archive": {
        "id": WireArgument('an id', required=True),
        "scope": WireArgument('of this project, or of all projects', choices=('global', 'project')),
    },
    "mazu.memory.unarchive": {
        "id": WireArgument('an id', required=True),
        "scope": WireArgument('of this project, or of all projects', choices=('global', 'project')),
    },
    "mazu.memory.restore": {
        "id": WireArgument('an id', required=True),
        "scope": WireArgument('of this project, or of all projects', choices=('global', 'project')),
    },
    "mazu.memory.supersede": {
        "id": WireArgument('an id', required=True),
        "by": WireArgument('the id of the one that replaces it', required=True),
        "scope": WireArgument('of this project, or of all projects', choices=('global', 'project')),
    },
    "mazu.memory.trait.list": {
        "scope": WireArgument('of this project, or of all projects', choices=('global', 'project')),
    },
    "mazu.memory.trait.set": {
        "key": WireArgument('its name', required=True),
        "value": WireArgument('its value', required=True),
        "pinned": WireArgument('never forget it', kind="switch"),
        "scope": WireArgument('of this project, or of all projects', choices=('global', 'project')),
    },
    "mazu.memory.trait.delete": {
        "key": WireArgument('its name', required=True),
        "scope": WireArgument('of this project, or of all projects', choices=('global', 'project')),
    },
    "mazu.memory.share": {
        "ids": WireArgument('ids of memories, as they are listed', required=True, many=True),
    },
    "mazu.memory.unshare": {
        "ids": WireArgument('ids of memories, as they are listed', required=True, many=True),
    },
    "mazu.memory.sync": {
        "remote": WireArgument('a URL, a path or a remote of this repository, kept for the next time; "none" for the folder'),
        "pull": WireArgument('send and write nothing', kind="switch"),
        "accept": WireArgument('accept everything that the folder proposes', kind="switch"),
    },
    "mazu.memory.show": {
        "id": WireArgument('an id', required=True),
        "scope": WireArgument('of this project, or of all projects', choices=('global', 'project')),
    },
    "mazu.wiki.list": {
        "prefix": WireArgument('only pages whose slug begins with this'),
        "tag": WireArgument('only pages with this tag'),
    },
    "mazu.wiki.show": {
        "slug": WireArgument("the page's name", required=True),
    },
    "mazu.wiki.write": {
        "slug": WireArgument("the page's name", required=True),
        "text": WireArgument('markdown', required=True),
        "mode": WireArgument('replace the page or append to it', choices=('append', 'replace')),
    },
    "mazu.wiki.search": {
        "query": WireArgument('words to search for', required=True),
        "limit": WireArgument('return at most this many', kind="integer", least=1),
    },
    "mazu.wiki.delete": {
        "slug": WireArgument("the page's name", required=True),
    },
    "mazu.graph.show": {
        "id": WireArgument('a node: an id of a memory, file:PATH or tag:NAME'),
        "query": WireArgument('words to search for'),
        "depth": WireArgument('how many relations away', kind="integer", least=1),
        "format": WireArgument('the form of the drawing', choices=('json', 'mermaid', 'text')),
    },
    "mazu.checkpoint": {
        "label": WireArgument('a label by which to find it again'),
    },
    "mazu.checkpoint.list": {
        "limit": WireArgument('return at most this many', kind="integer", least=1),
        "sessionId": WireArgument('an id of a session. The last one used if not given'),
    },
    "mazu.checkpoint.diff": {
        "id": WireArgument('an id', required=True),
        "against": WireArgument('another id; now if not given'),
        "paths": WireArgument('only these files or folders', many=True),
    },
    "mazu.checkpoint.prune": {
        "keep": WireArgument('keep this many', kind="integer", least=0),
        "olderThanDays": WireArgument('delete only those older than this many days', kind="integer", least=0),
        "labelled": WireArgument('delete labelled ones, too', kind="switch"),
    },
    "mazu.checkpoint.pin": {
        "id": WireArgument('an id', required=True),
    },
    "mazu.checkpoint.unpin": {
        "id": WireArgument('an id', required=True),
    },
    "mazu.checkpoint.file": {
        "id": WireArgument('an id', required=True),
        "path": WireArgument('as the diff shows it', required=True),
    },
    "mazu.checkpoint.contents": {
        "id": WireArgument('an id', required=True),
        "query": WireArgument('only files with this in their path'),
        "limit": WireArgument('return at most this many', kind="integer", least=1),
    },
    "mazu.rollback": {
        "id": WireArgument('an id or a label; if not given, the newest taken by name or before a turn that differs from now'),
        "only": WireArgument('only these parts', choices=('code', 'conversation', 'memory', 'skills'), many=True),
        "paths": WireArgument('only these files or folders', many=True),
        "preview": WireArgument('only show what would happen', kind="switch"),
        "onConflict": WireArgument('what happens to your own changes', choices=('ask', 'keep', 'leave', 'overwrite')),
        "memories": WireArgument('only these memories, where memory is all that is restored', many=True),
    },
    "mazu.undo": {
        "sessionId": WireArgument('an id of a session. The last one used if not given'),
        "turnId": WireArgument('back to before this turn'),
        "code": WireArgument('restore files', kind="switch"),
        "conversation": WireArgument('remove the turns from the conversation', kind="switch"),
        "memory": WireArgument('restore memory', kind="switch"),
        "preview": WireArgument('only show what would happen', kind="switch"),
        "onConflict": WireArgument('what happens to your own changes', choices=('ask', 'keep', 'leave', 'overwrite')),
    },
    "mazu.redo": {
        "sessionId": WireArgument('an id of a session. The last one used if not given'),
    },
    "mazu.skills.show": {
        "name": WireArgument('its name', required=True),
    },
    "mazu.skills.save": {
        "source": WireArgument('python source', required=True),
        "name": WireArgument('its name'),
        "scope": WireArgument('of this project, or of all projects', choices=('global', 'project')),
    },
    "mazu.skills.run": {
        "name": WireArgument('its name', required=True),
        "arguments": WireArgument('what the skill is called with', kind="other"),
    },
    "mazu.skills.forget": {
        "name": WireArgument('its name', required=True),
    },
    "mazu.trust.agree": {
        "id": WireArgument('an id', required=True),
        "hash": WireArgument('the hash that `mazu-ls trust` shows', required=True),
    },
    "mazu.trust.revoke": {
        "id": WireArgument('an id', required=True),
    },
    "mazu.state.attach": {
        "from": WireArgument('its former path; the one found if not given'),
    },
    "mazu.state.export": {
        "uri": WireArgument('the file to write', required=True),
        "overwrite": WireArgument('replace a file of that name', kind="switch"),
    },
    "mazu.state.import": {
        "uri": WireArgument('the file', required=True),
        "mine": WireArgument('the archive is your own, made on another machine', kind="switch"),
        "replace": WireArgument('replace the current state of this project; the old one is kept', kind="switch"),
    },
    "mazu.models.set": {
        "model": WireArgument('provider:model', required=True),
    },
    "mazu.role.set": {
        "uri": WireArgument('a file'),
    },
    "mazu.permissions.set": {
        "rule": WireArgument('the rule to store', kind="other", required=True),
    },
    "mazu.permissions.revoke": {
        "id": WireArgument('an id', required=True),
    },
    "mazu.permissions.mode": {
        "mode": WireArgument('a permission mode', choices=('ask', 'auto', 'bypass', 'plan'), required=True),
    },
    "mazu.permissions.check": {
        "tool": WireArgument('the name of a tool, such as run_shell', required=True),
        "arguments": WireArgument('what it would be called with', kind="other", required=True),
        "mode": WireArgument('a permission mode', choices=('ask', 'auto', 'bypass', 'plan')),
    },
    "mazu.usage": {
        "sessionId": WireArgument('an id of a session. All sessions of the project if not given'),
        "sinceDays": WireArgument('count only the last days, this many', kind="number", least=0),
    },
    "mazu.audit": {
        "limit": WireArgument('return at most this many', kind="integer", least=1),
        "sessionId": WireArgument('an id of a session. The last one used if not given'),
    },
    "mazu.proposal.list": {
        "uri": WireArgument('only those of this file'),
    },
    "mazu.proposal.accept": {
        "ids": WireArgument('ids; all if none is given', many=True),
        "uri": WireArgument('only those of this file'),
    },
    "mazu.proposal.reject": {
        "ids": WireArgument('ids; all if none is given', many=True),
        "uri": WireArgument('only those of this file'),
        "note": WireArgument('a reason for the model'),
    },
}
# fmt: on
