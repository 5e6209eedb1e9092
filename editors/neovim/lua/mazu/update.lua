--- What the server reports while it works: kept for the status line, folded into the conversation, handed on as
--- `User` autocommands.
local buffer = require('mazu.buffer')
local tell = require('mazu.tell')

local M = {}

---@class mazu.State
---@field sessions table<string, "running"|"waiting"|"done">
---@field turn? string the turn that runs
---@field started? integer when it began, in milliseconds of the monotonic clock
---@field usage? table the last usage that was reported
---@field cost? number of the turns since the server was started
---@field model? string
---@field mode? string
---@field pid? integer

---@type table<integer, mazu.State> by client id
local states = {}

---@param client_id integer
---@return mazu.State
local function state(client_id)
  states[client_id] = states[client_id] or { sessions = {} }
  return states[client_id]
end

---@param pattern string
---@param data table
local function announce(pattern, data)
  if vim.fn.exists('#User') == 0 then
    return -- nobody listens, and updates come by the thousand
  end
  vim.api.nvim_exec_autocmds('User', { pattern = pattern, modeline = false, data = data })
end

--- Asks for model and mode, so that the status line can say them.
---@param client_id? integer
function M.refresh(client_id)
  local client = require('mazu.client')
  client.execute('mazu.status', nil, function(result, server)
    local known = state(server.id)
    known.model, known.mode, known.pid = result.model, result.mode, result.pid
    announce('MazuStatus', { client_id = server.id, status = result })
    vim.cmd('redrawstatus!')
    require('mazu.chat').status_changed(server.id)
  end, { on_error = function() end, client_id = client_id })
end

---@param client_id integer
---@param params table
local function take_state(client_id, params)
  local value = params.update.state
  local known = state(client_id)
  if not known.model then
    M.refresh(client_id)
  end
  known.sessions[params.sessionId] = value
  if value == 'done' then
    known.turn, known.started = nil, nil
    require('mazu.question').forget_session(params.sessionId)
    buffer.catch_up_with_files()
    announce('MazuTurnEnd', { client_id = client_id, params = params })
  elseif known.turn ~= params.turnId then
    known.turn, known.started = params.turnId, vim.uv.now()
    announce('MazuTurnStart', { client_id = client_id, params = params })
  end
end

--- `mazu/session/update`.
---@param params table
---@param ctx lsp.HandlerContext
function M.session(params, ctx)
  local update = params.update
  local known = state(ctx.client_id)
  if update.usage then
    known.usage = update.usage
    if update.kind == 'usage' then
      known.cost = (known.cost or 0) + (update.usage.costUsd or update.usage.knownCostUsd or 0)
      known.unpriced = known.unpriced or update.usage.costUsd == nil
    end
  end
  require('mazu.chat').update(ctx.client_id, params)
  if update.kind == 'state' then
    take_state(ctx.client_id, params)
  elseif update.kind == 'question_closed' then
    require('mazu.question').resolved(update)
  end
  announce('MazuUpdate', { client_id = ctx.client_id, params = params })
  if update.kind == 'state' then
    vim.cmd('redrawstatus!')
  end
end

--- `mazu/changed`.
---@param params table
---@param ctx lsp.HandlerContext
function M.changed(params, ctx)
  announce('MazuChanged', { client_id = ctx.client_id, what = params.what })
  if vim.list_contains(params.what, 'proposals') then
    require('mazu.review').refresh(ctx.client_id)
  end
  if vim.list_contains(params.what, 'checkpoints') then -- a terminal or another editor may have undone something
    buffer.catch_up_with_files()
  end
end

--- `window/showMessage`.
---@param params {type: integer, message: string}
function M.message(params)
  local text = (params.message:gsub('^Mazu:%s*', ''))
  local say = params.type <= 1 and tell.error or (params.type == 2 and tell.warn or tell.info)
  say('%s', text)
end

--- A server has started: from now on the status line knows it.
---@param client_id integer
function M.started(client_id)
  state(client_id)
  require('mazu.chat.panel').watch()
  M.refresh(client_id)
  announce('MazuReady', { client_id = client_id })
end

--- A server has ended, of itself or not.
---@param client_id integer
---@param code integer
---@param signal integer
function M.ended(client_id, code, signal)
  local was_busy = states[client_id] and states[client_id].turn ~= nil
  states[client_id] = nil
  require('mazu.question').forget_client(client_id)
  require('mazu.chat').server_ended(client_id, was_busy)
  announce('MazuExit', { client_id = client_id, code = code, signal = signal })
  if vim.v.exiting == vim.NIL and (was_busy or code ~= 0 or signal ~= 0) then
    tell.warn('the server ended%s; the next :Mazu command starts it again (:Mazu log)', was_busy and ' in the middle of a turn' or '')
  end
  vim.cmd('redrawstatus!')
end

--- The turn that runs in a client.
---@param client_id integer
---@return string?
function M.running_turn(client_id)
  return state(client_id).turn
end

---@param client_id integer
---@return mazu.State
function M.of(client_id)
  return state(client_id)
end

--- What is known of the client that serves the current buffer.
---@return mazu.State?
function M.state()
  local client = require('mazu.client').get()
  return client and state(client.id)
end

---@return integer?
function M.pid()
  local known = M.state()
  return known and known.pid
end

--- Whether a turn runs ("running"), waits for the user ("waiting"), or neither ("idle").
---@param known mazu.State
---@return "running"|"waiting"|"idle"
function M.activity(known)
  local question = package.loaded['mazu.question'] and require('mazu.question').current()
  if question then
    return 'waiting'
  end
  local found = 'idle'
  for _, value in pairs(known.sessions) do
    if value == 'waiting' then
      return 'waiting'
    elseif value == 'running' then
      found = 'running'
    end
  end
  return found
end

return M
