--- The Lua interface. There is no setup(): see |mazu-config|.
local M = {}

--- Starts the server for a buffer (0 or nil: the current one). Needed on Neovim 0.10 only, where
--- `vim.lsp.enable()` does not exist, and in folders without `.mazu` or `.git`.
---@param bufnr? integer
---@return integer? client_id
function M.start(bufnr)
  return require('mazu.client').start(bufnr)
end

--- Runs one of the server's commands and calls back with its result; errors are shown to the user unless
--- `opts.on_error` takes them.
---@param command string such as "mazu.recall"
---@param argument? table
---@param callback? fun(result: any)
---@param opts? mazu.ExecuteOptions
function M.execute(command, argument, callback, opts)
  require('mazu.client').execute(command, argument, callback, opts)
end

--- Opens or closes the chat panel.
function M.toggle()
  vim.cmd('Mazu toggle')
end

--- The question that waits for the user, if one does.
---@return mazu.Question?
function M.question()
  return package.loaded['mazu.question'] and require('mazu.question').current()
end

--- What is known of the server for the current buffer, without asking it; nil where none runs.
---@return mazu.State?
function M.state()
  return require('mazu.update').state()
end

--- The process of the server, where one runs here.
---@return integer?
function M.pid()
  return require('mazu.update').pid()
end

--- A short text for a status line: empty where no server runs.
---@return string
function M.statusline()
  if not package.loaded['mazu.update'] then
    return '' -- nothing has been heard from a server yet
  end
  local update = require('mazu.update')
  local known = update.state()
  if not known then
    return ''
  end
  local activity = update.activity(known)
  local parts = { 'mazu' }
  if activity == 'waiting' then
    parts[#parts + 1] = 'waits for you'
  elseif activity == 'running' then
    local seconds = known.started and math.floor((vim.uv.now() - known.started) / 1000) or 0
    parts[#parts + 1] = 'running ' .. require('mazu.time').duration(seconds)
  end
  parts[#parts + 1] = known.model and (known.model:gsub('^[^:]*:', ''))
  parts[#parts + 1] = known.mode
  if known.cost and known.cost > 0 then
    parts[#parts + 1] = (known.unpriced and 'at least ' or '') .. require('mazu.time').money(known.cost)
  end
  return table.concat(parts, ' ')
end

return M
