--- Hunks in the buffers themselves: what is proposed and waits for a decision, and what a turn has changed. Lines that
--- go or went are coloured, lines that come or came stand below them as virtual lines.
local buffer = require('mazu.buffer')
local client = require('mazu.client')
local marks = require('mazu.review_marks')
local patch = require('mazu.patch')
local tell = require('mazu.tell')

local M = {}

---@class mazu.review.Hunk
---@field id string
---@field uri string
---@field path string
---@field line integer zero-based line where it begins
---@field diff string
---@field applied boolean it is in the text already
---@field turn? string
---@field note? string

---@type mazu.review.Hunk[] in the order of files and lines
local hunks = {}

---@type integer? client that the hunks came from
local source

---@type table<integer, boolean> buffers that show hunks
local marked = {}

--- Draws the hunks of every loaded buffer.
local function redraw()
  require('mazu.highlight').define()
  for bufnr in pairs(marked) do
    marks.clear(bufnr)
    marked[bufnr] = nil
  end
  for _, hunk in ipairs(hunks) do
    local bufnr = buffer.of_uri(hunk.uri)
    if bufnr then
      if not marked[bufnr] then
        marked[bufnr] = true
        marks.map(bufnr)
      end
      marks.show(bufnr, hunk)
    end
  end
end

---@param found mazu.review.Hunk[]
---@param server vim.lsp.Client
local function take(found, server)
  table.sort(found, function(a, b)
    return a.path == b.path and a.line < b.line or a.path < b.path
  end)
  hunks, source = found, server.id
  redraw()
end

---@param proposal mazu.Proposal
---@return mazu.review.Hunk
local function from_proposal(proposal)
  local stale = proposal.state == 'stale'
  return {
    id = proposal.id,
    uri = proposal.uri,
    path = proposal.path,
    line = proposal.range.start.line,
    diff = proposal.diff,
    applied = false,
    note = stale and 'proposed, but the text here has changed · ghr reject' or nil,
  }
end

--- The line where the first change of a diff is, zero-based.
---@param diff string
---@param applied boolean
---@return integer
local function first_line(diff, applied)
  local file = patch.parse(diff)[1]
  local hunk = file and file.hunks[1]
  if not hunk then
    return 0
  end
  local line = patch.start(hunk, applied)
  for _, text in ipairs(hunk.lines) do
    if text:sub(1, 1) ~= ' ' then
      return line
    end
    line = line + 1
  end
  return line
end

--- The diff of a hunk with a line that says where it is, which the server gives as a range of the new text.
---@param hunk {range: lsp.Range, diff: string}
---@return string
local function located(hunk)
  if hunk.diff:find('^@@') or hunk.diff:find('\n@@') then
    return hunk.diff
  end
  local added, removed = require('mazu.chat.tools').count(hunk.diff)
  local context = 0
  for line in vim.gsplit(hunk.diff, '\n', { plain = true }) do
    context = context + (vim.startswith(line, ' ') and 1 or 0)
  end
  local first = hunk.range.start.line + ((added + context) > 0 and 1 or 0)
  return ('@@ -%d,%d +%d,%d @@\n%s'):format(first, removed + context, first, added + context, hunk.diff)
end

