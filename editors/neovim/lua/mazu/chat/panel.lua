--- The one chat panel: a transcript over a composer, which opens and closes as one.
local config = require('mazu.config')
local winbar = require('mazu.chat.winbar')

local M = {}

local TICK_MS = 250

---@class mazu.chat.Panel
---@field entry? mazu.chat.Entry
---@field transcript? integer window
---@field composer? integer window
---@field float? integer window of a question while the panel is closed
---@field timer? uv.uv_timer_t
---@field frame integer
---@field height? integer of the composer
---@field windows? integer how many there were when it was taken
local panel = { frame = 1 }

---@param window? integer
---@return boolean
local function is_open(window)
  return window ~= nil and vim.api.nvim_win_is_valid(window)
end

---@return boolean
function M.is_visible()
  return is_open(panel.transcript)
    and vim.api.nvim_win_get_tabpage(panel.transcript) == vim.api.nvim_get_current_tabpage()
end

--- The conversation that a buffer of the panel belongs to.
---@param bufnr integer
---@return mazu.chat.Entry?
function M.entry_of(bufnr)
  local buffer = require('mazu.chat.buffer').of(bufnr)
  if buffer then
    for _, entry in ipairs(require('mazu.chat').entries()) do
      if entry.buffer == buffer then
        return entry
      end
    end
  end
  return vim.bo[bufnr].filetype == 'mazu_composer' and panel.entry or nil
end

---@return mazu.chat.Entry? the conversation that is shown
function M.shown()
  return panel.entry
end

---@param window integer
local function dress(window)
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
    colorcolumn = '',
    conceallevel = 2,
    concealcursor = 'nc',
    foldmethod = 'expr',
    foldexpr = "v:lua.require'mazu.chat.buffer'.foldexpr(v:lnum)",
    foldtext = "v:lua.require'mazu.chat.buffer'.foldtext()",
    foldlevel = 1,
    winhighlight = 'Folded:Normal',
    foldenable = true,
    fillchars = 'fold: ,eob: ',
    statusline = ' Mazu%=%{&modifiable ? "" : line(".") >= line("$") ? "" : line(".") . "/" . line("$")} ',
    winfixbuf = vim.fn.has('nvim-0.11') == 1 or nil,
  }
  for name, value in pairs(options) do
    vim.api.nvim_set_option_value(name, value, { win = window, scope = 'local' })
  end
end

--- Whether the end of the transcript is out of view.
---@param window integer
---@return boolean
local function is_behind(window)
  local bufnr = vim.api.nvim_win_get_buf(window)
  return vim.fn.line('w$', window) < vim.api.nvim_buf_line_count(bufnr)
end

---@param window integer
---@param text string
local function set_winbar(window, text)
  if vim.wo[window].winbar ~= text then
    vim.api.nvim_set_option_value('winbar', text, { win = window, scope = 'local' })
  end
end

