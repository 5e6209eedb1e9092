--- Allowing some of the hunks of an edit that is asked about: all of them in a buffer, ticked; `<Tab>` changes that, `ga`
--- allows the ticked ones.
local tell = require('mazu.tell')
local view = require('mazu.view')

local M = {}

local NAME = 'hunks'

---@param question mazu.Question
---@param ticked table<string, boolean>
---@return string[] lines
---@return integer[] starts one-based line of each hunk
local function render(question, ticked)
  local count = vim.tbl_count(ticked)
  local lines = { ('# %s: %d of %d changes'):format(question.title, count, #question.hunks) }
  lines[2] = '# <Tab> take it or not   ga allow what is ticked   q leave it open'
  local starts = {}
  for i, hunk in ipairs(question.hunks) do
    lines[#lines + 1] = ''
    starts[i] = #lines + 1
    lines[#lines + 1] = ('# [%s] %d'):format(ticked[hunk.id] and 'x' or ' ', i)
    vim.list_extend(lines, require('mazu.patch').body(hunk.diff))
  end
  return lines, starts
end

--- Opens the hunks of a question.
---@param question mazu.Question
function M.open(question)
  local ticked, starts = {}, {}
  for _, hunk in ipairs(question.hunks) do
    ticked[hunk.id] = true
  end
  local bufnr
  local function show()
    local lines
    lines, starts = render(question, ticked)
    bufnr = view.show(NAME, lines, 'diff', { focus = true })
  end
  local function toggle()
    local cursor = vim.api.nvim_win_get_cursor(0)
    for i = #starts, 1, -1 do
      if cursor[1] >= starts[i] or i == 1 then
        local id = question.hunks[i].id
        ticked[id] = not ticked[id] or nil
        break
      end
    end
    show()
    vim.api.nvim_win_set_cursor(0, cursor)
  end
  local function allow()
    local chosen = {}
    for _, hunk in ipairs(question.hunks) do
      chosen[#chosen + 1] = ticked[hunk.id] and hunk.id or nil
    end
    if #chosen == 0 then
      return tell.info('nothing is ticked; `gn` in the chat panel denies')
    end
    view.close(NAME)
    local hunks = #chosen < #question.hunks and chosen or nil
    require('mazu.question').answer('allow', { question = question, hunks = hunks })
  end
  show()
  vim.api.nvim_win_set_cursor(0, { starts[1], 0 })
  vim.keymap.set('n', '<Tab>', toggle, { buffer = bufnr, nowait = true, desc = 'Mazu: take this change or not' })
  vim.keymap.set('n', 'ga', allow, { buffer = bufnr, nowait = true, desc = 'Mazu: allow what is ticked' })
end

return M
