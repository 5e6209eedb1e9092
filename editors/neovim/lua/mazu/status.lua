--- The answer of mazu.status as a page.
local time = require('mazu.time')

local M = {}

---@param bytes? number
---@return string?
local function size(bytes)
  if not bytes then
    return
  end
  for _, unit in ipairs({ { 2 ^ 30, 'GiB' }, { 2 ^ 20, 'MiB' }, { 2 ^ 10, 'KiB' } }) do
    if bytes >= unit[1] then
      return ('%.1f %s'):format(bytes / unit[1], unit[2])
    end
  end
  return bytes .. ' bytes'
end

---@param part table
---@param words string
---@return string
local function store(part, words)
  if not part.available then
    return 'not available: ' .. (part.reason or '')
  end
  local counts = {}
  for key, value in vim.spairs(part) do
    if type(value) == 'number' then
      local shown = key:lower():find('bytes') and size(value) or tostring(value)
      local names = { bytes = 'size', maxBytes = 'at most' }
      counts[#counts + 1] = ('%s %s'):format(names[key] or key, shown)
    end
  end
  return #counts > 0 and table.concat(counts, ', ') or words
end

---@param list string[]
---@return string
local function joined(list)
  return #list > 0 and table.concat(list, ', ') or 'none'
end

--- One line for each thing that a user may want to know.
---@param status table
---@return string[]
function M.lines(status)
  local lines = { '# Mazu ' .. (status.version or ''), '' }
  local function row(name, value)
    lines[#lines + 1] = ('%-12s %s'):format(name, value)
  end
  row('model', status.model or 'none, because no key is set')
  row('mode', status.mode)
  local running = vim.tbl_map(function(session)
    return ('%s (%s)'):format(session.name, session.state)
  end, status.running or {})
  for _, turn in ipairs(status.runningElsewhere or {}) do
    local note = turn.suspended and ', suspended' or ''
    running[#running + 1] = ('in %s (pid %d%s)'):format(turn.client, turn.pid, note)
  end
  row('running', joined(running))
  row('memory', store(status.memory, 'empty'))
  row('checkpoints', store(status.checkpoints, 'none'))
  local keys = {}
  for name, present in vim.spairs(status.keys or {}) do
    keys[#keys + 1] = present and name or nil
  end
  row('keys', joined(keys))
  row('git', status.git and 'found' or 'not found: checkpoints need it')
  local sandbox = status.sandbox
  if type(sandbox) == 'table' then
    row('sandbox', ('%s: %s'):format(sandbox.kind or 'none', sandbox.why or sandbox.setting or ''))
  end
  for _, server in ipairs(status.mcpServers or {}) do
    local detail = server.detail and server.detail ~= '' and (': ' .. server.detail) or ''
    row('mcp', ('%s %s%s'):format(server.name, server.state, detail))
  end
  row('folders', joined(status.folders or {}))
  row('log', status.log or '')
  for _, warning in ipairs(status.warnings or {}) do
    lines[#lines + 1] = ''
    lines[#lines + 1] = '! ' .. warning:gsub('\n', ' ')
  end
  local known = require('mazu.update').state()
  if known and known.cost and known.cost > 0 then
    row('cost', (known.unpriced and 'at least ' or '') .. time.money(known.cost) .. ' since the server was started')
  end
  return lines
end

return M
