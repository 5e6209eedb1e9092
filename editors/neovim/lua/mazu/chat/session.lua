--- What a conversation consists of, folded from the updates of the wire (docs/protocol.md, section 5). No buffer,
--- no window: a list of blocks, each of which is rendered by mazu.chat.blocks.

---@alias mazu.chat.Kind "user"|"turn"|"memories"|"thought"|"message"|"tool"|"request"|"note"|"footer"|"taken"|"aside"

---@class mazu.chat.Block
---@field kind mazu.chat.Kind
---@field turn? string
---@field removed? boolean it is void and renders as nothing
---@field stale? boolean it has to be rendered again
---@field text? string
---@field parts? string[] the text while it streams
---@field at? string the time as "10:42"
---@field mode? string the permission mode when a turn began
---@field status? string of a tool call: a key of mazu.chat.tools.signs
---@field call? string id of a tool call
---@field over? boolean the call has ended
---@field void? string why its question is no longer open
---@field title? string
---@field tool? string
---@field output? string
---@field diff? string
---@field summary? string
---@field started? integer milliseconds of the monotonic clock
---@field seconds? integer
---@field question? table the open question, as `mazu/permission/request` has it
---@field data? table

--- What came of a call that had begun when its turn was broken off.
local BROKEN_OFF = 'interrupted: what it did so far stays'

---@class mazu.chat.Session
---@field id? string
---@field name? string
---@field model? string
---@field mode? string
---@field state "idle"|"running"|"waiting"
---@field started? integer when the running turn began
---@field cost number US dollars
---@field estimated? boolean a part of the cost is an estimate
---@field context_tokens? integer what the last call read and wrote
---@field context_window? integer of the model, in tokens
---@field queued {id: string, text: string}[]
---@field blocks mazu.chat.Block[]
---@field private calls table<string, mazu.chat.Block>
---@field private turns table<string, table>
---@field private replied? boolean the usage of a call in this conversation comes next
---@field private header? {block: mazu.chat.Block, memories?: mazu.chat.Block} the head of a turn whose first words have not come
---@field private open table<string, mazu.chat.Block?> what streams: by kind
---@field private streamed table<string, mazu.chat.Block[]> what streamed of the message that is not finished: by kind
local Session = {}
Session.__index = Session

---@param id? string
---@return mazu.chat.Session
function Session.new(id)
  return setmetatable({
    id = id,
    state = 'idle',
    cost = 0,
    queued = {},
    blocks = {},
    calls = {},
    turns = {},
    open = {},
    streamed = { thought = {}, message = {} },
  }, Session)
end

--- Forgets what was folded, before everything is fetched again.
function Session:clear()
  self.blocks, self.calls, self.turns, self.open, self.queued = {}, {}, {}, {}, {}
  self.unpriced = nil
  self.cost, self.header, self.context_tokens, self.replied, self.estimated = 0, nil, nil, nil, nil
  self.streamed = { thought = {}, message = {} }
end

