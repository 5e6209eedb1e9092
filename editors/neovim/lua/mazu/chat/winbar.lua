--- The line above the transcript: name, mode, model, share of the context window, cost, and what runs.
local time = require('mazu.time')

local M = {}

local NAME_WIDTH = 32
local SHORTEST_NAME = 8

M.frames = { '⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏' }

---@param text string
---@return string
local function escape(text)
  return (text:gsub('%%', '%%%%'))
end

---@param text string
---@param width integer display cells
---@return string
local function shorten(text, width)
  if vim.fn.strdisplaywidth(text) <= width then
    return text
  end
  local cells = math.max(1, width - 1)
  while vim.fn.strdisplaywidth(text) > cells do
    text = vim.fn.strcharpart(text, 0, vim.fn.strchars(text) - 1)
  end
  return text .. '…'
end

---@param session mazu.chat.Session
---@return table<string, string?>
local function facts(session)
  local share = session:context_share()
  return {
    mode = session.mode,
    model = session.model and session.model:gsub('^[^:]*:', ''),
    context = share and share >= 0.005 and ('%d %%'):format(math.floor(share * 100 + 0.5)) or nil,
    cost = session.cost > 0 and (session.unpriced and 'at least ' or '') .. time.money(session.cost, session.estimated)
      or nil,
  }
end

local ORDER = { 'mode', 'model', 'context', 'cost' }
local DISPENSABLE = { 'model', 'context', 'cost', 'mode' } -- what a narrow panel does without, in this order

---@param found table<string, string?>
---@return string
local function joined(found)
  local parts = {}
  for _, name in ipairs(ORDER) do
    parts[#parts + 1] = found[name]
  end
  return table.concat(parts, ' · ')
end

--- "⠋ 12 s · fix total() · ask · sonnet · 12 % · $0.01", in the cells that there are: the name gives way first, then the
--- model's vendor, then one fact after the other.
---@param session mazu.chat.Session
---@param frame integer
---@param note? "waits"|"starting" a question is open, or the server is being started
---@param room integer display cells
---@return string winbar
function M.render(session, frame, note, room)
  local group, activity
  if note == 'starting' then
    group, activity = 'MazuRunning', 'starting mazu-ls'
  elseif note == 'waits' or session.state == 'waiting' then
    group, activity = 'MazuWaiting', '? waits for you'
  elseif session.state == 'running' then
    local seconds = session.started and math.floor((vim.uv.now() - session.started) / 1000) or 0
    group, activity = 'MazuRunning', M.frames[frame] .. ' ' .. time.duration(seconds)
  end
  if activity then
    room = room - vim.fn.strdisplaywidth(activity) - 3
  end
  local found = facts(session)
  local function left()
    return room - vim.fn.strdisplaywidth(joined(found)) - 3
  end
  if found.model and left() < SHORTEST_NAME then
    found.model = found.model:gsub('^claude%-', '')
  end
  for _, name in ipairs(DISPENSABLE) do
    if left() < SHORTEST_NAME then
      found[name] = nil
    end
  end
  local name = shorten(session.name or 'New conversation', math.max(SHORTEST_NAME, math.min(NAME_WIDTH, left())))
  local rest = joined(found)
  local text = escape(rest == '' and name or (name .. ' · ' .. rest))
  if not activity then
    return text
  elseif room < SHORTEST_NAME then
    return ('%%#%s#%s%%#WinBar#'):format(group, activity)
  end
  return ('%%#%s#%s%%#WinBar# · %s'):format(group, activity, text)
end

return M
