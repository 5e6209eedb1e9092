--- Notifications that never ask for a key.
---
--- Neovim's own vim.notify() writes on the message line, and a message that is wider than that, or a second one
--- before the next redraw, makes it wait for <Enter>: the user's next keystroke would be lost.
local M = {}

local RETRY_MS = 150
local CUT = '… :Mazu messages' -- at the end of a message that has no room

---@type {text: string, level: integer}[] what is still to be shown
local pending = {}

---@type string? what stands in the message line because of us
local shown

--- Whether notifications go to the message line, and not to a plugin's own windows.
---@return boolean
local function on_message_line()
  local source = debug.getinfo(vim.notify, 'S').source or ''
  return source:find('vim/_') ~= nil and source:find('editor') ~= nil
end

--- `text` as it fits on the message line.
---@param text string
---@return string
local function fitted(text)
  local line = vim.trim((text:gsub('%s*\n%s*', ' ')))
  local room = math.max(20, vim.v.echospace)
  if vim.fn.strdisplaywidth(line) <= room then
    return line
  end
  return vim.fn.strcharpart(line, 0, room - vim.fn.strdisplaywidth(CUT)) .. CUT
end

local function flush()
  if #pending == 0 then
    return
  end
  local mode = vim.api.nvim_get_mode().mode
  if mode:find('^[cr]') then -- a command is being typed, or a prompt stands there
    vim.defer_fn(flush, RETRY_MS)
    return
  end
  local entries = pending
  pending = {}
  if not on_message_line() then
    for _, entry in ipairs(entries) do
      vim.notify(entry.text, entry.level)
    end
    return
  end
  local texts, level = {}, vim.log.levels.TRACE
  for _, entry in ipairs(entries) do
    texts[#texts + 1] = entry.text
    level = math.max(level, entry.level)
  end
  vim.cmd.redraw()
  shown = table.concat(texts, ' · ')
  vim.notify(fitted(shown), level)
end

--- Takes a sentence that is no longer true out of the message line, or out of what is still to be shown.
---@param format string as it was given to `warn`, `info` or `error`
function M.withdraw(format, ...)
  local text = 'mazu: ' .. format:format(...)
  pending = vim.tbl_filter(function(entry)
    return entry.text ~= text
  end, pending)
  if shown == text and on_message_line() then
    shown = nil
    vim.api.nvim_echo({ { '' } }, false, {})
  end
end

---@param level integer
---@return fun(format: string, ...)
local function at(level)
  return function(format, ...)
    local text = 'mazu: ' .. format:format(...)
    pending[#pending + 1] = { text = text, level = level }
    require('mazu.messages').add(text, level)
    if #pending == 1 then
      vim.schedule(flush)
    end
  end
end

M.info = at(vim.log.levels.INFO)
M.warn = at(vim.log.levels.WARN)
M.error = at(vim.log.levels.ERROR)

return M
