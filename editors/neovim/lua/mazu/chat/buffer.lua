--- The transcript of one session in a buffer: painted block by block, only where something changed.
local blocks = require('mazu.chat.blocks')
local markdown = require('mazu.markdown')

local M = {}

local PAINT_MS = 40 -- at most 25 times a second

local EMPTY = {
  'Ask, or describe a task, below.',
  '',
  ':Mazu sessions   earlier conversations',
  ':Mazu explain    what a file does',
  ':Mazu memory     what is remembered',
  '',
  'Every step can be undone. Nothing leaves',
  'this machine but what goes to the model',
  'that you chose.',
}

local namespace = vim.api.nvim_create_namespace('mazu.chat')
local empty_state = vim.api.nvim_create_namespace('mazu.empty_state')

---@class mazu.chat.Buffer
---@field bufnr integer
---@field name string
---@field session mazu.chat.Session
---@field private painted {block: mazu.chat.Block, rendered: mazu.chat.Rendered, first: integer}[]
---@field private scheduled boolean
---@field on_paint? fun()
local Buffer = {}
Buffer.__index = Buffer

---@type table<integer, mazu.chat.Buffer>
local by_bufnr = {}

---@param bufnr integer
---@return mazu.chat.Buffer?
function M.of(bufnr)
  return by_bufnr[bufnr]
end

--- The value of 'foldexpr'.
---@param line integer one-based
---@return string
function M.foldexpr(line)
  local self = by_bufnr[vim.api.nvim_get_current_buf()]
  local entry = self and self:at(line)
  return entry and entry.rendered.folds[line - entry.first] or '0'
end

