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

--- What a narrow panel can do without, the least important first.
---@param session mazu.chat.Session
---@return string[]
local function facts(session)
  local found = {}
  found[#found + 1] = session.mode
  found[#found + 1] = session.model and (session.model:gsub('^[^:]*:', ''))
  local share = session:context_share()
  found[#found + 1] = share and share >= 0.005 and ('%d %%'):format(math.floor(share * 100 + 0.5)) or nil
  found[#found + 1] = session.cost > 0 and time.money(session.cost) or nil
  return found
end

--- "⠋ 12 s · fix total() · ask · sonnet · 12 % · $0.01", in the cells that there are: the name gives way first, then the
--- model's vendor, then the model.
---@param session mazu.chat.Session
---@param frame integer
---@param waits boolean a question is open
---@param room integer display cells
---@return string winbar
function M.render(session, frame, waits, room)
  local group, activity
  if waits or session.state == 'waiting' then
    group, activity = 'MazuWaiting', '? waits for you'
  elseif session.state == 'running' then
    local seconds = session.started and math.floor((vim.uv.now() - session.started) / 1000) or 0
    group, activity = 'MazuRunning', M.frames[frame] .. ' ' .. time.duration(seconds)
  end
  if activity then
    room = room - vim.fn.strdisplaywidth(activity) - 3
  end
  local name, rest = session.name or 'New conversation', facts(session)
  local function width()
    return vim.fn.strdisplaywidth(table.concat(rest, ' · ')) + 3
  end
  local model = session.model and rest[session.mode and 2 or 1]
  if model and room - width() < SHORTEST_NAME then
    rest[session.mode and 2 or 1] = model:gsub('^claude%-', '')
  end
  if model and room - width() < SHORTEST_NAME then
    table.remove(rest, session.mode and 2 or 1)
  end
  name = shorten(name, math.max(SHORTEST_NAME, math.min(NAME_WIDTH, room - width())))
  local text = escape(table.concat(vim.list_extend({ name }, rest), ' · '))
  return activity and ('%%#%s#%s%%#WinBar# · %s'):format(group, activity, text) or text
end

return M
