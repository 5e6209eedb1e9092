--- How hunks look in the buffers themselves: coloured lines, virtual lines, and the keys of a buffer that shows some.
local config = require('mazu.config')
local patch = require('mazu.patch')

local M = {}

local namespace = vim.api.nvim_create_namespace('mazu.review')

local keys = { [']h'] = 'next', ['[h'] = 'previous', gha = 'accept', ghr = 'reject' }

--- Maps the keys that decide on hunks, where the user has none of his own there.
---@param bufnr integer
function M.map(bufnr)
  if not config.get().review.keys then
    return
  end
  for lhs, act in pairs(keys) do
    local taken = vim.api.nvim_buf_call(bufnr, function()
      return vim.fn.maparg(lhs, 'n')
    end)
    if taken == '' then -- a mapping of the user's own is left alone
      vim.keymap.set('n', lhs, function()
        require('mazu.review')[act]()
      end, { buffer = bufnr, desc = 'Mazu: ' .. act .. ' hunk' })
    end
  end
end

--- Takes hunks and keys out of a buffer.
---@param bufnr integer
function M.clear(bufnr)
  if vim.api.nvim_buf_is_valid(bufnr) then
    vim.api.nvim_buf_clear_namespace(bufnr, namespace, 0, -1)
    for lhs, act in pairs(keys) do
      local current = vim.api.nvim_buf_call(bufnr, function()
        return vim.fn.maparg(lhs, 'n', false, true)
      end)
      if current.buffer == 1 and current.desc == 'Mazu: ' .. act .. ' hunk' then
        vim.keymap.del('n', lhs, { buffer = bufnr })
      end
    end
  end
end

---@param bufnr integer
---@param at integer zero-based line
---@param lines string[]
---@param group string
---@param above boolean
local function virtual(bufnr, at, lines, group, above)
  local shown = vim.tbl_map(function(line)
    return { { line == '' and ' ' or line, group } }
  end, lines)
  local last = vim.api.nvim_buf_line_count(bufnr) - 1
  vim.api.nvim_buf_set_extmark(bufnr, namespace, math.max(0, math.min(at, last)), 0, {
    virt_lines = shown,
    virt_lines_above = above and at <= last, -- what was at the end stands below the last line
  })
  for _, window in ipairs(above and at == 0 and vim.fn.win_findbuf(bufnr) or {}) do
    vim.api.nvim_win_call(window, function()
      if vim.fn.line('w0') == 1 then -- lines above the first one are out of sight otherwise
        vim.fn.winrestview({ topline = 1, topfill = #shown })
      end
    end)
  end
end

--- Draws the runs of removed and added lines of one hunk.
---@param bufnr integer
---@param hunk mazu.review.Hunk
---@param parsed mazu.Hunk
local function draw(bufnr, hunk, parsed)
  local line = patch.start(parsed, hunk.applied)
  local last = vim.api.nvim_buf_line_count(bufnr) - 1
  local run = {}
  local present = hunk.applied and '+' or '-'
  local function flush(at)
    if #run > 0 then
      local above = hunk.applied or at == 0
      virtual(bufnr, above and at or at - 1, run, hunk.applied and 'MazuDiffDelete' or 'MazuDiffAdd', above)
      run = {}
    end
  end
  for _, text in ipairs(parsed.lines) do
    local sign = text:sub(1, 1)
    if sign == ' ' then
      flush(line)
      line = line + 1
    elseif sign == present then
      if hunk.applied then
        flush(line)
      end
      if line <= last then
        vim.api.nvim_buf_set_extmark(bufnr, namespace, line, 0, {
          line_hl_group = hunk.applied and 'MazuDiffAdd' or 'MazuDiffDelete',
          priority = 120,
        })
      end
      line = line + 1
    else
      run[#run + 1] = text:sub(2)
    end
  end
  flush(line)
end

--- Draws one hunk.
---@param bufnr integer
---@param hunk mazu.review.Hunk
function M.show(bufnr, hunk)
  local file = patch.parse(hunk.diff)[1]
  if not file or not file.hunks[1] then
    return
  end
  for _, parsed in ipairs(file.hunks) do
    draw(bufnr, hunk, parsed)
  end
  local last = vim.api.nvim_buf_line_count(bufnr) - 1
  local words = hunk.applied and 'changed by Mazu · gha keep · ghr undo' or 'proposed · gha accept · ghr reject'
  vim.api.nvim_buf_set_extmark(bufnr, namespace, math.min(hunk.line, last), 0, {
    virt_text = { { '  ' .. (hunk.note or words), 'MazuDim' } },
  })
end

return M
