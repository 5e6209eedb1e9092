--- Scratch windows: replies as they arrive, plans, lists, diffs.
local buffer = require('mazu.buffer')
local config = require('mazu.config')

local M = {}

--- The scratch buffer called `mazu://{name}`, made when it does not exist.
---@param name string
---@param filetype string
---@return integer bufnr
local function scratch(name, filetype)
  local full = 'mazu://' .. name
  local existing = buffer.named(full)
  if existing then
    return existing
  end
  local bufnr = vim.api.nvim_create_buf(false, true)
  vim.api.nvim_buf_set_name(bufnr, full)
  vim.bo[bufnr].bufhidden = 'hide'
  vim.bo[bufnr].swapfile = false
  vim.bo[bufnr].modifiable = false
  vim.bo[bufnr].filetype = filetype
  vim.keymap.set('n', 'q', '<Cmd>close<CR>', { buffer = bufnr, desc = 'Close this window' })
  return bufnr
end

--- Shows a buffer in a window of its own and leaves the cursor where it is.
---@param bufnr integer
local function reveal(bufnr)
  if vim.fn.bufwinid(bufnr) ~= -1 then
    return
  end
  local here = vim.api.nvim_get_current_win()
  vim.cmd(config.get().window)
  vim.api.nvim_win_set_buf(0, bufnr)
  vim.wo[0][0].wrap = true
  vim.wo[0][0].linebreak = true
  if vim.api.nvim_win_is_valid(here) then
    vim.api.nvim_set_current_win(here)
  end
end

---@param bufnr integer
---@param first integer
---@param last integer
---@param lines string[]
local function write(bufnr, first, last, lines)
  vim.bo[bufnr].modifiable = true
  vim.api.nvim_buf_set_lines(bufnr, first, last, false, lines)
  vim.bo[bufnr].modifiable = false
  vim.bo[bufnr].modified = false
end

---@param bufnr integer
---@return boolean
local function is_empty(bufnr)
  return vim.api.nvim_buf_line_count(bufnr) == 1 and vim.api.nvim_buf_get_lines(bufnr, 0, 1, false)[1] == ''
end

--- Shows `lines` in the scratch buffer `mazu://{name}`, replacing what it said.
---@param name string
---@param lines string[]
---@param filetype? string
---@return integer bufnr
function M.show(name, lines, filetype)
  local bufnr = scratch(name, filetype or 'markdown')
  write(bufnr, 0, -1, lines)
  reveal(bufnr)
  return bufnr
end

--- Removes the scratch buffer `mazu://{name}` and its window.
---@param name string
function M.close(name)
  local bufnr = buffer.named('mazu://' .. name)
  if bufnr then
    pcall(vim.api.nvim_buf_delete, bufnr, { force = true })
  end
end

---@type table<string, integer> the open transcript of each session
local transcripts = {}

---@type integer turns that were asked for and whose session is not known yet
local expected = 0

---@type table<string, string> what came of sessions meanwhile
local early = {}

---@param session string
---@return integer?
local function transcript(session)
  local bufnr = transcripts[session]
  return bufnr and vim.api.nvim_buf_is_valid(bufnr) and bufnr or nil
end

--- Announces that `follow` or `give_up` will be called: the first words of a turn may come before the answer
--- that names its session.
function M.expect()
  expected = expected + 1
end

function M.give_up()
  expected = expected - 1
  if expected == 0 then
    early = {}
  end
end

--- Opens the window in which a session's reply appears as it is written.
---@param session string
---@param message string what the user said
function M.follow(session, message)
  local bufnr = transcript(session) or scratch('session/' .. session, 'markdown')
  transcripts[session] = bufnr
  reveal(bufnr)
  M.append(session, ('%s## You\n\n%s\n\n## Mazu\n\n'):format(is_empty(bufnr) and '' or '\n\n', message))
  M.append(session, early[session] or '')
  early[session] = nil
  M.give_up()
end

--- Adds text to the end of a session's transcript, where it is open, and keeps its end in sight.
---@param session string
---@param text string
function M.append(session, text)
  local bufnr = transcript(session)
  if text == '' then
    return
  elseif expected > 0 and not bufnr then
    early[session] = (early[session] or '') .. text
    return
  elseif not bufnr then
    return
  end
  local last = vim.api.nvim_buf_get_lines(bufnr, -2, -1, false)[1] or ''
  write(bufnr, -2, -1, vim.split(last .. text, '\n', { plain = true }))
  local window = vim.fn.bufwinid(bufnr)
  if window ~= -1 and window ~= vim.api.nvim_get_current_win() then
    vim.api.nvim_win_set_cursor(window, { vim.api.nvim_buf_line_count(bufnr), 0 })
  end
end

return M
