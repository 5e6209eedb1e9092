--- Changing what a tool call is asked to do before it is allowed. The server judges the changed call anew.
local M = {}

---@param question mazu.Question
---@return string
local function name_of(question)
  return 'mazu://edit-call/' .. question.callId
end

--- Opens the arguments that may be changed; `:write` allows the call with them, `q` leaves it as it was.
---@param question mazu.Question
function M.open(question)
  local field = question.editable[1]
  local arguments = question.arguments or {}
  local bufnr = vim.api.nvim_create_buf(false, false)
  require('mazu.buffer').set_name(bufnr, name_of(question))
  vim.bo[bufnr].buftype = 'acwrite'
  vim.bo[bufnr].bufhidden = 'wipe'
  vim.bo[bufnr].swapfile = false
  local text = tostring(arguments[field] or question.detail or '')
  vim.api.nvim_buf_set_lines(bufnr, 0, -1, false, vim.split(text, '\n', { plain = true }))
  vim.bo[bufnr].modified = false
  vim.cmd('botright 8split')
  vim.api.nvim_win_set_buf(0, bufnr)
  vim.wo[0][0].winbar = (' %s of this call · :write allows this version · q cancels'):format(field)
  vim.keymap.set('n', 'q', '<Cmd>bwipeout!<CR>', { buffer = bufnr, desc = 'Mazu: keep the call unchanged' })
  vim.api.nvim_create_autocmd('BufWriteCmd', {
    buffer = bufnr,
    callback = function()
      local lines = vim.api.nvim_buf_get_lines(bufnr, 0, -1, false)
      vim.bo[bufnr].modified = false
      local changed = { [field] = table.concat(lines, '\n') }
      require('mazu.question').answer('allow', { question = question, arguments = changed })
      vim.schedule(function()
        pcall(vim.api.nvim_buf_delete, bufnr, { force = true })
      end)
    end,
  })
end

return M
