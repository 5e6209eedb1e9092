--- Waiting for an answer without blocking the editor.
local tell = require('mazu.tell')

local M = {}

--- Suspends the running handler until `start` calls back, and returns what it was called with.
---
--- Neovim runs the handlers of server requests inside a coroutine, so they may wait for the user.
---@generic T
---@param start fun(done: fun(value: T))
---@return T
function M.await(start)
  local co, is_main = coroutine.running()
  if not co or is_main then
    error('mazu.task.await() needs a coroutine')
  end
  local finished = false
  start(function(value)
    if finished then
      return
    end
    finished = true
    -- Scheduled: `start` may call back before this coroutine has yielded.
    vim.schedule(function()
      local ok, err = coroutine.resume(co, value)
      if not ok then
        tell.error('%s', err)
      end
    end)
  end)
  return coroutine.yield()
end

--- `value` with every JSON null turned into nil. Neovim 0.12 hands nulls on as `vim.NIL`, 0.11 does not.
---@generic T
---@param value T
---@return T
function M.without_nulls(value)
  if value == vim.NIL then
    return nil
  elseif type(value) ~= 'table' then
    return value
  end
  for key, item in pairs(value) do
    if item == vim.NIL then
      value[key] = nil
    else
      M.without_nulls(item)
    end
  end
  return value
end

return M
