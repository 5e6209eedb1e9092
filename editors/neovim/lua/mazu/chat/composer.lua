--- Where messages are written: a buffer of its own below the transcript. It is never "modified", and a draft
--- outlives Neovim.
local M = {}

local FILETYPE = 'mazu_composer'
local HISTORY = 100

---@type integer?
local bufnr

---@type string[] messages that were sent, oldest first
local history

---@type integer place in the history; one beyond the end is the draft
local place = 0

---@type string? what was being written when the buffer was taken away
local unloaded

---@type string? what was being written before the history was walked
local draft

---@param name string
---@return string
local function state_file(name)
  return vim.fs.joinpath(vim.fn.stdpath('state') --[[@as string]], 'mazu', name)
end

---@param name string
---@return any
local function read(name)
  local file = io.open(state_file(name), 'r')
  local text = file and file:read('*a')
  if file then
    file:close()
  end
  local ok, value = pcall(vim.json.decode, text or '')
  return ok and value or nil
end

---@param name string
---@param value any
local function write(name, value)
  local path = state_file(name)
  local ok, made = pcall(vim.fn.mkdir, vim.fs.dirname(path), 'p', tonumber('700', 8))
  if not ok or made == 0 then
    return -- a home that cannot be written: nothing is kept
  end
  local file = io.open(path .. '.new', 'w')
  if file then
    file:write(vim.json.encode(value))
    file:close()
    vim.uv.fs_rename(path .. '.new', path)
  end
end

---@return string the project that a draft belongs to
local function here()
  return vim.fs.normalize(vim.uv.cwd() or '')
end

---@return string
local function read_draft()
  local saved = read('draft.json')
  local text = type(saved) == 'table' and saved[here()] or saved
  return type(text) == 'string' and text or ''
end

---@type string? the draft as it was written last
local written

--- Keeps what is being written, for the next Neovim in this folder.
---@param text string
local function keep_draft(text)
  text = vim.trim(text)
  if text == written then
    return
  end
  written = text
  local saved = read('draft.json')
  saved = type(saved) == 'table' and saved or vim.empty_dict()
  saved[here()] = text ~= '' and text or nil
  write('draft.json', saved)
end

---@return string
function M.text()
  return table.concat(vim.api.nvim_buf_get_lines(M.buffer(), 0, -1, false), '\n')
end

