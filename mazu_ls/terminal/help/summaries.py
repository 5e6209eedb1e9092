"""What `mazu-ls --help` says. Written by `make generate` from mazu_ls/terminal/verbs/grammar.py: do not edit."""

# fmt: off
ABOUT = 'A coding agent that remembers and can be undone. Without arguments: the chat on a terminal, the language server where standard input is a pipe.'
EPILOG = 'mazu-ls COMMAND --help says more of each. Exit statuses: 0 done, 1 failed, 2 wrong usage, 3 stopped at a limit, 4 refused because nobody could answer, 130 interrupted.'
COMMANDS = (
    ('serve', 'the language server on stdio, --tcp PORT on this machine, or --socket [PATH]'),
    ('chat', 'talk to the agent'),
    ('demo', 'the main job end to end, without a key or a network'),
    ('doctor', 'check what mazu-ls needs and finds'),
    ('init', 'prepare a project: .mazu/ with a commented config and a role document'),
    ('setup', 'choose a model, an editor and a sandbox, step by step'),
    ('config', 'your own settings: get, set, unset, path'),
    ('call', 'run any command of the protocol: mazu-ls call mazu.recall \'{"query": "port"}\''),
    ('timeline', 'what happened in a conversation, step by step, with costs and checkpoints'),
    ('compare', "what differs between two checkpoints, or between two conversations' ends"),
    ('run', 'carry out a task on its own, within limits'),
    ('ask', 'ask one question: no tools, no memory'),
    ('edit', 'rewrite lines of a file'),
    ('council', 'ask several models at once'),
    ('remember', 'save a decision, convention, mistake or fact'),
    ('recall', 'search memories'),
    ('memory', 'memories: list, update, forget, ...'),
    ('trait', 'facts about you that every prompt includes'),
    ('wiki', 'list the pages of the project'),
    ('graph', 'relations of a memory, a file or words'),
    ('session', 'conversations: list, show, rename, export, ...'),
    ('checkpoint', 'saved code, memory, skills and conversations: take, list, show, diff, ...'),
    ('rollback', 'restore everything from a checkpoint'),
    ('undo', 'undo the last turn'),
    ('redo', 'revert the last undo or rollback'),
    ('proposals', 'list proposed edits'),
    ('skills', 'list skills'),
    ('trust', 'skills, tools and servers of this project that need your agreement'),
    ('state', 'saved state of a project: export, import; attach, decline after a move'),
    ('models', 'list models'),
    ('tools', 'list what the agent may call'),
    ('permissions', 'list permission rules and grants'),
    ('role', 'show the role document'),
    ('usage', 'tokens and cost'),
    ('audit', 'list every tool call, who approved it and its result'),
    ('status', 'show status: project, model, mode, memory, checkpoints'),
)

OPTIONS = (
    ('-h, --help', 'show this help message and exit'),
    ('--version', "show program's version number and exit"),
)
# fmt: on
