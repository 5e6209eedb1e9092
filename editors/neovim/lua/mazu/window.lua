--- The user's windows: where a file may be shown, which is never one of the chat panel's.
local M = {}

---@param window integer
---@return boolean
local function takes_files(window)
  return vim.api.nvim_win_get_config(window).relative == ''
    and vim.bo[vim.api.nvim_win_get_buf(window)].buftype == ''
    and not vim.wo[window].winfixbuf
end

--- Goes to a window that a file may be shown in: this one, the one before, another of this tab, then of the others; where
--- there is none, one is made.
function M.go_to_files()
  local windows = { vim.api.nvim_get_current_win(), vim.fn.win_getid(vim.fn.winnr('#')) }
  vim.list_extend(windows, vim.api.nvim_tabpage_list_wins(0))
  vim.list_extend(windows, vim.api.nvim_list_wins())
  for _, window in ipairs(windows) do
    if window ~= 0 and takes_files(window) then
      return vim.api.nvim_set_current_win(window)
    end
  end
  vim.cmd('topleft vsplit')
  vim.wo.winfixbuf = false
end

--- Shows a file there; says why where that cannot be, such as unsaved text in a window where 'hidden' is off.
---@param path string
---@param line? integer one-based
---@return boolean shown
function M.show_file(path, line)
  M.go_to_files()
  local bufnr = require('mazu.buffer').named(path)
  local ok, problem
  if bufnr then
    ok, problem = pcall(vim.cmd.buffer, bufnr)
    vim.bo[bufnr].buflisted = true
  else
    ok, problem = pcall(vim.cmd.edit, vim.fn.fnameescape(path))
  end
  if not ok then
    require('mazu.tell').warn('%s', (tostring(problem):gsub('^.*:(E%d+:)', '%1')))
  elseif line then
    vim.api.nvim_win_set_cursor(0, { math.max(1, math.min(line, vim.api.nvim_buf_line_count(0))), 0 })
  end
  return ok
end

return M