---@param text string
function M.set(text)
  vim.api.nvim_buf_set_lines(M.buffer(), 0, -1, false, vim.split(text, '\n', { plain = true }))
  local window = vim.fn.bufwinid(M.buffer())
  if window ~= -1 then
    local last = vim.api.nvim_buf_line_count(M.buffer())
    local line = vim.api.nvim_buf_get_lines(M.buffer(), -2, -1, false)[1]
    vim.api.nvim_win_set_cursor(window, { last, #line })
  end
end

--- Puts text at the end of the draft, such as a mention of the selection.
---@param text string
function M.add(text)
  local before = M.text()
  M.set(before == '' and text or (before:gsub('%s+$', '') .. ' ' .. text))
end

---@param direction 1|-1
local function walk(direction)
  history = history or read('history.json') or {}
  if place == 0 or place > #history + 1 then
    place = #history + 1
  end
  local target = place + direction
  if target < 1 or target > #history + 1 then
    return
  end
  if place == #history + 1 then
    draft = M.text()
  end
  place = target
  M.set(history[place] or draft or '')
end

---@param text string
local function remember(text)
  history = history or read('history.json') or {}
  if history[#history] ~= text then
    history[#history + 1] = text
  end
  while #history > HISTORY do
    table.remove(history, 1)
  end
  place = #history + 1
  write('history.json', history)
end

--- Sends what stands in the composer.
function M.send()
  local text = vim.trim(M.text())
  if text == '' then
    return require('mazu.tell').info('write a message first')
  end
  local chat, panel = require('mazu.chat'), require('mazu.chat.panel')
  local shown = panel.shown()
  remember(text)
  M.set('')
  keep_draft('')
  draft = nil
  require('mazu.client').with(M.buffer(), function(server)
    local entry = shown or chat.entry(server.root_dir or vim.uv.cwd())
    chat.send(entry, server, text, {
      failed = function()
        if M.text() == '' then
          M.set(text)
        end
      end,
    })
  end, shown and shown.client_id)
end

---@type {modes: string, lhs: string, about: string, act: fun()}[]
M.keys = {
  { modes = 'n', lhs = '<CR>', about = 'send (in Normal mode)', act = M.send },
  { modes = 'ni', lhs = '<C-s>', about = 'send (in any mode)', act = M.send },
  { modes = 'n', lhs = '[m', about = 'an earlier message', act = function() walk(-1) end },
  { modes = 'n', lhs = ']m', about = 'a later message', act = function() walk(1) end },
}

--- The composer's buffer, made when it is not there.
---@return integer
function M.buffer()
  if bufnr and vim.api.nvim_buf_is_loaded(bufnr) then
    return bufnr
  end
  local made = vim.api.nvim_create_buf(false, true)
  bufnr = made
  require('mazu.buffer').set_name(made, 'mazu://composer')
  vim.bo[made].bufhidden = 'hide'
  vim.bo[made].swapfile = false
  vim.bo[made].filetype = FILETYPE
  require('mazu.markdown').start(made)
  vim.bo[made].textwidth = 0
  vim.bo[made].omnifunc = "v:lua.require'mazu.chat.completion'.omnifunc"
  pcall(function()
    vim.bo[made].completeopt = 'menu,menuone,noselect'
  end)
  for _, key in ipairs(M.keys) do
    vim.keymap.set(vim.split(key.modes, ''), key.lhs, key.act, { buffer = made, desc = 'Mazu: ' .. key.about })
  end
  require('mazu.chat.keys').map_composer(made)
  local saved = unloaded or read_draft()
  unloaded, written = nil, vim.trim(saved)
  if saved ~= '' then
    M.set(saved)
  end
  local group = vim.api.nvim_create_augroup('mazu.composer', {})
  vim.api.nvim_create_autocmd('BufUnload', { -- :bdelete takes the buffer, not what was written
    group = group,
    buffer = made,
    callback = function()
      unloaded = table.concat(vim.api.nvim_buf_get_lines(made, 0, -1, false), '\n')
    end,
  })
  vim.api.nvim_create_autocmd('BufReadCmd', { -- and neither does `:edit`
    group = group,
    buffer = made,
    callback = function()
      M.set(unloaded or '')
      unloaded = nil
      require('mazu.markdown').start(made)
      require('mazu.chat.completion').attach(made)
    end,
  })
  local function keep()
    if vim.api.nvim_buf_is_loaded(made) then
      keep_draft(M.text())
    end
  end
  vim.api.nvim_create_autocmd({ 'InsertLeave', 'BufLeave' }, { group = group, buffer = made, callback = keep })
  vim.api.nvim_create_autocmd('VimLeavePre', { group = group, callback = keep })
  require('mazu.chat.completion').attach(made)
  return made
end

---@param window integer
function M.dress(window)
  local options = {
    wrap = true,
    linebreak = true,
    number = false,
    relativenumber = false,
    signcolumn = 'no',
    foldcolumn = '0',
    foldenable = false,
    list = false,
    colorcolumn = '',
    cursorline = false,
    cursorcolumn = false,
    statuscolumn = '',
    scrollbind = false,
    cursorbind = false,
    diff = false,
    winfixbuf = vim.fn.has('nvim-0.11') == 1 or nil,
    fillchars = 'eob: ',
    statusline = ' Message%=%{line("$") > 1 ? line("$") . " lines" : ""} ',
  }
  for name, value in pairs(options) do
    vim.api.nvim_set_option_value(name, value, { win = window, scope = 'local' })
  end
end

return M