--- Cuts highlighted text so that it takes no more than `room` cells.
---@param chunks {[1]: string, [2]: string}[]
---@param room integer
---@return {[1]: string, [2]: string}[]
local function cut(chunks, room)
  local kept = {}
  for _, chunk in ipairs(chunks) do
    local width = vim.fn.strdisplaywidth(chunk[1])
    if width > room then
      local text = chunk[1]
      while text ~= '' and vim.fn.strdisplaywidth(text) > room - 1 do
        text = vim.fn.strcharpart(text, 0, vim.fn.strchars(text) - 1)
      end
      kept[#kept + 1] = { text .. '…', chunk[2] }
      return kept
    end
    kept[#kept + 1] = chunk
    room = room - width
  end
  return kept
end

--- The value of 'foldtext': the first line as it looks when it is open, and how much is below it, which is never what
--- a narrow window cuts off.
---@return {[1]: string, [2]: string}[]
function M.foldtext()
  local text, below = vim.fn.getline(vim.v.foldstart), vim.v.foldend - vim.v.foldstart
  local self = by_bufnr[vim.api.nvim_get_current_buf()]
  local entry = self and self:at(vim.v.foldstart)
  local chunks, done, behind = {}, 0, {}
  for _, mark in ipairs(entry and entry.rendered.marks or {}) do
    if mark.line == vim.v.foldstart - 1 - entry.first then
      if mark.virt then
        behind = mark.virt
      elseif mark.group and mark.from and mark.from >= done then
        chunks[#chunks + 1] = { text:sub(done + 1, mark.from), 'Normal' }
        chunks[#chunks + 1] = { text:sub(mark.from + 1, mark.to), mark.group }
        done = mark.to
      end
    end
  end
  chunks[#chunks + 1] = { text:sub(done + 1), 'Normal' }
  local tail, width = {}, 0
  for _, chunk in ipairs(behind) do
    tail[#tail + 1] = { '  ' .. chunk[1], chunk[2] }
  end
  tail[#tail + 1] = { below == 1 and '  (1 line)' or ('  (%d lines)'):format(below), 'MazuDim' }
  for _, chunk in ipairs(tail) do
    width = width + vim.fn.strdisplaywidth(chunk[1])
  end
  return vim.list_extend(cut(chunks, math.max(12, vim.api.nvim_win_get_width(0) - width)), tail)
end

---@param session mazu.chat.Session
---@param name string
---@return mazu.chat.Buffer
function M.new(session, name)
  local self = setmetatable({ session = session, name = name, painted = {}, scheduled = false }, Buffer)
  self:make()
  return self
end

--- Makes the buffer itself.
function Buffer:make()
  local bufnr = vim.api.nvim_create_buf(false, true)
  require('mazu.buffer').set_name(bufnr, self.name)
  for option, value in pairs({ bufhidden = 'hide', swapfile = false, undolevels = -1, modifiable = false }) do
    vim.bo[bufnr][option] = value
  end
  self.bufnr, self.painted, self.list, self.parser = bufnr, {}, nil, nil
  by_bufnr[bufnr] = self
  vim.api.nvim_create_autocmd('BufReadCmd', { -- `:edit` empties a buffer that no file is behind
    buffer = bufnr,
    callback = function()
      self.list = nil
      self:highlight()
      self:paint()
    end,
  })
  vim.bo[bufnr].filetype = 'mazu_chat'
  self:highlight()
end

--- Has what is Markdown coloured, of which there is nothing yet.
function Buffer:highlight()
  pcall(vim.treesitter.stop, self.bufnr)
  local ok, parser = pcall(vim.treesitter.get_parser, self.bufnr, 'markdown')
  if ok and parser then
    self.parser = parser
    parser:set_included_regions({ { { 0, 0, 0, 0 } } })
    markdown.start(self.bufnr)
  end
end

--- Makes the buffer again where `:bdelete` or `:bwipeout` has taken it away; what it showed is in the session.
function Buffer:revive()
  if not self:is_valid() then
    by_bufnr[self.bufnr] = nil
    if vim.api.nvim_buf_is_valid(self.bufnr) then
      vim.api.nvim_buf_delete(self.bufnr, { force = true })
    end
    self:make()
  end
end

---@return boolean
function Buffer:is_valid()
  return vim.api.nvim_buf_is_loaded(self.bufnr)
end

function Buffer:delete()
  by_bufnr[self.bufnr] = nil
  pcall(vim.api.nvim_buf_delete, self.bufnr, { force = true })
end

--- The painted block that a line belongs to.
---@param line integer one-based
---@return {block: mazu.chat.Block, rendered: mazu.chat.Rendered, first: integer}?
function Buffer:at(line)
  local low, high = 1, #self.painted
  while low <= high do
    local middle = math.floor((low + high) / 2)
    local entry = self.painted[middle]
    if line <= entry.first then
      high = middle - 1
    elseif line > entry.first + #entry.rendered.lines then
      low = middle + 1
    else
      return entry
    end
  end
end

--- One-based lines of all headings, in order.
---@return integer[]
function Buffer:headings()
  local found = {}
  for _, entry in ipairs(self.painted) do
    if entry.rendered.heading and #entry.rendered.lines > 0 then
      found[#found + 1] = entry.first + 1 + entry.rendered.gap
    end
  end
  return found
end

--- The one-based lines of the block that holds the open question.
---@return integer? first
---@return integer? last
function Buffer:question_lines()
  for i = #self.painted, 1, -1 do
    local entry = self.painted[i]
    if entry.rendered.question then
      return entry.first + 1 + entry.rendered.gap, entry.first + #entry.rendered.lines
    end
  end
end

--- Windows that show the end, and therefore follow it.
---@return integer[]
function Buffer:followers()
  local last = vim.api.nvim_buf_line_count(self.bufnr)
  return vim.tbl_filter(function(window)
    return vim.api.nvim_win_get_cursor(window)[1] >= last
  end, vim.fn.win_findbuf(self.bufnr))
end

--- Replaces lines, leaving those alone that stay the same.
---@param first integer zero-based
---@param old string[]
---@param new string[]
---@param whole boolean
local function replace(bufnr, first, old, new, whole)
  local same, tail = 0, 0
  if not whole then
    local most = math.min(#old, #new)
    while same < most and old[same + 1] == new[same + 1] do
      same = same + 1
    end
    while tail < most - same and old[#old - tail] == new[#new - tail] do
      tail = tail + 1
    end
  end
  if same == #old and same == #new then
    return
  end
  local lines = vim.list_slice(new, same + 1, #new - tail)
  vim.api.nvim_buf_set_lines(bufnr, first + same, first + #old - tail, false, lines)
end

---@param first integer
---@param rendered mazu.chat.Rendered
function Buffer:decorate(first, rendered)
  vim.api.nvim_buf_clear_namespace(self.bufnr, namespace, first, first + math.max(1, #rendered.lines))
  for _, mark in ipairs(rendered.marks) do
    local line, opts = first + mark.line, nil
    if mark.virt then
      opts = { virt_text = vim.list_extend({ { '  ' } }, mark.virt), hl_mode = 'combine' }
    elseif mark.conceal then
      opts = { end_col = mark.to, conceal = '' }
    elseif mark.from then
      opts = { end_col = mark.to, hl_group = mark.group, priority = 200 }
    else
      opts = { line_hl_group = mark.group, priority = 150 }
    end
    vim.api.nvim_buf_set_extmark(self.bufnr, namespace, line, mark.from or 0, opts)
  end
end

--- Writes one changed block.
---@param change {first: integer, old?: mazu.chat.Rendered, new: mazu.chat.Rendered}
function Buffer:put(change)
  local old, new = change.old or { lines = {}, folds = {} }, change.new
  local refold = change.old ~= nil and old.folds[1 + (old.gap or 0)] ~= new.folds[1 + new.gap]
  local is_first = change.first == 0 and #old.lines == 0 and vim.api.nvim_buf_line_count(self.bufnr) == 1
  replace(self.bufnr, change.first, is_first and { '' } or old.lines, new.lines, refold)
  self:decorate(change.first, new)
end

--- Paints what is stale.
function Buffer:paint()
  self.scheduled = false
  if not self:is_valid() then
    return
  end
  local list = self.session.blocks
  if self.list ~= list then -- the session was cleared and folded anew
    self.list, self.painted = list, {}
    vim.bo[self.bufnr].modifiable = true
    vim.api.nvim_buf_set_lines(self.bufnr, 0, -1, false, {})
    vim.api.nvim_buf_clear_namespace(self.bufnr, namespace, 0, -1)
  end
  local followers = self:followers()
  -- All positions first: Neovim evaluates 'foldexpr' in the middle of a change.
  local before, first, changes = nil, 0, {}
  for i, block in ipairs(list) do
    local entry = self.painted[i]
    if block.stale or not entry then
      local rendered = blocks.render(block, self.session, before)
      changes[#changes + 1] = { first = first, old = entry and entry.rendered, new = rendered }
      entry = { block = block, rendered = rendered, first = first }
      self.painted[i], block.stale = entry, nil
    end
    entry.first = first
    first = first + #entry.rendered.lines
    if #entry.rendered.lines > 0 then
      before = block.kind
    end
  end
  vim.bo[self.bufnr].modifiable = true
  for _, change in ipairs(changes) do
    self:put(change)
  end
  vim.bo[self.bufnr].modifiable = false
  if #changes > 0 then
    self:set_regions() -- what is inserted at the end of a region would become a part of it
  end
  self:show_empty_state(first == 0)
  self:follow(followers)
  if self.on_paint then
    self.on_paint()
  end
end

--- What to do where nothing was said yet. Virtual lines: it is no text of the conversation.
---@param empty boolean
function Buffer:show_empty_state(empty)
  vim.api.nvim_buf_clear_namespace(self.bufnr, empty_state, 0, -1)
  if empty then
    vim.api.nvim_buf_set_extmark(self.bufnr, empty_state, 0, 0, {
      virt_lines = vim.tbl_map(function(line)
        return { { line, 'MazuDim' } }
      end, EMPTY),
    })
  end
end

--- Only the words of the user and of the model are Markdown; a diff or an output never is.
function Buffer:set_regions()
  if not self.parser then
    return
  end
  local regions = {}
  for _, entry in ipairs(self.painted) do
    local span = entry.rendered.markdown
    if span and #entry.rendered.lines > 0 then
      local from, to = entry.first + entry.rendered.gap, entry.first + #entry.rendered.lines
      if span[1] > 0 then
        from = entry.first + span[1]
      end
      if span[2] > 0 then
        to = entry.first + span[2]
      end
      regions[#regions + 1] = { { from, 0, to, 0 } }
    end
  end
  if #regions > 0 then
    pcall(self.parser.set_included_regions, self.parser, regions)
  end
end

---@param windows integer[]
function Buffer:follow(windows)
  local last = vim.api.nvim_buf_line_count(self.bufnr)
  local width = #(vim.api.nvim_buf_get_lines(self.bufnr, last - 1, last, false)[1] or '')
  for _, window in ipairs(windows) do
    if vim.api.nvim_win_is_valid(window) then -- the end of the line: it may be longer than the window
      vim.api.nvim_win_set_cursor(window, { last, width })
    end
  end
end

--- Paints soon, together with what comes until then.
function Buffer:schedule()
  if not self.scheduled then
    self.scheduled = true
    vim.defer_fn(function()
      self:paint()
    end, PAINT_MS)
  end
end

return M
