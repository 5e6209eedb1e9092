--- What the user is told, through vim.notify().
local M = {}

---@param level integer
---@return fun(format: string, ...)
local function at(level)
  return function(format, ...)
    vim.notify('mazu: ' .. format:format(...), level)
  end
end

M.info = at(vim.log.levels.INFO)
M.warn = at(vim.log.levels.WARN)
M.error = at(vim.log.levels.ERROR)

return M
