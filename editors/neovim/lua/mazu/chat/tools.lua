--- Tool calls: their signs, and the size of a diff. What they do is said by the server.
local M = {}

---@type table<string, string>
M.signs = { running = '•', done = '✓', failed = '✗', waiting = '?', not_run = '–', taken = '⟲' }

---@type table<string, string>
M.groups = {
  running = 'MazuRunning',
  done = 'MazuDone',
  failed = 'MazuFailed',
  waiting = 'MazuWaiting',
  not_run = 'MazuDim',
}

--- How many lines a unified diff adds and removes.
---@param diff string
---@return integer added
---@return integer removed
function M.count(diff)
  local all_added, all_removed = diff:match('\n%.%.%. %d+ more lines %(%+(%d+) %-(%d+) in all%)%s*$')
  if all_added then
    return tonumber(all_added), tonumber(all_removed)
  end
  local added, removed = 0, 0
  for _, line in ipairs(require('mazu.patch').body(diff)) do
    local sign = line:sub(1, 1)
    added, removed = added + (sign == '+' and 1 or 0), removed + (sign == '-' and 1 or 0)
  end
  return added, removed
end

return M
