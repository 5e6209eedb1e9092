--- Scratch windows: plans, lists, diffs, answers side by side.
local buffer = require('mazu.buffer')
local config = require('mazu.config')

local M = {}

---@type table<integer, integer> the window from which a scratch buffer was entered
local entered_from = {}

--- Closes the window of a scratch buffer and goes back to where the user was, as into the message being written.
---@param bufnr integer
local function close(bufnr)
  local back = entered_from[bufnr]
  vim.cmd.close()
  if back and vim.api.nvim_win_is_valid(back) then
    vim.api.nvim_set_current_win(back)
  end
end

--- The scratch buffer called `mazu://{name}`, made when it does not exist.
---@param name string
---@param filetype string
---@return integer bufnr
local function scratch(name, filetype)
  local full = 'mazu://' .. name
  local existing = buffer.named(full)
  if existing and vim.api.nvim_buf_is_loaded(existing) and vim.bo[existing].buftype == 'nofile' then
    return existing
  end
  local bufnr = vim.api.nvim_create_buf(false, true)
  require('mazu.buffer').set_name(bufnr, full)
  vim.bo[bufnr].bufhidden = 'hide'
  vim.bo[bufnr].swapfile = false
  vim.bo[bufnr].modifiable = false
  vim.bo[bufnr].filetype = filetype
  if filetype == 'markdown' then
    require('mazu.markdown').start(bufnr)
  end
  vim.keymap.set('n', 'q', function()
    close(bufnr)
  end, { buffer = bufnr, desc = 'Close this window' })
  return bufnr
end

---@param window integer
---@param bufnr integer
local function set_statusline(window, bufnr)
  local name = vim.api.nvim_buf_get_name(bufnr):gsub('^mazu://', 'Mazu: '):gsub('%%', '%%%%')
  vim.wo[window][0].statusline = ' ' .. name .. '%=q closes '
end

--- Whether the user neither types nor chooses just now, so that the cursor may be moved.
---@return boolean
function M.may_take_focus()
  return vim.api.nvim_get_mode().mode == 'n'
end

--- Shows a buffer in a window of its own; the cursor stays where it is unless `focus`, and where the user is typing.
---@param bufnr integer
---@param focus? boolean
local function reveal(bufnr, focus)
  focus = focus and M.may_take_focus()
  local window = vim.fn.bufwinid(bufnr)
  local here = vim.api.nvim_get_current_win()
  if window == -1 then
    vim.cmd(config.get().window)
    window = vim.api.nvim_get_current_win()
    vim.api.nvim_win_set_buf(0, bufnr)
    vim.wo[0][0].wrap = true
    vim.wo[0][0].linebreak = true
    vim.wo[0][0].number = false
    vim.wo[0][0].relativenumber = false
    set_statusline(0, bufnr)
  end
  if focus and window ~= here then
    entered_from[bufnr] = here
  end
  if vim.api.nvim_win_is_valid(here) then
    vim.api.nvim_set_current_win(focus and window or here)
  end
end

---@param bufnr integer
---@param lines string[]
local function write(bufnr, lines)
  vim.bo[bufnr].modifiable = true
  vim.api.nvim_buf_set_lines(bufnr, 0, -1, false, lines)
  vim.bo[bufnr].modifiable = false
  vim.bo[bufnr].modified = false
end

--- Shows `lines` in the scratch buffer `mazu://{name}`, replacing what it said.
---@param name string
---@param lines string[]
---@param filetype? string
---@param opts? {focus?: boolean}
---@return integer bufnr
function M.show(name, lines, filetype, opts)
  local bufnr = scratch(name, filetype or 'markdown')
  write(bufnr, lines)
  reveal(bufnr, opts and opts.focus)
  return bufnr
end

--- Shows texts in columns in a tab of their own, with one more text below them.
---@param name string
---@param columns {name: string, lines: string[]}[]
---@param below string[]
function M.columns(name, columns, below)
  local bottom = scratch(name, 'markdown')
  write(bottom, below)
  vim.cmd('tab split')
  vim.api.nvim_win_set_buf(0, bottom)
  for i, column in ipairs(columns) do
    local bufnr = scratch(column.name, 'markdown')
    write(bufnr, column.lines)
    vim.cmd(i == 1 and 'leftabove split' or 'rightbelow vsplit')
    vim.api.nvim_win_set_buf(0, bufnr)
  end
  for _, window in ipairs(vim.api.nvim_tabpage_list_wins(0)) do
    local bufnr = vim.api.nvim_win_get_buf(window)
    set_statusline(window, bufnr)
    vim.keymap.set('n', 'q', '<Cmd>tabclose<CR>', { buffer = bufnr, desc = 'Close this tab' })
    vim.wo[window][0].wrap = true
    vim.wo[window][0].linebreak = true
    vim.wo[window][0].conceallevel = 2
  end
  vim.cmd('wincmd =')
end

--- Removes the scratch buffer `mazu://{name}` and its window.
---@param name string
function M.close(name)
  local bufnr = buffer.named('mazu://' .. name)
  if not bufnr then
    return
  end
  local inside = vim.api.nvim_get_current_buf() == bufnr
  local back = entered_from[bufnr]
  entered_from[bufnr] = nil
  pcall(vim.api.nvim_buf_delete, bufnr, { force = true })
  if inside and back and vim.api.nvim_win_is_valid(back) then
    vim.api.nvim_set_current_win(back)
  end
end

return M