--- Shows what is proposed, inline.
---@param use? fun(found: mazu.review.Hunk[])
function M.proposals(use)
  client.execute('mazu.proposal.list', nil, function(result, server)
    local found = {}
    for _, proposal in ipairs(result.proposals) do
      local hunk = from_proposal(proposal)
      hunk.line = first_line(proposal.diff, false)
      found[#found + 1] = hunk
    end
    take(found, server)
    if use then
      use(found)
    end
  end)
end

--- Shows what a turn changed, inline; without an id the last one.
---@param turn? string
---@param use? fun(found: mazu.review.Hunk[])
function M.changes(turn, use)
  client.with(0, function(server)
    if not client.offers(server, 'mazu.turn.changes') then
      return tell.warn('this server cannot list the changes of a turn; `:Mazu checkpoints` shows them')
    end
    local argument = { sessionId = require('mazu.chat').session_of(server), turnId = turn }
    client.execute('mazu.turn.changes', argument, function(result)
      local found = {}
      for _, file in ipairs(result.files) do
        for _, hunk in ipairs(file.hunks or {}) do
          local diff = located(hunk)
          found[#found + 1] = {
            id = hunk.id,
            uri = file.uri,
            path = file.path,
            line = first_line(diff, true),
            diff = diff,
            applied = true,
            turn = result.turnId,
          }
        end
      end
      take(found, server)
      if use then
        use(found)
      end
    end, { client_id = server.id })
  end)
end

--- Shows what is proposed now; what a turn changed stays in sight where it is being reviewed.
---@param client_id integer
function M.refresh(client_id)
  if not hunks[1] or (client_id == source and not hunks[1].applied) then
    M.proposals()
  end
end

function M.clear()
  hunks, source = {}, nil
  redraw()
end

---@return mazu.review.Hunk? the one at the cursor, else the next one above it
local function at_cursor()
  local here, line = vim.api.nvim_get_current_buf(), vim.api.nvim_win_get_cursor(0)[1] - 1
  local found
  for _, hunk in ipairs(hunks) do
    if buffer.of_uri(hunk.uri) == here and (hunk.line <= line or not found) then
      found = hunk
    end
  end
  return found
end

---@param hunk mazu.review.Hunk
local function go_to(hunk)
  vim.cmd("normal! m'")
  if require('mazu.window').show_file(vim.uri_to_fname(hunk.uri), hunk.line + 1) then
    redraw()
  end
end

---@param step 1|-1
local function move(step)
  if #hunks == 0 then
    return tell.info('there is nothing to review; `:Mazu review` looks again')
  end
  local here, line = vim.api.nvim_get_current_buf(), vim.api.nvim_win_get_cursor(0)[1] - 1
  local own, target = false, nil
  for i = step == 1 and 1 or #hunks, step == 1 and #hunks or 1, step do
    local hunk = hunks[i]
    local same = buffer.of_uri(hunk.uri) == here
    own = own or same
    if not target and ((same and (hunk.line - line) * step > 0) or (own and not same)) then
      target = hunk
    end
  end
  go_to(target or hunks[step == 1 and 1 or #hunks])
end

function M.next()
  move(1)
end

function M.previous()
  move(-1)
end

---@param hunk mazu.review.Hunk
local function drop(hunk)
  hunks = vim.tbl_filter(function(other)
    return other ~= hunk
  end, hunks)
  redraw()
end

--- Takes a hunk out that was taken back in the text: what stands below it in the same file moves.
---@param gone mazu.review.Hunk
local function drop_reverted(gone)
  local added, removed = require('mazu.chat.tools').count(gone.diff)
  local moved = removed - added
  for _, hunk in ipairs(hunks) do
    if hunk.uri == gone.uri and hunk.line > gone.line then
      hunk.line = hunk.line + moved
      hunk.diff = hunk.diff:gsub('(@@ %-%d+,?%d* %+)(%d+)', function(before, line)
        return before .. (tonumber(line) + moved)
      end, 1)
    end
  end
  drop(gone)
end

--- Accepts the hunk at the cursor; one that a turn has made already stays.
function M.accept()
  local hunk = at_cursor()
  if not hunk then
    return tell.info('there is no hunk here')
  elseif hunk.applied then
    return drop(hunk)
  end
  client.execute('mazu.proposal.accept', { ids = { hunk.id } }, function(result)
    for _, problem in ipairs(result.problems) do
      tell.warn('%s', problem)
    end
    M.proposals()
  end, { client_id = source })
end

--- Rejects the hunk at the cursor; one that a turn has made already is taken back.
function M.reject()
  local hunk = at_cursor()
  if not hunk then
    return tell.info('there is no hunk here')
  elseif hunk.applied then
    return client.execute('mazu.turn.revert', { turnId = hunk.turn, hunks = { hunk.id } }, function(result, server)
      buffer.catch_up_with_files()
      if not result.applied then
        return require('mazu.rollback').report(result, server)
      end
      drop_reverted(hunk)
    end, { client_id = source })
  end
  vim.ui.input({ prompt = 'Reason (optional): ' }, function(note)
    if note then
      client.execute('mazu.proposal.reject', { ids = { hunk.id }, note = note }, function()
        M.proposals()
      end, { client_id = source })
    end
  end)
end

--- Puts the hunks that are shown into the quickfix list, and opens it.
function M.to_quickfix()
  if #hunks == 0 then
    return tell.info('there is nothing to review; `:Mazu review` looks again')
  end
  local items = vim.tbl_map(function(hunk)
    local added, removed = require('mazu.chat.tools').count(hunk.diff)
    return {
      filename = vim.uri_to_fname(hunk.uri),
      lnum = hunk.line + 1,
      text = ('%s +%d -%d'):format(hunk.applied and 'changed' or 'proposed', added, removed),
    }
  end, hunks)
  vim.fn.setqflist({}, ' ', { title = 'Mazu', items = items })
  vim.cmd('botright copen')
end

--- Shows the file under the cursor before and after, side by side.
function M.side_by_side()
  local hunk = at_cursor() or hunks[1]
  if not hunk then
    return tell.info('there is nothing to review; `:Mazu review` looks again')
  end
  local of_file = {}
  for _, other in ipairs(hunks) do
    if other.uri == hunk.uri then
      for _, file in ipairs(patch.parse(other.diff)) do
        vim.list_extend(of_file, file.hunks)
      end
    end
  end
  local bufnr = buffer.of_uri(hunk.uri)
  local lines = bufnr and vim.api.nvim_buf_get_lines(bufnr, 0, -1, false) or {}
  local other = patch.apply(lines, of_file, hunk.applied)
  if not other then
    return tell.warn('the text has changed since; `:Mazu review` looks again')
  end
  local before, after = lines, other
  if hunk.applied then
    before, after = other, lines
  end
  require('mazu.diff').show(hunk.path, before, after)
end

return M
