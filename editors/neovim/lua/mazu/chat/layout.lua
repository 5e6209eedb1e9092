--- The two windows of the chat panel: where each layout puts them, how they look, and how the editor looks as before when
--- they are closed.
local config = require('mazu.config')

local M = {}

local NARROW, LOW = 70, 24 -- columns and lines

---@class mazu.chat.Windows
---@field transcript integer
---@field composer integer
---@field layout string
---@field replaced? {bufnr: integer, view: vim.fn.winsaveview.ret} what layout "current" took the place of

--- Sets what a window needs to show a transcript.
---@param window integer
function M.dress(window)
  local options = {
    wrap = true,
    linebreak = true,
    breakindent = true,
    number = false,
    relativenumber = false,
    signcolumn = 'no',
    foldcolumn = '0',
    list = false,
    spell = false,
    cursorline = false,
    cursorcolumn = false,
    colorcolumn = '',
    scrolloff = 0,
    smoothscroll = true, -- a line that is longer than the window is seen in part, not skipped
    conceallevel = 2,
    concealcursor = 'nc',
    foldmethod = 'expr',
    foldexpr = "v:lua.require'mazu.chat.buffer'.foldexpr(v:lnum)",
    foldtext = "v:lua.require'mazu.chat.buffer'.foldtext()",
    foldlevel = 1,
    winhighlight = 'Folded:Normal',
    foldenable = true,
    fillchars = 'fold: ,eob: ',
    statuscolumn = '',
    statusline = ' Mazu%=%{&modifiable ? "" : line(".") >= line("$") ? "" : line(".") . "/" . line("$")} ',
    scrollbind = false,
    cursorbind = false,
    diff = false,
    winfixbuf = vim.fn.has('nvim-0.11') == 1 or nil,
  }
  for name, value in pairs(options) do
    vim.api.nvim_set_option_value(name, value, { win = window, scope = 'local' })
  end
end

---@param share number
---@param whole integer
---@param least integer
---@return integer
local function size(share, whole, least)
  local wanted = share <= 1 and math.floor(whole * share) or math.floor(share)
  return math.max(math.min(least, whole), math.min(wanted, whole))
end

--- Where the two floats stand.
---@param options mazu.ChatConfig
---@return vim.api.keyset.win_config transcript
---@return vim.api.keyset.win_config composer
local function places(options)
  local width = size(math.max(options.width, 0.7), vim.o.columns - 4, 40)
  local height = size(math.max(options.height, 0.8), vim.o.lines - 4, 10)
  local composer = math.min(options.composer, math.max(1, math.floor(height / 3)))
  local column, row = math.floor((vim.o.columns - width) / 2), math.max(0, math.floor((vim.o.lines - height) / 2) - 1)
  local common = { relative = 'editor', width = width, col = column, border = 'rounded' }
  local above = { height = math.max(1, height - composer - 2), row = row }
  local below = { height = composer, row = row + height - composer }
  return vim.tbl_extend('error', common, above), vim.tbl_extend('error', common, below)
end

---@param window integer
---@return boolean
local function is_float(window)
  return vim.api.nvim_win_get_config(window).relative ~= ''
end

--- The window to split: not a float, which cannot be.
local function leave_float()
  if is_float(0) then
    for _, window in ipairs(vim.api.nvim_tabpage_list_wins(0)) do
      if not is_float(window) then
        return vim.api.nvim_set_current_win(window)
      end
    end
  end
end

--- The layout in force: a terminal that is too narrow for two columns has the panel below, or in a tab of its own.
---@param wanted string
---@return string
local function fitting(wanted)
  if (wanted == 'right' or wanted == 'left') and vim.o.columns < NARROW then
    return vim.o.lines >= LOW and 'bottom' or 'tab'
  end
  return wanted
end

