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

--- What is known of the server for the current buffer, without asking it; nil where none runs.
---@return mazu.State?
function M.state()
  return require('mazu.update').state()
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
  local cost = known.usage and known.usage.costUsd
  local parts = { 'mazu' }
  if activity ~= 'idle' then
    parts[#parts + 1] = activity
  end
  parts[#parts + 1] = known.model
  parts[#parts + 1] = known.mode
  if cost and cost > 0 then
    parts[#parts + 1] = ('$%.3f'):format(cost)
  end
  return table.concat(parts, ' ')
end

return M
