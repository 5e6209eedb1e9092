--- What the server reports while it works: kept for the status line, handed on as `User` autocommands.
local buffer = require('mazu.buffer')
local view = require('mazu.view')

local M = {}

---@class mazu.State
---@field sessions table<string, "running"|"waiting"|"done">
---@field usage? table the last usage that was reported
---@field model? string
---@field mode? string

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
  vim.api.nvim_exec_autocmds('User', { pattern = pattern, modeline = false, data = data })
end

--- What is said in a transcript of what is not the model's own text.
---@type table<string, fun(update: table): string?>
local notes = {
  tool_call = function(update)
    return update.title or update.tool
  end,
  tool_result = function(update)
    return ('%s: %s'):format(update.ok and 'done' or 'failed', update.summary)
  end,
  restart = function()
    return 'What stands above of this reply is void; it starts again.'
  end,
  retry = function(update)
    return ('%s; trying again in %d s'):format(update.reason, update.seconds)
  end,
  state = function(update)
    return update.detail and update.detail ~= '' and update.detail or nil
  end,
}

---@param session string
---@param update table
local function write_down(session, update)
  if update.kind == 'message' then
    return view.append(session, update.text)
  end
  local note = notes[update.kind] and notes[update.kind](update)
  if note then
    view.append_paragraph(session, '> ' .. note:gsub('%s*\n%s*', ' '))
  end
end

--- Asks for model and mode, so that the status line can say them.
function M.refresh()
  require('mazu.client').execute('mazu.status', nil, function(result, client)
    local known = state(client.id)
    known.model, known.mode = result.model, result.mode
    vim.cmd.redrawstatus()
  end, { on_error = function() end })
end

---@param client_id integer
---@param params table
local function take_state(client_id, params)
  local value = params.update.state
  local known = state(client_id)
  if not known.model then
    M.refresh()
  end
  known.sessions[params.sessionId] = value
  if value == 'done' then
    require('mazu.permission').forget(params.sessionId)
    buffer.catch_up_with_files()
  end
end

--- `mazu/session/update`.
---@param params table
---@param ctx lsp.HandlerContext
function M.session(params, ctx)
  local update = params.update
  if update.kind == 'state' then
    take_state(ctx.client_id, params)
  end
  if update.usage then
    state(ctx.client_id).usage = update.usage
  end
  write_down(params.sessionId, update)
  announce('MazuUpdate', { client_id = ctx.client_id, params = params })
  if update.kind == 'state' or update.usage then
    vim.cmd.redrawstatus()
  end
end

--- `mazu/changed`.
---@param params table
---@param ctx lsp.HandlerContext
function M.changed(params, ctx)
  announce('MazuChanged', { client_id = ctx.client_id, what = params.what })
end

--- What is known of the client that serves the current buffer.
---@return mazu.State?
function M.state()
  local client = require('mazu.client').get()
  return client and state(client.id)
end

--- Whether a turn runs ("running"), waits for the user ("waiting"), or neither ("idle").
---@param known mazu.State
---@return "running"|"waiting"|"idle"
function M.activity(known)
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