--- Opens the windows on a transcript, as the setting has it.
---@param bufnr integer
---@return mazu.chat.Windows
function M.open(bufnr)
  local options = config.get().chat
  local layout, composer = fitting(options.layout), require('mazu.chat.composer').buffer()
  local windows = { layout = layout }
  if layout == 'float' then
    local above, below = places(options)
    windows.transcript = vim.api.nvim_open_win(bufnr, false, above)
    windows.composer = vim.api.nvim_open_win(composer, false, below)
  else
    leave_float()
    if layout == 'current' then
      windows.replaced = { bufnr = vim.api.nvim_get_current_buf(), view = vim.fn.winsaveview() }
    elseif layout == 'tab' then
      vim.cmd('tab split')
    elseif layout == 'bottom' then
      vim.cmd(('keepalt botright %dsplit'):format(size(options.height, vim.o.lines, 12)))
    else
      local side = layout == 'left' and 'topleft' or 'botright'
      vim.cmd(('keepalt %s %dvsplit'):format(side, size(options.width, vim.o.columns, 40)))
    end
    windows.transcript = vim.api.nvim_get_current_win()
    vim.api.nvim_win_set_buf(windows.transcript, bufnr)
    local room = math.floor(vim.api.nvim_win_get_height(windows.transcript) / 3)
    local height = math.max(1, math.min(options.composer, room))
    local split = { split = 'below', win = windows.transcript, height = height }
    windows.composer = vim.api.nvim_open_win(composer, false, split)
    vim.wo[windows.composer].winfixheight = true
    vim.wo[windows.transcript].winfixwidth = layout == 'right' or layout == 'left'
  end
  M.dress(windows.transcript)
  require('mazu.chat.composer').dress(windows.composer)
  return windows
end

--- Takes windows that are there already, as a session file left them.
---@param bufnr integer
---@param windows mazu.chat.Windows
---@return mazu.chat.Windows
function M.adopt(bufnr, windows)
  vim.api.nvim_win_set_buf(windows.transcript, bufnr)
  vim.api.nvim_win_set_buf(windows.composer, require('mazu.chat.composer').buffer())
  vim.wo[windows.composer].winfixheight = true
  vim.wo[windows.transcript].winfixwidth = windows.layout == 'right' or windows.layout == 'left'
  M.dress(windows.transcript)
  require('mazu.chat.composer').dress(windows.composer)
  return windows
end

--- Puts the floats where they belong after the terminal got another size.
---@param windows mazu.chat.Windows
function M.resize(windows)
  if windows.layout == 'float' then
    local above, below = places(config.get().chat)
    pcall(vim.api.nvim_win_set_config, windows.transcript, above)
    pcall(vim.api.nvim_win_set_config, windows.composer, below)
  end
end

--- Shows in a window what was there before, or another file.
---@param window integer
---@param replaced? {bufnr: integer, view: table}
local function give_back(window, replaced)
  vim.wo[window].winfixbuf = false
  local bufnr = replaced and vim.api.nvim_buf_is_valid(replaced.bufnr) and replaced.bufnr
  if not bufnr then
    for _, other in ipairs(vim.fn.getbufinfo({ buflisted = 1 })) do
      bufnr = bufnr or other.bufnr
    end
  end
  vim.api.nvim_win_set_buf(window, bufnr or vim.api.nvim_create_buf(true, false))
  if replaced and bufnr == replaced.bufnr then
    vim.api.nvim_win_call(window, function()
      vim.fn.winrestview(replaced.view)
    end)
  end
end

--- Closes the windows; one that cannot be closed, or that was not the panel's own, gets its former text back.
---@param windows mazu.chat.Windows
---@param is_ours fun(bufnr: integer): boolean
function M.close(windows, is_ours)
  for _, window in ipairs({ windows.composer, windows.transcript }) do
    if vim.api.nvim_win_is_valid(window) and is_ours(vim.api.nvim_win_get_buf(window)) then
      local own = window ~= windows.transcript or not windows.replaced
      local closed = own and pcall(vim.api.nvim_win_close, window, true)
      if not closed and vim.api.nvim_win_is_valid(window) then
        give_back(window, windows.replaced)
      end
    end
  end
end

return M
