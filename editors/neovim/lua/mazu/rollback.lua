--- A rollback before it is done: the plan and the diff in a buffer, with keys to do it. Nothing is modal, and nothing
--- is done until one of them is pressed there.
local buffer = require('mazu.buffer')
local client = require('mazu.client')
local tell = require('mazu.tell')
local time = require('mazu.time')
local view = require('mazu.view')

local M = {}

local NAME = 'rollback'
local LINE_WIDTH = 76
-- Files that a message names; the rest is a number.
local NAMED = 3

--- A checkpoint as people know it: the time, and the user's words.
---@param checkpoint mazu.Checkpoint
---@return string
function M.name(checkpoint)
  local words = checkpoint.title or checkpoint.label
  if words == '' then
    words = checkpoint.kind
  end
  return ('%s “%s”'):format(time.clock(checkpoint.createdAt), words)
end

---@param item string|mazu.PathReason
---@return string
local function entry(item)
  if type(item) == 'table' then
    return ('%s (%s)'):format(item.path, item.reason)
  elseif vim.startswith(item, 'file:') then
    return vim.fn.fnamemodify(vim.uri_to_fname(item), ':.')
  end
  return item
end

local sections = {
  { 'write', 'These files get back their text' },
  { 'delete', 'These files did not exist and are removed' },
  { 'buffers', 'These buffers change' },
  { 'keep', 'These stay as they are' },
  { 'setAside', 'These are moved away first, since no checkpoint can hold them as they are' },
  { 'conflicts', 'You changed these too' },
}

---@class mazu.RollbackKey
---@field lhs string
---@field about string
---@field argument table

