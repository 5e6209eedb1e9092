--- How each block of a conversation looks: lines, highlights, folds. Pure; mazu.chat.buffer puts it on the screen.
local question_block = require('mazu.chat.question_block')
local text_of = require('mazu.chat.session').text_of
local time = require('mazu.time')
local tools = require('mazu.chat.tools')

local M = {}

---@class mazu.chat.Mark
---@field line integer zero-based, within the block
---@field from? integer byte; nil highlights the whole line
---@field to? integer
---@field group? string
---@field virt? {[1]: string, [2]: string}[] text behind the end of the line
---@field conceal? boolean it is not shown

---@class mazu.chat.Rendered
---@field lines string[]
---@field marks mazu.chat.Mark[]
---@field folds string[] a fold expression's value for each line
---@field markdown? {[1]: integer, [2]: integer} lines that are Markdown, the end excluded
---@field heading? boolean `]]` and `[[` stop at its first line

local OPEN_LINES = 14 -- a longer diff of a finished edit is folded
local LEFT = 'what it left running was ended with it' -- is said of a command with output, too
local TAIL_LINES = 5 -- of the output of a running command that are shown

---@class mazu.chat.Page
---@field lines string[]
---@field marks mazu.chat.Mark[]
---@field folds string[]
local Page = {}
Page.__index = Page

