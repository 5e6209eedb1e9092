--- The one chat panel: a transcript over a composer, which opens and closes as one.
local config = require('mazu.config')
local layout = require('mazu.chat.layout')
local question_float = require('mazu.chat.question_float')
local winbar = require('mazu.chat.winbar')

local M = {}

local TICK_MS = 250

---@class mazu.chat.Panel
---@field entry? mazu.chat.Entry
---@field transcript? integer window
---@field composer? integer window
---@field timer? uv.uv_timer_t
---@field frame integer
---@field windows? mazu.chat.Windows
---@field height? integer of the composer
---@field count? integer how many windows there were when it was taken
local panel = { frame = 1 }

local watching = false

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

--- Whether the server of a conversation was started, but is not ready.
---@param entry mazu.chat.Entry
---@return boolean
local function is_starting(entry)
  return not entry.client_id and entry.starting ~= nil and vim.lsp.get_client_by_id(entry.starting) ~= nil
end

--- Brings both winbars up to date; no other window is drawn for it.
function M.refresh_winbar()
  local entry = panel.entry
  if not entry or not is_open(panel.transcript) then
    return
  end
  local below = is_behind(panel.transcript) and '%=%#MazuDim#↓ more below' or ''
  local room = vim.api.nvim_win_get_width(panel.transcript) - (below ~= '' and #' ↓ more below' or 0) - 1
  local note = require('mazu.question').current() and 'waits' or (is_starting(entry) and 'starting') or nil
  set_winbar(panel.transcript, ' ' .. winbar.render(entry.session, panel.frame, note, room) .. '%#WinBar#' .. below)
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

---@param window integer
---@param bufnr integer
local function put(window, bufnr)
  if vim.api.nvim_win_get_buf(window) ~= bufnr then
    vim.wo[window].winfixbuf = false
    vim.api.nvim_win_set_buf(window, bufnr)
    layout.dress(window)
    vim.api.nvim_win_set_cursor(window, { vim.api.nvim_buf_line_count(bufnr), 0 })
  end
end

--- Opens the panel on a conversation, or shows another one in it. The cursor stays where it is unless `focus`.
---@param entry mazu.chat.Entry
---@param opts {focus?: boolean, windows?: mazu.chat.Windows} `windows`: those that a session file made for it
function M.open(entry, opts)
  require('mazu.highlight').define()
  M.watch()
  local here = vim.api.nvim_get_current_win()
  panel.entry = entry
  entry.buffer:revive()
  require('mazu.chat.keys').map_transcript(entry.buffer.bufnr)
  if not M.is_visible() then
    M.close()
    entry.buffer:paint()
    panel.windows = opts.windows and layout.adopt(entry.buffer.bufnr, opts.windows) or layout.open(entry.buffer.bufnr)
    panel.transcript, panel.composer = panel.windows.transcript, panel.windows.composer
    panel.height = vim.api.nvim_win_get_height(panel.composer)
    panel.count = #vim.api.nvim_tabpage_list_wins(vim.api.nvim_win_get_tabpage(panel.transcript))
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
  local windows = panel.windows
  panel.windows, panel.transcript, panel.composer = nil, nil, nil
  if windows then
    layout.close(windows, function(bufnr)
      return M.entry_of(bufnr) ~= nil
    end)
  end
  stop_timer()
end

--- The room of a window that was closed beside the panel belongs to the transcript, not to the composer. A height that the
--- user gave it, while no window came or went, stays.
local function keep_composer_small()
  if not M.is_visible() or panel.windows.layout == 'float' then
    return -- where it is the only window, its height is that of the screen
  end
  local height, windows = vim.api.nvim_win_get_height(panel.composer), #vim.api.nvim_tabpage_list_wins(0)
  if panel.count and windows < panel.count and panel.height and height > panel.height then
    vim.api.nvim_win_set_height(panel.composer, panel.height)
    height = panel.height
  end
  if windows == panel.count or not panel.height then
    panel.height = height
  end
  panel.count = windows
end

--- Whether a `:quit` here would leave nothing but the panel in this tab. `:qall` is left alone: a session file that is written
--- on the way out has the panel.
---@return boolean
local function would_be_alone()
  local here = vim.api.nvim_get_current_win()
  if not M.is_visible() or panel.windows.replaced or here == panel.transcript or here == panel.composer then
    return false
  end
  for _, window in ipairs(vim.api.nvim_tabpage_list_wins(0)) do
    local other = window ~= here and window ~= panel.transcript and window ~= panel.composer
    if other and vim.api.nvim_win_get_config(window).relative == '' then
      return false
    end
  end
  local typed = vim.fn.histget('cmd', -1):gsub('^%s*conf%a*%s+', '')
  return not typed:find('^%s*[wxquit]+al?l?!?%s*$')
end

--- When one of the panel's two windows is closed by hand, the other goes too; whether there is more below is said
--- also while nothing runs.
function M.watch()
  if watching then
    return
  end
  watching = true
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
  vim.api.nvim_create_autocmd('QuitPre', {
    group = group,
    callback = function()
      if would_be_alone() then
        M.close()
      end
    end,
  })
  vim.api.nvim_create_autocmd('WinClosed', {
    group = group,
    callback = function(event)
      local window = tonumber(event.match)
      if window == panel.transcript or window == panel.composer then
        vim.schedule(M.close)
      end
    end,
  })
  vim.api.nvim_create_autocmd('VimResized', {
    group = group,
    callback = function()
      if panel.windows then
        layout.resize(panel.windows)
      end
      question_float.resize()
      M.refresh_winbar()
    end,
  })
  vim.api.nvim_create_autocmd({ 'CursorMoved', 'CursorMovedI' }, { group = group, callback = question_float.step_aside })
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
  question_float.close()
end

--- Puts a question in sight without taking the focus.
---@param entry mazu.chat.Entry
---@param question mazu.Question
function M.show_question(entry, question)
  require('mazu.highlight').define()
  entry.buffer:revive()
  require('mazu.chat.keys').map_transcript(entry.buffer.bufnr)
  require('mazu.chat.keys').map_question(entry.buffer.bufnr, question)
  local first, last = entry.buffer:question_lines()
  if M.is_visible() and panel.entry == entry then
    M.refresh_winbar()
  elseif first and last and config.get().question ~= 'notify' then
    if config.get().question == 'panel' then
      return M.open(entry, {})
    end
    question_float.open(entry.buffer.bufnr, first, last)
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
  if not question_float.window() and not (M.is_visible() and panel.entry == entry) then
    M.open(entry, {})
  end
  local window = question_float.window() or panel.transcript
  local first, last = entry.buffer:question_lines()
  vim.api.nvim_set_current_win(window)
  if first then
    local fits = last - first < vim.api.nvim_win_get_height(window) - 1
    vim.api.nvim_win_set_cursor(window, { fits and last or first, 0 }) -- all of it is in view, and what was said before
    vim.cmd(fits and 'redraw' or 'normal! zt')
    vim.api.nvim_win_set_cursor(window, { first, 0 })
  end
end

return M