---@param result mazu.RollbackResult
---@return mazu.RollbackKey[]
local function keys_of(result)
  local conflicts = #result.plan.conflicts + #(result.plan.users or {})
  local keys
  if conflicts > 0 then
    keys = {
      { lhs = 'ga', about = "only the agent's changes", argument = { onConflict = 'keep' } },
      { lhs = 'gO', about = 'everything as it was, my changes too', argument = { onConflict = 'overwrite' } },
    }
  else
    keys = { { lhs = 'ga', about = 'roll back', argument = {} } }
  end
  local parts = { { 'gc', 'code' }, { 'gm', 'memory' }, { 'gv', 'conversation' } }
  for _, part in ipairs(parts) do
    local argument = { only = { part[2] }, onConflict = conflicts > 0 and 'keep' or nil }
    keys[#keys + 1] = { lhs = part[1], about = part[2] .. ' only', argument = argument }
  end
  return keys
end

---@param keys mazu.RollbackKey[]
---@return string
local function key_line(keys)
  local parts = vim.tbl_map(function(key)
    return key.lhs .. ' ' .. key.about
  end, keys)
  parts[#parts + 1] = 'q leave it'
  return '# ' .. table.concat(parts, ' · ')
end

--- The plan of a rollback in words.
---@param result mazu.RollbackResult
---@return string[]
local function plan_lines(result)
  local lines, plan = {}, result.plan
  for _, section in ipairs(sections) do
    local items = plan[section[1]] or {}
    if #items > 0 then
      local names = vim.tbl_map(entry, items)
      local line = ('# %s: %s'):format(section[2], table.concat(names, ', '))
      if #names <= 3 and vim.fn.strdisplaywidth(line) <= LINE_WIDTH then
        lines[#lines + 1] = line
      else
        lines[#lines + 1] = ('# %s: %d'):format(section[2], #items)
        for _, name in ipairs(names) do
          lines[#lines + 1] = '#   ' .. name
        end
      end
    end
  end
  local memories = plan.memories
  if memories.added + memories.changed + memories.removed > 0 then
    lines[#lines + 1] = ('# Memories: %d come back, %d change, %d go.'):format(
      memories.added,
      memories.changed,
      memories.removed
    )
  end
  if plan.conversation then
    lines[#lines + 1] = '# The conversation goes back too.'
  end
  return #lines > 0 and lines or { '# Nothing differs from this checkpoint.' }
end

--- What was not restored, or was moved, by reason: "Kept: a.py (only you changed it)."
---@param plan mazu.Plan
---@return string[]
local function left_alone(plan)
  local said = {}
  for _, kind in ipairs({ { 'conflicts', 'Not undone' }, { 'keep', 'Kept' }, { 'setAside', 'Set aside' } }) do
    local paths, reasons = {}, {}
    for _, one in ipairs(plan[kind[1]]) do
      if not paths[one.reason] then
        paths[one.reason] = {}
        reasons[#reasons + 1] = one.reason
      end
      table.insert(paths[one.reason], one.path)
    end
    for _, reason in ipairs(reasons) do
      local names = paths[reason]
      local more = #names > NAMED and (' and %d more'):format(#names - NAMED) or ''
      said[#said + 1] = ('%s: %s%s (%s).'):format(kind[2], table.concat(names, ', ', 1, math.min(#names, NAMED)), more, reason)
    end
  end
  return said
end

--- Says what came of a rollback and how to undo it.
---@param result mazu.RollbackResult
---@param server vim.lsp.Client
---@param done? string what was done, where it has a word of its own
function M.report(result, server, done)
  buffer.catch_up_with_files()
  if result.applied then
    buffer.expect_files(result.plan.write, server.root_dir or vim.fn.getcwd())
  end
  if result.plan.undecided and not result.applied then
    return -- the server asks, and its question is in sight
  end
  local conflicts = #result.plan.conflicts
  if not result.applied and conflicts > 0 then
    return tell.warn(
      'nothing was rolled back, because you changed %d files meanwhile. `:Mazu rollback %s` asks about them.',
      conflicts,
      result.checkpoint.id
    )
  end
  local what = done or ('back at ' .. M.name(result.checkpoint))
  local said = { ('%s%s.'):format(what, result.verified and ', verified' or '') }
  if result.applied then
    vim.list_extend(said, left_alone(result.plan))
  end
  for _, problem in ipairs(result.problems) do
    said[#said + 1] = 'Problem: ' .. entry(problem) .. '.'
  end
  if result.safety then
    local undone = result.plan.conversation and ':Mazu undo' or ':Mazu checkpoints'
    said[#said + 1] = 'To undo this: ' .. (done and undone or ':Mazu redo')
  end
  local clean = result.applied and #result.problems == 0 and conflicts == 0
  local say = clean and tell.info or tell.warn
  say('%s', table.concat(said, ' '))
end

---@param result mazu.RollbackResult
---@param id string
---@param diff table the answer of mazu.checkpoint.diff
---@param focus boolean
local function show(result, id, diff, focus)
  local keys = keys_of(result)
  local lines = { '# Back to ' .. M.name(result.checkpoint), key_line(keys) }
  vim.list_extend(lines, plan_lines(result))
  vim.list_extend(lines, { '# What is there now is kept, so this can be undone. Changed since then:', '' })
  vim.list_extend(lines, require('mazu.checkpoint_diff').lines(diff))
  local bufnr = view.show(NAME, lines, 'diff', { focus = focus })
  for _, key in ipairs(keys) do
    vim.keymap.set('n', key.lhs, function()
      view.close(NAME)
      client.execute('mazu.rollback', vim.tbl_extend('error', { id = id }, key.argument), M.report)
    end, { buffer = bufnr, nowait = true, desc = 'Mazu: ' .. key.about })
  end
  vim.keymap.set('n', 'q', function()
    view.close(NAME)
  end, { buffer = bufnr, nowait = true, desc = 'Mazu: leave it' })
end

--- Reverts the last undo or rollback that was not redone.
---@param server vim.lsp.Client
---@param session? string
function M.redo(server, session)
  local function report(result)
    M.report(result, server, 'redone: the last undo or rollback is reverted')
  end
  client.execute('mazu.redo', { sessionId = session }, report, { client_id = server.id })
end

--- Shows what a rollback would do, with the keys that do it.
---@param id string
function M.preview(id)
  local here = vim.api.nvim_get_current_win()
  client.execute('mazu.rollback', { id = id, preview = true }, function(result)
    client.execute('mazu.checkpoint.diff', { id = id }, function(diff)
      local unmoved = vim.api.nvim_get_current_win() == here and vim.api.nvim_get_mode().mode == 'n'
      show(result, id, diff, unmoved)
    end)
  end)
end

return M
