--- The whole text of what was notified, for `:Mazu messages`: the message line shows one line of it.
local M = {}

local KEPT = 200

---@type string[]
local lines = {}

---@param text string
---@param level integer
function M.add(text, level)
  local sign = level >= vim.log.levels.WARN and '!' or ' '
  for _, line in ipairs(vim.split(('%s %s %s'):format(os.date('%H:%M:%S'), sign, text), '\n', { plain = true })) do
    lines[#lines + 1] = line
  end
  while #lines > KEPT do
    table.remove(lines, 1)
  end
end

---@return string[]
function M.all()
  return #lines > 0 and vim.deepcopy(lines) or { 'There were no messages.' }
end

return M