---@param block mazu.chat.Block
---@return mazu.chat.Block
function Session:add(block)
  local header = self.header
  if header and block.kind ~= 'user' then -- the head of the answer stands below what the user said
    self.header = nil
    self:add(header.block)
    if header.memories then
      self:add(header.memories)
    end
  end
  block.stale = true
  self.blocks[#self.blocks + 1] = block
  return block
end

---@param block mazu.chat.Block
local function touch(block)
  block.stale = true
end

--- A line of the plugin's own, such as an error.
---@param text string
---@param group? string highlight group
function Session:note(text, group)
  self:close()
  return self:add({ kind = 'note', text = text, data = { group = group } })
end

--- The text of a block, also while it streams.
---@param block mazu.chat.Block
---@return string
function Session.text_of(block)
  if block.parts and #block.parts > 1 then
    block.parts = { table.concat(block.parts) }
  end
  return block.parts and block.parts[1] or block.text or ''
end

--- Ends what streams; the next words begin a block of their own.
function Session:close()
  local thought = self.open.thought
  if thought and thought.started then
    thought.seconds = math.floor((vim.uv.now() - thought.started) / 1000 + 0.5)
    touch(thought)
  end
  self.open = {}
end

---@param kind "message"|"thought"
---@param turn? string
---@param text string
---@param live boolean
function Session:stream(kind, turn, text, live)
  local block = self.open[kind]
  if not block then
    self:close()
    block = self:add({ kind = kind, turn = turn, parts = {}, started = live and vim.uv.now() or nil })
    self.open[kind] = block
    table.insert(self.streamed[kind], block)
  end
  block.parts[#block.parts + 1] = text
  touch(block)
end

---@param update table
---@param turn? string
---@return mazu.chat.Block
function Session:call(update, turn)
  local block = self.calls[update.callId]
  if not block or block.over then -- some models use an id again in another turn
    self:close()
    block = self:add({ kind = 'tool', turn = turn, call = update.callId, status = 'running', output = '' })
    self.calls[update.callId] = block
  end
  block.tool, block.title = update.tool, update.title or update.tool or ''
  touch(block)
  return block
end

---@param turn string
---@return table
function Session:turn_of(turn)
  self.turns[turn] = self.turns[turn] or { checkpoints = {}, cost = 0, tokens = 0 }
  return self.turns[turn]
end

---@param usage table
---@return number? cost
---@return integer tokens
local function amounts(usage)
  return usage.costUsd or usage.knownCostUsd, (usage.inputTokens or 0) + (usage.outputTokens or 0)
end

---@type table<string, fun(self: mazu.chat.Session, update: table, turn: string?, live: boolean, at: string?)>
local folds = {}

function folds.user(self, update, turn, _, at)
  local text = update.shown or update.text
  if text == '' then
    return -- the program said it, not the user
  end
  self:close()
  self:add({ kind = 'user', turn = turn, text = text, at = at, data = update })
end

function folds.turn(self, update, turn, live, at)
  self:close()
  self.model = update.model or self.model
  local memories = update.memories and #update.memories > 0 and update.memories
  self.header = {
    block = { kind = 'turn', turn = turn, at = at, data = update, mode = live and self.mode or nil },
    memories = memories and { kind = 'memories', turn = turn, data = memories } or nil,
  }
end

function folds.message(self, update, turn, live)
  self:stream('message', turn, update.text, live)
end

function folds.thought(self, update, turn, live)
  self:stream('thought', turn, update.text, live)
end

--- The finished message replaces what streamed of it.
function folds.reply(self, update, turn)
  self.replied = true
  for _, kind in ipairs({ 'thought', 'message' }) do
    local text = kind == 'message' and update.text or update.thought
    for i, block in ipairs(self.streamed[kind]) do
      block.removed = i > 1 or not text or text == ''
      touch(block)
    end
    if text and text ~= '' then
      local block = self.streamed[kind][1] or self:add({ kind = kind, turn = turn })
      block.text, block.parts = text, nil
      touch(block)
    end
  end
  self:close()
  self.streamed = { thought = {}, message = {} }
end

function folds.restart(self)
  for _, blocks in pairs(self.streamed) do
    for _, block in ipairs(blocks) do
      block.removed = true
      touch(block)
    end
  end
  self.open, self.streamed = {}, { thought = {}, message = {} }
end

function folds.retry(self, update)
  self:note(('%s; trying again in %d s'):format(update.reason, math.ceil(update.seconds)))
end

function folds.tool_call(self, update, turn, live)
  local block = self:call(update, turn)
  block.started = live and vim.uv.now() or nil
end

function folds.tool_output(self, update)
  local block = self.calls[update.callId]
  if block then
    block.output = block.output .. update.text
    touch(block)
  end
end

function folds.tool_result(self, update)
  local block = self.calls[update.callId]
  if not block then
    return
  end
  block.question, block.over = nil, true
  local refused = block.status == 'not_run' or vim.startswith(update.summary or '', 'error: not allowed:')
  block.status = update.ok and 'done' or (refused and 'not_run' or 'failed')
  block.diff = update.diff or block.diff
  block.summary = (block.tool ~= 'read_file' or not update.ok) and update.summary or nil -- it is the file's text
  if block.started then
    block.seconds = math.floor((vim.uv.now() - block.started) / 1000 + 0.5)
  end
  touch(block)
end

function folds.question(self, update, turn)
  local block = self.calls[update.callId]
  if not block or block.over then
    block = self:call(update, turn)
  end
  block.question, block.status = update, 'waiting'
  block.diff = update.diff or block.diff
  touch(block)
end

function folds.question_closed(self, update)
  local block = self.calls[update.callId]
  if block and block.status == 'waiting' then
    block.question = nil
    block.status = update.verdict == 'allow' and 'running' or 'not_run'
    block.void = update.by == 'changed' and 'the text there was changed' or (update.verdict == 'void' and update.why or nil)
    block.started, block.seconds = vim.uv.now(), nil -- the wait for the user is not its own time
    touch(block)
  end
end

function folds.decision(self, update)
  local block = self.calls[update.callId]
  if block and update.verdict == 'deny' then
    block.status, block.question = 'not_run', nil
    touch(block)
  end
end

function folds.checkpoint(self, update, turn)
  if turn then
    table.insert(self:turn_of(turn).checkpoints, update.checkpointId)
  end
end

function folds.memory(self, update, turn)
  if update.outcome == 'created' or update.outcome == 'superseded' then
    self:close()
    self:add({ kind = 'note', turn = turn, text = '◆ Remembered: ' .. update.title, data = { memory = update.memoryId } })
  end
end

function folds.usage(self, update, turn)
  local cost, tokens = amounts(update.usage)
  self.cost = self.cost + (cost or 0)
  self.unpriced = self.unpriced or update.usage.costUsd == nil
  self.estimated = self.estimated or update.usage.estimated == true
  if turn then
    local known = self:turn_of(turn)
    known.cost, known.tokens = known.cost + (cost or 0), known.tokens + tokens
  end
  if self.replied and tokens > 0 then -- what one call read and wrote is what the next one has to hold
    self.replied = nil
    self.context_tokens = tokens + (update.usage.cacheReadTokens or 0) + (update.usage.cacheWriteTokens or 0)
  end
end

--- The share of the model's context window that a call used, 0..1; nil where it is not known.
---@param tokens? integer of that call; nil: the last one
---@return number?
function Session:context_share(tokens)
  tokens = tokens or self.context_tokens
  if self.context_window and tokens then
    return math.min(1, tokens / self.context_window)
  end
end

--- Renders the footers again, because the context window has become known.
function Session:touch_footers()
  for _, block in ipairs(self.blocks) do
    block.stale = block.stale or block.kind == 'footer' or nil
  end
end

function folds.named(self, update)
  self.name = update.name
end

function folds.model(self, update)
  self.model = update.model
end

function folds.compacted(self, update)
  self:close()
  self.context_tokens = nil -- known again with the next call
  self:add({ kind = 'thought', text = update.summary, data = { title = 'The conversation so far, in short' } })
end

function folds.queued(self, update)
  self.queued[#self.queued + 1] = { id = update.queueId, text = update.text }
end

function folds.dequeued(self, update)
  self.queued = vim.tbl_filter(function(one)
    return one.id ~= update.queueId
  end, self.queued)
end

function folds.state(self, update, turn, live)
  self.state = (update.state == 'done' or update.state == 'ended') and 'idle' or update.state
  if update.state == 'running' then
    self.started = self.started or (live and vim.uv.now() or nil)
    return
  elseif update.state ~= 'done' then
    return
  end
  self:close()
  self.started = nil
  for _, block in pairs(self.calls) do
    if block.status == 'running' or block.status == 'waiting' then
      block.status = block.status == 'running' and 'failed' or 'not_run' -- what runs had begun
      block.summary = block.status == 'failed' and BROKEN_OFF or nil
      block.question, block.over = nil, true
      touch(block)
    end
  end
  local failed = update.stopReason ~= 'end_turn' and update.stopReason
  if failed then
    local detail = update.detail and update.detail ~= '' and update.detail or failed:gsub('_', ' ')
    local hint = type(update.error) == 'table' and update.error.hint or ''
    if hint ~= '' and not detail:find(hint, 1, true) then
      detail = detail .. ' ' .. hint -- what happened, then what to do
    end
    local stopped = failed == 'cancelled'
    self:add({ kind = 'note', turn = turn, text = stopped and 'Stopped.' or detail, data = { group = 'MazuFailed' } })
  end
  local data = { update = update, turn = turn and self:turn_of(turn) or {}, context_tokens = self.context_tokens }
  self:add({ kind = 'footer', turn = turn, data = data })
end

--- Folds one update in. Kinds that are not known are left out, so that a newer server does no harm.
---@param update table
---@param turn? string
---@param live boolean it streams now, and is not replayed
---@param at? string the time as "10:42"
function Session:apply(update, turn, live, at)
  local fold = folds[update.kind]
  if fold then
    fold(self, update, turn, live, at)
  end
end

--- Folds a replayed event in; turns that were taken back become one line.
---@param event table
function Session:replay(event)
  local turn = event.turnId
  if event.live == false and turn then
    local last = self.blocks[#self.blocks]
    if not (last and last.kind == 'taken') then
      last = self:add({ kind = 'taken', data = { turns = {}, count = 0 } })
    end
    if not last.data.turns[turn] then
      last.data.turns[turn], last.data.count = true, last.data.count + 1
      touch(last)
    end
    if event.update.kind == 'usage' then -- what was undone was paid all the same
      local usage = event.update.usage
      self.cost, self.unpriced = self.cost + (amounts(usage) or 0), self.unpriced or usage.costUsd == nil
    end
    return
  end
  self:apply(event.update, turn, false, event.at and require('mazu.time').clock(event.at) or nil)
end

--- Whether a tool call runs, so that its elapsed time has to be drawn.
---@return mazu.chat.Block[]
function Session:running_calls()
  local found = {}
  for _, block in pairs(self.calls) do
    if block.status == 'running' and block.started then
      found[#found + 1] = block
    end
  end
  return found
end

return Session
