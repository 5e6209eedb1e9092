--- How an open question looks where it stands: what would happen, why it is asked, the keys that answer it. Pure.
local M = {}

local KEYS_WIDTH = 44 -- the keys are put on as many lines as that takes, so that none is torn apart
local LONG_LABEL = 24 -- bytes; such answers come last, each on a line of its own
local WHY = 'Why this needs approval: '

---@param text string
---@return string[]
local function split(text)
  return vim.split(vim.trim(text), '\n', { plain = true })
end

--- What a question says apart from its diff, and why it is asked. The reason is the server's: it is never looked for in
--- the detail, where what a project or a model wrote could hold the same words.
---@param question table
---@return string detail
---@return string? reason
function M.parts(question)
  local detail, reason = question.detail or '', question.reason
  if not reason or reason == vim.NIL or not vim.endswith(detail, WHY .. reason) then
    return detail, nil
  end
  return vim.trim(detail:sub(1, #detail - #WHY - #reason)), vim.trim(reason)
end

--- The lines that say what a call does, without what its title says already.
---@param question table
---@param title string
---@return string[]
local function detail_lines(question, title)
  local detail = M.parts(question)
  local own = vim.startswith(question.tool or '', 'mazu.')
  if question.diff and question.diff ~= '' and not own then
    return {} -- the diff says it
  end
  local lines = split(detail)
  if lines[1] == '' or (#lines == 1 and vim.endswith(title, lines[1])) then
    return {}
  end
  return lines
end

---@param p mazu.chat.Page
---@param question table
local function draw_keys(p, question)
  local parts, spans, width = {}, {}, 0
  local function flush()
    if #parts == 0 then
      return
    end
    local line = p:line('  ' .. table.concat(parts, ' · '))
    for _, span in ipairs(spans) do
      p:mark(line, span[1], span[2], 'MazuKey')
    end
    parts, spans, width = {}, {}, 0
  end
  local short, long = {}, {}
  for _, key in ipairs(require('mazu.question').keys(question)) do
    table.insert(#key.label > LONG_LABEL and long or short, key)
  end
  local at = 2
  for _, key in ipairs(vim.list_extend(short, long)) do
    local text = key.lhs .. ' ' .. key.label
    local cells = vim.fn.strdisplaywidth(text) + 3
    if #parts > 0 and width + cells > KEYS_WIDTH then
      flush()
    end
    at = #parts == 0 and 2 or at
    spans[#spans + 1] = { at, at + #key.lhs }
    parts[#parts + 1] = text
    at, width = at + #text + #' · ', width + cells
  end
  flush()
end

--- Draws what stands above a question's diff.
---@param p mazu.chat.Page
---@param question table
---@param title string of the call, which stands in the line above
function M.draw_detail(p, question, title)
  for _, text in ipairs(detail_lines(question, title)) do
    p:line('    ' .. text, 'MazuOutput')
  end
end

--- Draws what stands below it.
---@param p mazu.chat.Page
---@param question table
function M.draw_answers(p, question)
  local _, reason = M.parts(question)
  if reason and reason ~= '' then
    for i, text in ipairs(split(reason)) do
      p:line((i == 1 and '  Asked because ' or '  ') .. text, 'MazuDim')
    end
  end
  draw_keys(p, question)
end

return M
