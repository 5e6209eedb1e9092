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

---@type table<string, fun()[]> what there was to add to sessions meanwhile
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

--- Adds text to the end of a transcript and keeps its end in sight.
---@param bufnr integer
---@param text string
local function add(bufnr, text)
  local last = vim.api.nvim_buf_get_lines(bufnr, -2, -1, false)[1] or ''
  write(bufnr, -2, -1, vim.split(last .. text, '\n', { plain = true }))
  local window = vim.fn.bufwinid(bufnr)
  if window ~= -1 and window ~= vim.api.nvim_get_current_win() then
    vim.api.nvim_win_set_cursor(window, { vim.api.nvim_buf_line_count(bufnr), 0 })
  end
end

--- Ends what stands there with one empty line, and begins a line below it.
---@param bufnr integer
local function begin_paragraph(bufnr)
  local tail = vim.api.nvim_buf_get_lines(bufnr, -3, -1, false)
  if is_empty(bufnr) or (tail[#tail] == '' and tail[#tail - 1] == '') then
    return
  end
  add(bufnr, tail[#tail] == '' and '\n' or '\n\n')
end

--- Runs `write_to` with the transcript of a session where it is open, later where it is about to be.
---@param session string
---@param write_to fun(bufnr: integer)
local function with_transcript(session, write_to)
  local bufnr = transcript(session)
  if bufnr then
    write_to(bufnr)
  elseif expected > 0 then
    early[session] = early[session] or {}
    table.insert(early[session], function()
      write_to(assert(transcript(session)))
    end)
  end
end

--- Adds text to a session's transcript as it streams.
---@param session string
---@param text string
function M.append(session, text)
  with_transcript(session, function(bufnr)
    add(bufnr, text)
  end)
end

--- Adds a paragraph of its own to a session's transcript.
---@param session string
---@param text string
function M.append_paragraph(session, text)
  with_transcript(session, function(bufnr)
    begin_paragraph(bufnr)
    add(bufnr, text .. '\n\n')
  end)
end

--- Opens the window in which a session's reply appears as it is written.
---@param session string
---@param message string what the user said
function M.follow(session, message)
  transcripts[session] = transcript(session) or scratch('session/' .. session, 'markdown')
  reveal(transcripts[session])
  M.append_paragraph(session, ('## You\n\n%s\n\n## Mazu'):format(message))
  for _, add_early in ipairs(early[session] or {}) do
    add_early()
  end
  early[session] = nil
  M.give_up()
end

return M
