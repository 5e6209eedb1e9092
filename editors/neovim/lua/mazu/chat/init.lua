--- The conversations of this editor: which sessions are known, kept up to date from the journal and the stream,
--- shown in one panel.
local Buffer = require('mazu.chat.buffer')
local Session = require('mazu.chat.session')
local client = require('mazu.client')

local M = {}

local PAGE = 500

---@class mazu.chat.Entry a session with its buffer
---@field session mazu.chat.Session
---@field buffer mazu.chat.Buffer
---@field root string
---@field client_id? integer
---@field starting? integer the client that is being started for it
---@field loaded "no"|"loading"|"yes"
---@field held table[] notifications that came while the journal was fetched
---@field opening? boolean a message waits for its session to be made
---@field stopping? boolean that message is to be stopped

---@type mazu.chat.Entry[]
local entries = {}

---@type table<string, mazu.chat.Entry> the session that the panel shows, by root
local shown = {}

local names = 0

---@param root string
---@param id? string
---@param client_id? integer
---@return mazu.chat.Entry
local function new_entry(root, id, client_id)
  names = names + 1
  local session = Session.new(id)
  session.mode = client_id and require('mazu.update').of(client_id).mode
  local entry = { session = session, root = root, client_id = client_id, loaded = 'no', held = {} }
  entry.buffer = Buffer.new(session, ('mazu://chat/%d'):format(names))
  entry.buffer.on_paint = function()
    require('mazu.chat.panel').painted(entry)
  end
  entries[#entries + 1] = entry
  return entry
end

---@param server vim.lsp.Client
---@return string
local function root_of(server)
  return server.root_dir or vim.uv.cwd()
end

--- The entry of a session. One without an id yet, because its first message has just been sent, takes the first
--- id that is heard of.
---@param server vim.lsp.Client
---@param id string
---@return mazu.chat.Entry
local function entry_of(server, id)
  local root = root_of(server)
  local nameless
  for _, entry in ipairs(entries) do
    if entry.root == root and entry.session.id == id then
      entry.client_id = server.id
      return entry
    elseif entry.root == root and not entry.session.id and entry.sending then
      nameless = entry
    end
  end
  if nameless then
    nameless.session.id, nameless.client_id, nameless.sending = id, server.id, nil
    return nameless
  end
  return new_entry(root, id, server.id)
end

--- The entry that the panel shows for a project.
---@param root string
---@return mazu.chat.Entry
function M.entry(root)
  shown[root] = shown[root] or new_entry(root)
  return shown[root]
end

--- The conversation of a server's project that the panel shows, or would show.
---@param server vim.lsp.Client
---@return string? id nil where none has begun
function M.session_of(server)
  local entry = shown[root_of(server)]
  return entry and entry.session.id
end

--- Learns how large the context window of a conversation's model is.
---@param entry mazu.chat.Entry
local function learn_window(entry)
  local session = entry.session
  if entry.client_id and session.model then
    session.context_window = nil
    require('mazu.chat.context').with_window(entry.client_id, session.model, function(tokens)
      session.context_window = tokens
      session:touch_footers()
      entry.buffer:schedule()
    end)
  end
end

---@param entry mazu.chat.Entry
---@param params table
local function apply(entry, params)
  local kind = params.update.kind
  local at = (kind == 'user' or kind == 'turn') and os.date('%H:%M') or nil --[[@as string?]]
  entry.session:apply(params.update, params.turnId, true, at)
  if kind == 'turn' or kind == 'model' then
    learn_window(entry)
  end
  if params.update.kind == 'head' then
    entry.loaded = 'no'
    return M.load(entry)
  end
  entry.buffer:schedule()
end

--- Takes what came meanwhile; `updates` is the number of the last one that the journal held already.
---@param entry mazu.chat.Entry
---@param updates integer
local function release(entry, updates)
  local held = entry.held
  entry.held, entry.loaded = {}, 'yes'
  for _, params in ipairs(held) do
    if params.seq > updates then
      apply(entry, params)
    end
  end
end

---@param entry mazu.chat.Entry
---@param events table[]
---@param result table the last page
local function replay(entry, events, result)
  local session = entry.session
  session:clear()
  session.name, session.state = result.name or session.name, result.state == 'ended' and 'idle' or result.state
  for _, event in ipairs(events) do
    session:replay(event)
  end
  session:close()
  session.state = result.state == 'ended' and 'idle' or result.state
  session.started = session.state ~= 'idle' and (session.started or vim.uv.now()) or nil
  local partial = result.partial
  for _, kind in ipairs({ 'thought', 'message' }) do
    if partial and partial[kind] and partial[kind] ~= '' then
      session:apply({ kind = kind, text = partial[kind] }, nil, true)
    end
  end
  release(entry, result.updates or 0)
  require('mazu.question').restore(session, entry.client_id)
  learn_window(entry)
  entry.buffer:schedule()
end

--- Fetches a session's journal, page by page.
---@param entry mazu.chat.Entry
function M.load(entry)
  local server = entry.client_id and vim.lsp.get_client_by_id(entry.client_id)
  if entry.loaded ~= 'no' or not entry.session.id or not server then
    return
  end
  entry.loaded = 'loading'
  local events = {}
  local function page(after)
    local argument = { sessionId = entry.session.id, after = after, limit = PAGE }
    client.execute('mazu.session.events', argument, function(result)
      vim.list_extend(events, result.events)
      if result.next then
        return page(result.next)
      end
      replay(entry, events, result)
    end, {
      client_id = server.id,
      on_error = function(err)
        entry.loaded = 'yes'
        entry.session:note(client.sentence(err), 'MazuFailed')
        release(entry, 0)
        entry.buffer:schedule()
      end,
    })
  end
  page(0)
end

--- Folds a `mazu/session/update` in.
---@param client_id integer
---@param params table
function M.update(client_id, params)
  local server = vim.lsp.get_client_by_id(client_id)
  if not server then
    return
  end
  local entry = entry_of(server, params.sessionId)
  if entry.loaded == 'no' then
    M.load(entry)
  end
  if entry.loaded == 'loading' then
    table.insert(entry.held, params)
    return
  end
  apply(entry, params)
end

--- The entry where a question belongs.
---@param question mazu.Question
---@return mazu.chat.Entry?
function M.entry_of_question(question)
  local server = vim.lsp.get_client_by_id(question.client_id)
  if not server then
    return
  end
  return question.sessionId and entry_of(server, question.sessionId) or M.entry(root_of(server))
end

--- Adds the block of a question that is about no call, if it belongs into this conversation.
---@param question mazu.Question
---@param session mazu.chat.Session
function M.add_request(question, session)
  local entry = M.entry_of_question(question)
  if entry and entry.session == session then
    question.block = session:add({ kind = 'request', title = question.title, text = question.detail, question = question })
  end
end

--- Puts a question into the conversation that it belongs to, and in sight.
---@param question mazu.Question
---@param later? boolean another question stands before it
function M.question_opened(question, later)
  local entry = M.entry_of_question(question)
  if not entry then
    return
  end
  entry.buffer:revive()
  if question.callId then
    entry.session:apply(vim.tbl_extend('error', { kind = 'question' }, {
      callId = question.callId,
      tool = question.tool,
      title = question.title,
      detail = question.detail,
      diff = question.diff,
      options = question.options,
      editable = question.editable,
      hunks = question.hunks,
      reason = question.reason,
    }), nil, true)
  elseif not question.block then
    M.add_request(question, entry.session)
  end
  entry.buffer:paint()
  if not later then
    require('mazu.chat.panel').show_question(entry, question)
  end
end

---@param question mazu.Question
---@param by? string what became of it, where it was not answered here
---@param verdict? "allow"|"deny"|"void" nil where it is given up because its turn or server has ended
function M.question_closed(question, by, verdict)
  local entry = M.entry_of_question(question)
  if entry then
    if question.callId then
      local update = { kind = 'question_closed', callId = question.callId, verdict = verdict or 'void', why = by }
      entry.session:apply(update, nil, true)
    end
    local block = question.block
    if block then
      block.question, block.stale, block.summary = nil, true, by or 'answered'
    end
    entry.buffer:schedule()
  end
  require('mazu.chat.panel').question_closed()
end

--- Model or mode of a server were heard of.
---@param client_id integer
function M.status_changed(client_id)
  local known = require('mazu.update').of(client_id)
  for _, entry in ipairs(entries) do
    if entry.client_id == client_id then
      entry.session.mode = known.mode
      entry.session.model = entry.session.model or known.model
      learn_window(entry)
    end
  end
  require('mazu.chat.panel').refresh_winbar()
end

--- The server of these sessions is gone: nothing of theirs runs any more, and they are fetched anew when it is
--- back.
---@param client_id integer
---@param was_busy boolean
function M.server_ended(client_id, was_busy)
  for _, entry in ipairs(entries) do
    if entry.client_id == client_id then
      local session = entry.session
      local busy = session.state ~= 'idle'
      session:apply({ kind = 'state', state = 'done', stopReason = 'end_turn' }, nil, true)
      if busy and was_busy then
        session:note('The server ended in the middle of this turn. Your next message starts it again.', 'MazuFailed')
      end
      entry.loaded, entry.client_id, entry.held = 'no', nil, {}
      entry.buffer:schedule()
    end
  end
end

--- Shows another session in the panel.
---@param server vim.lsp.Client
---@param id? string nil begins a new conversation with the next message
---@return mazu.chat.Entry
function M.select(server, id)
  local root = root_of(server)
  shown[root] = id and entry_of(server, id) or new_entry(root, nil, server.id)
  M.load(shown[root])
  return shown[root]
end

--- Shows a session in the panel where that is open. `opts.only_if_new`: only in place of a conversation that nobody
--- has begun.
---@param client_id integer
---@param id string
---@param opts? {only_if_new?: boolean}
function M.show_session(client_id, id, opts)
  local server = vim.lsp.get_client_by_id(client_id)
  local entry = server and shown[root_of(server)]
  if not server or (entry and entry.session.id == id) then
    return
  end
  local begun = entry and (entry.session.id or entry.sending or entry.fresh)
  if not (opts and opts.only_if_new and begun) then
    local panel = require('mazu.chat.panel')
    local new = M.select(server, id)
    if panel.is_visible() then
      panel.open(new, {})
    end
  end
end

--- Makes the server's current session the one of an entry that has none yet, and fetches it.
---@param entry mazu.chat.Entry
---@param server vim.lsp.Client
local function adopt(entry, server)
  entry.client_id = server.id
  require('mazu.chat.panel').refresh_winbar()
  if entry.session.id then
    return M.load(entry)
  end
  client.execute('mazu.session.list', nil, function(result)
    if entry.session.id or entry.sending or entry.fresh then
      return
    end
    for _, session in ipairs(result.sessions) do
      if session.id == result.current then
        entry.session.id, entry.session.name, entry.session.model = session.id, session.name, session.model
        entry.session.cost = session.usage and (session.usage.costUsd or session.usage.knownCostUsd) or 0
        M.load(entry)
        require('mazu.chat.panel').refresh_winbar()
      end
    end
  end, { client_id = server.id, on_error = function() end })
end

--- Opens the panel on a project's conversation at once, and starts the server where it does not run.
---@param bufnr integer
---@param opts? {focus?: boolean, windows?: mazu.chat.Windows}
---@param use? fun(entry: mazu.chat.Entry, server: vim.lsp.Client)
function M.open(bufnr, opts, use)
  local panel = require('mazu.chat.panel')
  local of_panel = panel.entry_of(bufnr)
  local running = client.get(bufnr)
  local root = of_panel and of_panel.root or running and root_of(running) or client.root(bufnr) or assert(vim.uv.cwd())
  local entry = M.entry(root)
  panel.open(entry, opts or {})
  entry.starting = client.with(bufnr, function(server)
    if root_of(server) ~= root then -- the configuration has a root of its own
      entry = M.entry(root_of(server))
      panel.open(entry, {})
    end
    adopt(entry, server)
    require('mazu.update').refresh(server.id)
    if use then
      use(entry, server)
    end
  end, entry.client_id)
  panel.refresh_winbar()
end

--- Says something in a conversation; while a turn runs it waits for its turn.
---@param entry mazu.chat.Entry
---@param server vim.lsp.Client
---@param text string
---@param opts? {attachments?: table[], failed?: fun()}
function M.send(entry, server, text, opts)
  opts = opts or {}
  local session = entry.session
  entry.sending = not session.id or nil
  entry.opening = entry.fresh
  entry.client_id = server.id
  local argument = { message = text, sessionId = session.id, attachments = opts.attachments, queue = true }
  client.execute(entry.fresh and 'mazu.session.new' or 'mazu.chat', not entry.fresh and argument or nil, function(result)
    if entry.fresh then
      entry.fresh, entry.opening, session.id, entry.sending = nil, nil, result.id, nil
      M.send(entry, server, text, opts)
      if entry.stopping then -- said between Enter and now, when there was nothing to stop yet
        entry.stopping = nil
        client.execute('mazu.cancel', { sessionId = session.id }, nil, { client_id = server.id })
      end
      return
    end
    if not session.id then
      session.id, entry.sending = result.sessionId, nil
    end
    M.load(entry)
  end, {
    client_id = server.id,
    on_error = function(err)
      entry.sending, entry.opening, entry.stopping = nil, nil, nil
      session:note(client.sentence(err), 'MazuFailed')
      entry.buffer:schedule()
      client.tell(err)
      if opts.failed then
        opts.failed()
      end
    end,
  })
end

--- Stops messages that are on their way to a session which is only being begun.
---@return boolean any
function M.stop_sending()
  local any = false
  for _, entry in ipairs(entries) do
    if entry.opening then
      entry.stopping, any = true, true
    end
  end
  return any
end

--- Shows a question to a model that is no part of the conversation, and its answer when it comes.
---@param entry mazu.chat.Entry
---@param question string
---@return fun(reply: string, summary?: string) answer
function M.aside(entry, question)
  entry.session:close()
  local block = entry.session:add({ kind = 'aside', title = question })
  entry.buffer:schedule()
  return function(reply, summary)
    block.text, block.summary, block.stale = reply, summary, true
    entry.buffer:schedule()
  end
end

--- A session file (|:mksession|) knows the panel as windows with empty buffers of its names: the panel is shown in them.
function M.restore_panel()
  local stale = vim.tbl_filter(function(bufnr)
    return vim.startswith(vim.api.nvim_buf_get_name(bufnr), 'mazu://') and vim.bo[bufnr].buftype == ''
  end, vim.api.nvim_list_bufs())
  local windows, found = { layout = require('mazu.config').get().chat.layout }, false
  for _, bufnr in ipairs(stale) do
    local name = vim.api.nvim_buf_get_name(bufnr)
    local part = vim.startswith(name, 'mazu://chat/') and 'transcript' or (name == 'mazu://composer' and 'composer')
    found = found or part == 'transcript'
    if part then
      windows[part] = vim.fn.win_findbuf(bufnr)[1]
    end
  end
  local both = windows.transcript and windows.composer
  for _, window in ipairs(both and { windows.transcript, windows.composer } or {}) do
    vim.wo[window].winfixbuf = false
    vim.api.nvim_win_set_buf(window, vim.api.nvim_create_buf(false, true)) -- the window stays when its buffer goes
  end
  for _, bufnr in ipairs(stale) do
    pcall(vim.api.nvim_buf_delete, bufnr, { force = true })
  end
  if found then
    M.open(vim.api.nvim_get_current_buf(), { windows = both and windows or nil })
  end
end

---@return mazu.chat.Entry[]
function M.entries()
  return entries
end

return M
