--- The window of a question while the chat panel is closed: it takes no focus and keeps out of the cursor's way.
local M = {}

---@type {window: integer, bufnr: integer, first: integer, last: integer}?
local shown

---@return integer? window
function M.window()
  return shown and vim.api.nvim_win_is_valid(shown.window) and shown.window or nil
end

function M.close()
  local window = M.window()
  shown = nil
  if window then
    pcall(vim.api.nvim_win_close, window, true)
  end
end

--- Gives the float its place and size: on the other half of the screen than the cursor, as high as the question.
local function place()
  if not shown then
    return
  end
  local window, first, last = shown.window, shown.first, shown.last
  local width = math.max(1, math.min(math.max(vim.o.columns - 4, 20), 84))
  local most = math.max(1, math.min(math.max(6, math.floor(vim.o.lines * 0.45)), vim.o.lines - vim.o.cmdheight - 4))
  local cursor = vim.fn.screenpos(0, vim.fn.line('.'), vim.fn.col('.'))
  local upper = cursor.row > 0 and cursor.row <= vim.o.lines / 2
  local config = { relative = 'editor', anchor = 'NW', col = math.max(0, vim.o.columns - width - 2), row = 0 }
  vim.api.nvim_win_set_config(window, vim.tbl_extend('error', config, { width = width, height = most }))
  local lines = vim.api.nvim_win_text_height(window, { start_row = first - 1, end_row = last - 1 }).all
  config.height, config.width = math.min(lines, most), width
  config.row = upper and math.max(0, vim.o.lines - vim.o.cmdheight - 3 - config.height) or 0
  local keys = ' :Mazu question goes there · :Mazu answer '
  if lines > most then
    keys = (' %d lines ·%s'):format(lines, keys)
  end
  config.footer = vim.fn.strdisplaywidth(keys) <= width and keys or ' :Mazu question '
  vim.api.nvim_win_set_config(window, config)
  vim.api.nvim_win_call(window, function()
    vim.fn.winrestview({ topline = first, lnum = first, col = 0 })
  end)
end

--- Shows the lines of a question.
---@param bufnr integer of the transcript
---@param first integer
---@param last integer
function M.open(bufnr, first, last)
  M.close()
  local window = vim.api.nvim_open_win(bufnr, false, {
    relative = 'editor',
    anchor = 'NW',
    row = 0,
    col = 0,
    width = 20,
    height = 3, -- a window that had a winbar before needs room for it
    border = 'rounded',
    title = ' Mazu asks ',
    footer = '',
    zindex = 45,
    noautocmd = true,
  })
  shown = { window = window, bufnr = bufnr, first = first, last = last }
  require('mazu.chat.layout').dress(window)
  vim.api.nvim_set_option_value('winbar', '', { win = window, scope = 'local' })
  place()
end

--- Moves it away from the cursor where the user writes on below it.
function M.step_aside()
  local window = M.window()
  if not window or vim.api.nvim_get_current_win() == window then
    return
  end
  local cursor = vim.fn.screenpos(0, vim.fn.line('.'), vim.fn.col('.'))
  local row, column = unpack(vim.api.nvim_win_get_position(window))
  local height, width = vim.api.nvim_win_get_height(window) + 2, vim.api.nvim_win_get_width(window) + 2
  local inside_rows = cursor.row > row and cursor.row <= row + height
  if inside_rows and cursor.col > column and cursor.col <= column + width then
    place()
  end
end

--- Puts it where it belongs after the terminal got another size.
function M.resize()
  if M.window() then
    place()
  end
end

return M