---@param text string
---@param group? string of the whole line
---@param fold? string
---@return integer line zero-based
function Page:line(text, group, fold)
  self.lines[#self.lines + 1] = (text:gsub('[\r\n]+', ' '))
  self.folds[#self.lines] = fold or '0'
  if group then
    self.marks[#self.marks + 1] = { line = #self.lines - 1, group = group }
  end
  return #self.lines - 1
end

---@param line integer
---@param from integer
---@param to integer
---@param group string
function Page:mark(line, from, to, group)
  self.marks[#self.marks + 1] = { line = line, from = from, to = to, group = group }
end

---@param line integer
---@param ... {[1]: string, [2]: string}
function Page:behind(line, ...)
  self.marks[#self.marks + 1] = { line = line, virt = { ... } }
end

---@return mazu.chat.Page
local function page()
  return setmetatable({ lines = {}, marks = {}, folds = {} }, Page)
end

---@param text string
---@return string[]
local function split(text)
  return vim.split((text:gsub('\r\n?', '\n'):gsub('\n+$', '')), '\n', { plain = true })
end

--- Text below a line, folded under it.
---@param p mazu.chat.Page
---@param head string
---@param body string[]
---@param opts {closed: boolean, group?: string}
---@return integer line of the head
local function folded(p, head, body, opts)
  local line = p:line(head, nil, #body > 0 and (opts.closed and '>2' or '>1') or '0')
  for _, text in ipairs(body) do
    p:line('    ' .. text, opts.group, opts.closed and '2' or '1')
  end
  return line
end

local diff_groups = { ['+'] = 'MazuDiffAdd', ['-'] = 'MazuDiffDelete', ['@'] = 'MazuDim', ['\\'] = 'MazuDim' }

--- The whole of a diff, its file names left out where there is one file.
---@param p mazu.chat.Page
---@param diff string
---@param fold string
local function draw_diff(p, diff, fold)
  for _, text in ipairs(require('mazu.patch').body((diff:gsub('\r\n', '\n')))) do
    p:line('    ' .. text, diff_groups[text:sub(1, 1)], fold)
  end
end

---@type table<mazu.chat.Kind, fun(p: mazu.chat.Page, block: mazu.chat.Block, session: mazu.chat.Session): table?>
local draw = {}

function draw.user(p, block)
  local line = p:line('You')
  p:mark(line, 0, 3, 'MazuUser')
  if block.at then
    p:behind(line, { block.at, 'MazuDim' })
  end
  local first = #p.lines
  for _, text in ipairs(split(block.text or '')) do
    p:line(text)
  end
  local last = #p.lines
  for _, place in ipairs(block.data and block.data.attachments or {}) do
    local range = place.range
    local lines = range and (':%d-%d'):format(range.start.line + 1, range['end'].line + 1) or ''
    p:line('▣ ' .. (place.path or place.name) .. lines, 'MazuDim')
  end
  return { heading = true, markdown = { first, last } }
end

function draw.turn(p, block)
  local data = block.data or {}
  local line = p:line('Mazu')
  p:mark(line, 0, 4, 'MazuAgent')
  local parts = { data.model and data.model:gsub('^[^:]*:', '') or nil }
  parts[#parts + 1] = data.turnKind and data.turnKind ~= 'chat' and data.turnKind or nil
  parts[#parts + 1] = block.mode
  if #parts > 0 then
    p:behind(line, { table.concat(parts, ' · '), 'MazuDim' })
  end
  return { heading = true }
end

function draw.memories(p, block)
  local titles = vim.tbl_map(function(memory)
    return memory.title
  end, block.data)
  local head = ('▸ %d %s'):format(#titles, #titles == 1 and 'memory used' or 'memories used')
  p:mark(folded(p, head, titles, { closed = true, group = 'MazuDim' }), 0, #head, 'MazuDim')
end

function draw.thought(p, block)
  local head = block.data and block.data.title
  if not head then
    local seconds = block.seconds or 0
    head = seconds > 0 and ('Thought for %s'):format(time.duration(seconds))
      or (block.seconds and 'Thought')
      or (block.started and 'Thinking…' or 'Thought')
  end
  head = '▸ ' .. head
  p:mark(folded(p, head, split(text_of(block)), { closed = true, group = 'MazuThought' }), 0, #head, 'MazuDim')
end

--- Headings of Markdown look like headings: their signs are concealed, but not in a code block.
---@param p mazu.chat.Page
---@param first integer zero-based line
local function dress_headings(p, first)
  local fence
  for i = first + 1, #p.lines do
    local mark = p.lines[i]:match('^%s*(```+)') or p.lines[i]:match('^%s*(~~~+)')
    if mark and (not fence or vim.startswith(mark, fence)) then
      fence = not fence and mark or nil
    elseif not fence then
      local signs = p.lines[i]:match('^#+%s+')
      if signs and #signs <= 7 then
        p.marks[#p.marks + 1] = { line = i - 1, from = 0, to = #signs, conceal = true }
        p:mark(i - 1, #signs, #p.lines[i], 'MazuHeading')
      end
    end
  end
end

function draw.message(p, block)
  local first = #p.lines
  for _, text in ipairs(split(text_of(block))) do
    p.lines[#p.lines + 1], p.folds[#p.folds + 1] = text, '0'
  end
  dress_headings(p, first)
  return { markdown = { 0, #p.lines } }
end

--- Whether an edit was only proposed: it waits for the user, and is not in the file.
---@param block mazu.chat.Block
---@return boolean
local function is_proposed(block)
  return block.status == 'done' and vim.startswith(block.summary or '', 'proposed, not applied')
end

--- What stands behind the sentence of a tool call: what came of it, and how long it took.
---@param block mazu.chat.Block
---@return string
local function outcome(block)
  local parts = {}
  if is_proposed(block) then
    parts[1] = 'proposed'
  end
  if block.diff and block.diff ~= '' then
    local added, removed = tools.count(block.diff)
    parts[#parts + 1] = ('+%d -%d'):format(added, removed)
  end
  if block.status == 'not_run' then
    local why = block.void or (block.summary or ''):match('not allowed: ([^\n]+)')
    parts[#parts + 1] = why and ('not run, ' .. vim.fn.strcharpart(why, 0, 80)) or 'not run'
  elseif block.status == 'done' and not block.diff and ((block.output or '') == '' or block.summary == LEFT) then
    local words = vim.trim((block.summary or ''):match('^[^\n]*'):gsub('%s+', ' '))
    parts[#parts + 1] = words ~= '' and words ~= '[exit code 0]' and vim.fn.strcharpart(words, 0, 60) or nil
  end
  if block.seconds and block.seconds > 0 then
    parts[#parts + 1] = time.duration(block.seconds)
  end
  return table.concat(parts, '  ')
end

---@param block mazu.chat.Block
---@return string[]
local function tail(block)
  local lines = split(block.output)
  return vim.list_slice(lines, math.max(1, #lines - TAIL_LINES + 1))
end

function draw.tool(p, block)
  local status = block.status or 'running'
  local marked = is_proposed(block) and 'waiting' or status
  local sign = tools.signs[marked]
  local output = block.output or ''
  local has_diff = block.diff and block.diff ~= ''
  local failure = status == 'failed' and vim.trim((block.summary or ''):match('^[^\n]*')) or nil
  failure = failure ~= '' and failure or nil
  local body = has_diff or output ~= '' or failure ~= nil
  local finished = status == 'done' or status == 'failed' or status == 'not_run'
  local long = has_diff and select(2, block.diff:gsub('\n', '')) > OPEN_LINES
  local closed = status ~= 'failed' and (status ~= 'done' or not has_diff or long) and finished
  local fold = (body and finished) and (closed and '>2' or '>1') or '0'
  local line = p:line(sign .. ' ' .. (block.title or ''), nil, fold)
  p:mark(line, 0, #sign, tools.groups[marked])
  p:mark(line, #sign + 1, #p.lines[line + 1], status == 'not_run' and 'MazuDim' or 'MazuTool')
  local result = outcome(block)
  if result ~= '' then
    p:behind(line, { result, 'MazuDim' })
  end
  local inside = finished and (closed and '2' or '1') or '0'
  if failure then
    for _, text in ipairs(split(failure)) do
      p:line('    ' .. text, 'MazuFailed', inside) -- below, where there is room to read it
    end
  end
  if output ~= '' then
    for _, text in ipairs(finished and split(output) or tail(block)) do
      p:line('    ' .. text, 'MazuOutput', inside)
    end
  end
  local question = block.question
  if question then
    question_block.draw_detail(p, question, block.title or '')
  end
  if has_diff then
    draw_diff(p, block.diff, inside)
  end
  if question then
    question_block.draw_answers(p, question)
    return { question = true }
  end
end

--- A question that belongs to no tool call.
function draw.request(p, block)
  local line = p:line('? ' .. (block.title or ''))
  p:mark(line, 0, 1, 'MazuWaiting')
  local detail = block.text and block.text ~= '' and question_block.parts({ detail = block.text }) or ''
  for _, text in ipairs(detail ~= '' and split(detail) or {}) do
    p:line('    ' .. text, 'MazuOutput')
  end
  if block.question then
    question_block.draw_answers(p, block.question)
    return { question = true }
  end
  p:behind(line, { block.summary or 'closed', 'MazuDim' })
end

function draw.note(p, block)
  for _, text in ipairs(split(block.text)) do
    p:line(text, block.data and block.data.group or 'MazuDim')
  end
end

--- A question to a model that is no part of the conversation.
function draw.aside(p, block)
  local line = p:line('Side question')
  p:mark(line, 0, #'Side question', 'MazuUser')
  p:behind(line, { 'not part of the conversation', 'MazuDim' })
  local first = #p.lines
  for _, text in ipairs(split(block.title or '')) do
    p:line(text)
  end
  p:line('')
  for _, text in ipairs(split(block.text or '…')) do
    p:line(text)
  end
  local last = #p.lines
  if block.summary then
    p:line(block.summary, 'MazuDim')
  end
  return { heading = true, markdown = { first, last } }
end

function draw.taken(p, block)
  local count = block.data.count
  p:line(('⟲ %d %s undone · :Mazu redo'):format(count, count == 1 and 'turn' or 'turns'), 'MazuDim')
end

---@param block mazu.chat.Block
---@param session mazu.chat.Session
---@return string
local function footer(block, session)
  local update, turn = block.data.update, block.data.turn
  local parts = {}
  local changes = update.changes
  if changes and changes.files and changes.files > 0 then
    local files = changes.files == 1 and '1 file' or ('%d files'):format(changes.files)
    parts[#parts + 1] = ('%s changed  +%d -%d'):format(files, changes.added or 0, changes.removed or 0)
    parts[#parts + 1] = 'gr review'
  end
  if changes and changes.uncounted then
    parts[#parts + 1] = 'what its commands changed was not counted'
  end
  if changes and (changes.uncounted or (changes.files or 0) > 0) then
    parts[#parts + 1] = 'gu undo'
  end
  local checkpoints = #(update.checkpoints or turn.checkpoints or {})
  if checkpoints > 0 then
    parts[#parts + 1] = ('◆ %d %s'):format(checkpoints, checkpoints == 1 and 'checkpoint' or 'checkpoints')
  end
  local usage = update.usage
  if usage then
    parts[#parts + 1] = time.spent(usage)
    local tokens = (usage.inputTokens or 0) + (usage.outputTokens or 0)
    if tokens > 0 then
      local used = session:context_share(block.data.context_tokens)
      local share = used and used >= 0.005 and (' (%d %%)'):format(math.floor(used * 100 + 0.5)) or ''
      parts[#parts + 1] = time.count(tokens) .. ' tokens' .. share
    end
  end
  return table.concat(parts, ' · ')
end

function draw.footer(p, block, session)
  local text = footer(block, session)
  if text ~= '' then
    p:line(text, 'MazuDim')
  end
end

---@type table<string, boolean> kinds that stand right below the one before: "before>this"
local tight = {
  ['tool>tool'] = true,
  ['turn>memories'] = true,
  ['turn>thought'] = true,
  ['turn>message'] = true,
  ['turn>tool'] = true,
  ['memories>thought'] = true,
  ['memories>message'] = true,
  ['memories>tool'] = true,
  ['thought>message'] = true,
  ['thought>tool'] = true,
  ['thought>thought'] = true,
  ['tool>thought'] = true,
  ['tool>note'] = true,
  ['note>note'] = true,
  ['note>tool'] = true,
}

---@param block mazu.chat.Block
---@param session mazu.chat.Session
---@param before? mazu.chat.Kind kind of the block above
---@return mazu.chat.Rendered
function M.render(block, session, before)
  local p = page()
  if block.removed then
    return { lines = {}, marks = {}, folds = {}, gap = 0 }
  end
  local gap = before and not tight[before .. '>' .. block.kind]
  if gap then
    p:line('')
  end
  local extra = draw[block.kind](p, block, session) or {}
  if gap and #p.lines == 1 then
    p.lines, p.folds = {}, {} -- it says nothing, so there is no need for room above
  end
  return vim.tbl_extend('error', { lines = p.lines, marks = p.marks, folds = p.folds, gap = gap and 1 or 0 }, extra)
end

return M