--- Brings both winbars up to date; no other window is drawn for it.
function M.refresh_winbar()
  local entry = panel.entry
  if not entry or not is_open(panel.transcript) then
    return
  end
  local below = is_behind(panel.transcript) and '%=%#MazuDim#↓ more below' or ''
  local room = vim.api.nvim_win_get_width(panel.transcript) - (below ~= '' and #' ↓ more below' or 0) - 1
  local waits = require('mazu.question').current() ~= nil
  set_winbar(panel.transcript, ' ' .. winbar.render(entry.session, panel.frame, waits, room) .. '%#WinBar#' .. below)
  if is_open(panel.composer) then
    local queued = #entry.session.queued
    local waits = queued > 0 and ('%%#MazuWaiting# %d queued%%#WinBar# · '):format(queued) or ' '
    set_winbar(panel.composer, waits .. '%#MazuDim#<CR> sends · @ / # complete%< · g? help')
  end
end

local function stop_timer()
  if panel.timer then
    panel.timer:stop()
    panel.timer:close()
    panel.timer = nil
  end
end

--- The spinner and the elapsed times, as long as something runs and can be seen.
local function tick()
  local entry = panel.entry
  if not entry or not is_open(panel.transcript) or entry.session.state == 'idle' then
    stop_timer()
    return M.refresh_winbar()
  end
  panel.frame = panel.frame % #winbar.frames + 1
  vim.uv.update_time()
  for _, block in ipairs(entry.session:running_calls()) do
    local seconds = math.floor((vim.uv.now() - block.started) / 1000)
    if seconds ~= block.seconds then
      block.seconds, block.stale = seconds, true
      entry.buffer:schedule()
    end
  end
  M.refresh_winbar()
end

--- Called after a conversation was painted.
---@param entry mazu.chat.Entry
function M.painted(entry)
  if entry ~= panel.entry or not is_open(panel.transcript) then
    return
  end
  if entry.session.state ~= 'idle' and not panel.timer then
    panel.timer = assert(vim.uv.new_timer())
    panel.timer:start(TICK_MS, TICK_MS, vim.schedule_wrap(tick))
  end
  M.refresh_winbar()
end

---@param share number
---@param whole integer
---@param least integer
---@return integer
local function size(share, whole, least)
  local wanted = share <= 1 and math.floor(whole * share) or math.floor(share)
  return math.max(math.min(least, whole), math.min(wanted, whole))
end

---@param bufnr integer
---@param options mazu.ChatConfig
---@return integer window
local function open_float(bufnr, options)
  local width = size(math.max(options.width, 0.7), vim.o.columns - 4, 40)
  local height = size(math.max(options.height, 0.8), vim.o.lines - 4, 10)
  local composer = options.composer
  local column, row = math.floor((vim.o.columns - width) / 2), math.floor((vim.o.lines - height) / 2) - 1
  local common = { relative = 'editor', width = width, col = column, border = 'rounded' }
  local window = vim.api.nvim_open_win(
    bufnr,
    false,
    vim.tbl_extend('error', common, { height = height - composer - 2, row = math.max(0, row) })
  )
  local below = vim.tbl_extend('error', common, { height = composer, row = math.max(0, row) + height - composer })
  panel.composer = vim.api.nvim_open_win(require('mazu.chat.composer').buffer(), false, below)
  return window
end

--- The window of the transcript, and with it the composer's.
---@param bufnr integer
local function open_windows(bufnr)
  local options = config.get().chat
  local composer = require('mazu.chat.composer').buffer()
  if options.layout == 'float' then
    panel.transcript = open_float(bufnr, options)
  else
    if options.layout == 'current' then
      vim.cmd('keepalt split') -- so that the window is still there when the panel is closed
      vim.cmd('wincmd o')
    elseif options.layout == 'tab' then
      vim.cmd('tab split')
    elseif options.layout == 'bottom' then
      vim.cmd(('keepalt botright %dsplit'):format(size(options.height, vim.o.lines, 12)))
    else
      local side = options.layout == 'left' and 'topleft' or 'botright'
      vim.cmd(('keepalt %s %dvsplit'):format(side, size(options.width, vim.o.columns, 40)))
    end
    panel.transcript = vim.api.nvim_get_current_win()
    vim.api.nvim_win_set_buf(panel.transcript, bufnr)
    local split = { split = 'below', win = panel.transcript, height = options.composer }
    panel.composer = vim.api.nvim_open_win(composer, false, split)
    vim.wo[panel.composer].winfixheight = true
    vim.wo[panel.transcript].winfixwidth = options.layout == 'right' or options.layout == 'left'
  end
  dress(panel.transcript)
  require('mazu.chat.composer').dress(panel.composer)
  panel.height, panel.windows = vim.api.nvim_win_get_height(panel.composer), #vim.api.nvim_tabpage_list_wins(0)
end

---@param window integer
---@param bufnr integer
local function put(window, bufnr)
  if vim.api.nvim_win_get_buf(window) ~= bufnr then
    vim.wo[window].winfixbuf = false
    vim.api.nvim_win_set_buf(window, bufnr)
    dress(window)
    vim.api.nvim_win_set_cursor(window, { vim.api.nvim_buf_line_count(bufnr), 0 })
  end
end

--- Opens the panel on a conversation, or shows another one in it. The cursor stays where it is unless `focus`.
---@param entry mazu.chat.Entry
---@param opts {focus?: boolean}
function M.open(entry, opts)
  require('mazu.highlight').define()
  local here = vim.api.nvim_get_current_win()
  panel.entry = entry
  require('mazu.chat.keys').map_transcript(entry.buffer.bufnr)
  if not M.is_visible() then
    M.close()
    entry.buffer:paint()
    open_windows(entry.buffer.bufnr)
    vim.api.nvim_win_set_cursor(panel.transcript, { vim.api.nvim_buf_line_count(entry.buffer.bufnr), 0 })
  else
    put(panel.transcript, entry.buffer.bufnr)
    entry.buffer:paint()
  end
  M.close_float()
  local target = opts.focus and is_open(panel.composer) and panel.composer or here
  if vim.api.nvim_win_is_valid(target) then
    vim.api.nvim_set_current_win(target)
  end
  M.refresh_winbar()
  M.painted(entry)
end

function M.close()
  for _, name in ipairs({ 'composer', 'transcript' }) do
    if is_open(panel[name]) then
      if #vim.api.nvim_list_wins() == 1 then
        vim.cmd('enew') -- the last window cannot be closed
      else
        pcall(vim.api.nvim_win_close, panel[name], true)
      end
    end
    panel[name] = nil
  end
  stop_timer()
end

--- The room of a window that was closed beside the panel belongs to the transcript, not to the composer. A height that the
--- user gave it, while no window came or went, stays.
local function keep_composer_small()
  local height, windows = vim.api.nvim_win_get_height(panel.composer), #vim.api.nvim_tabpage_list_wins(0)
  if panel.windows and windows < panel.windows and panel.height and height > panel.height then
    vim.api.nvim_win_set_height(panel.composer, panel.height)
    height = panel.height
  end
  if windows == panel.windows or not panel.height then
    panel.height = height
  end
  panel.windows = windows
end

--- When one of the panel's two windows is closed by hand, the other goes too; whether there is more below is said
--- also while nothing runs.
function M.watch()
  local group = vim.api.nvim_create_augroup('mazu.panel', {})
  vim.api.nvim_create_autocmd('WinScrolled', {
    group = group,
    callback = function()
      if vim.v.event[tostring(panel.transcript)] then
        M.refresh_winbar()
      end
    end,
  })
  vim.api.nvim_create_autocmd('WinResized', {
    group = group,
    callback = function()
      if is_open(panel.composer) and vim.list_contains(vim.v.event.windows or {}, panel.composer) then
        keep_composer_small()
      end
    end,
  })
  vim.api.nvim_create_autocmd('WinClosed', {
    group = group,
    callback = function(event)
      local window = tonumber(event.match)
      if window == panel.transcript or window == panel.composer then
        vim.schedule(M.close)
      elseif window == panel.float then
        panel.float = nil
      end
    end,
  })
end

---@return boolean focused
function M.focus_composer()
  if is_open(panel.composer) then
    vim.api.nvim_set_current_win(panel.composer)
    return true
  end
  return false
end

function M.close_float()
  if is_open(panel.float) then
    pcall(vim.api.nvim_win_close, panel.float, true)
  end
  panel.float = nil
end

--- A window on the transcript at the question, which takes no focus and keeps out of the cursor's way.
---@param entry mazu.chat.Entry
---@param first integer
---@param last integer
local function open_float_at(entry, first, last)
  M.close_float()
  local width = math.min(vim.o.columns - 4, 84)
  local most = math.max(6, math.floor(vim.o.lines * 0.45))
  local upper = vim.fn.screenrow() <= vim.o.lines / 2
  local place = { relative = 'editor', anchor = 'NW', col = math.max(0, vim.o.columns - width - 2), row = 0 }
  panel.float = vim.api.nvim_open_win(entry.buffer.bufnr, false, vim.tbl_extend('error', place, {
    width = width,
    height = most,
    border = 'rounded',
    title = ' Mazu asks ',
    footer = ' :Mazu question goes there · :Mazu answer ',
    zindex = 45,
    noautocmd = true,
  }))
  dress(panel.float)
  vim.api.nvim_set_option_value('winbar', '', { win = panel.float, scope = 'local' })
  local lines = vim.api.nvim_win_text_height(panel.float, { start_row = first - 1, end_row = last - 1 }).all
  place.height, place.width = math.min(lines, most), width
  place.row = upper and math.max(0, vim.o.lines - vim.o.cmdheight - 3 - place.height) or 0
  if lines > most then
    place.footer = (' %d lines · :Mazu question goes there · :Mazu answer '):format(lines)
  end
  vim.api.nvim_win_set_config(panel.float, place)
  vim.api.nvim_win_set_cursor(panel.float, { first, 0 })
  vim.api.nvim_win_call(panel.float, function()
    vim.fn.winrestview({ topline = first, lnum = first, col = 0 })
  end)
end

--- Puts a question in sight without taking the focus.
---@param entry mazu.chat.Entry
---@param question mazu.Question
function M.show_question(entry, question)
  require('mazu.highlight').define()
  require('mazu.chat.keys').map_transcript(entry.buffer.bufnr)
  require('mazu.chat.keys').map_question(entry.buffer.bufnr, question)
  local first, last = entry.buffer:question_lines()
  if M.is_visible() and panel.entry == entry then
    M.refresh_winbar()
  elseif first and last and config.get().question ~= 'notify' then
    if config.get().question == 'panel' then
      return M.open(entry, {})
    end
    open_float_at(entry, first, last)
  end
end

function M.question_closed()
  local current = require('mazu.question').current()
  if not current then
    M.close_float()
  end
  require('mazu.chat.keys').unmap_question()
  M.refresh_winbar()
end

--- Goes to the open question, wherever it stands.
---@param entry mazu.chat.Entry
function M.go_to_question(entry)
  if not is_open(panel.float) and not (M.is_visible() and panel.entry == entry) then
    M.open(entry, {})
  end
  local window = is_open(panel.float) and panel.float or panel.transcript
  local first = entry.buffer:question_lines()
  vim.api.nvim_set_current_win(window)
  if first then
    vim.api.nvim_win_set_cursor(window, { first, 0 })
    vim.cmd('normal! zt')
  end
end

return M
