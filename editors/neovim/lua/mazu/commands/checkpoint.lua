--- `:Mazu` checkpoint, checkpoints, rollback, undo.
local buffer = require('mazu.buffer')
local client = require('mazu.client')
local tell = require('mazu.tell')
local view = require('mazu.view')

---@class mazu.Checkpoint
---@field id string
---@field parentId? string
---@field createdAt string
---@field label string
---@field kind string
---@field files {added: integer, modified: integer, deleted: integer}
---@field skipped {path: string, reason: string}[]

---@class mazu.Reasoned
---@field path string
---@field reason string

---@class mazu.Plan
---@field write string[]
---@field delete string[]
---@field buffers string[]
---@field keep mazu.Reasoned[]
---@field conflicts mazu.Reasoned[]
---@field memories {added: integer, changed: integer, removed: integer}
---@field conversation boolean

---@class mazu.RollbackResult
---@field checkpoint mazu.Checkpoint
---@field safety? mazu.Checkpoint
---@field plan mazu.Plan
---@field applied boolean
---@field verified boolean
---@field problems mazu.Reasoned[]

---@type string[] ids that were listed last, for completion
local known_ids = {}

---@param checkpoint mazu.Checkpoint
---@return string
local function headline(checkpoint)
  local files = checkpoint.files
  return ('%s  %s  %-9s +%d ~%d -%d  %s'):format(
    checkpoint.id,
    checkpoint.createdAt:sub(1, 19):gsub('T', ' '),
    checkpoint.kind,
    files.added,
    files.modified,
    files.deleted,
    checkpoint.label
  )
end

---@param item string|mazu.Reasoned
---@return string
local function entry(item)
  return type(item) == 'string' and item or ('%s (%s)'):format(item.path, item.reason)
end

local sections = {
  { 'write', 'These files get back their text' },
  { 'delete', 'These files did not exist and are removed' },
  { 'buffers', 'These buffers change' },
  { 'keep', 'These stay as they are' },
  { 'conflicts', 'You changed these too' },
}

--- The plan of a rollback in words.
---@param result mazu.RollbackResult
---@return string[]
local function plan_lines(result)
  local lines, plan = { '# Roll back to ' .. headline(result.checkpoint), '' }, result.plan
  for _, section in ipairs(sections) do
    local items = plan[section[1]]
    if #items > 0 then
      vim.list_extend(lines, { ('## %s: %d'):format(section[2], #items), '' })
      for _, item in ipairs(items) do
        lines[#lines + 1] = '- ' .. entry(item)
      end
      lines[#lines + 1] = ''
    end
  end
  local memories = plan.memories
  if memories.added + memories.changed + memories.removed > 0 then
    lines[#lines + 1] = ('Memories: %d come back, %d change, %d go.'):format(
      memories.added,
      memories.changed,
      memories.removed
    )
  end
  if plan.conversation then
    lines[#lines + 1] = 'The conversation goes back too.'
  end
  if #lines == 2 then
    lines[#lines + 1] = 'Nothing differs from this checkpoint.'
  end
  return vim.list_extend(lines, { '', 'What is there now is kept as a checkpoint of its own, so this can be undone.' })
end

--- Says what came of a rollback and how to undo it.
---@param result mazu.RollbackResult
local function report(result)
  buffer.catch_up_with_files()
  local conflicts = #result.plan.conflicts
  if not result.applied and conflicts > 0 then
    return tell.warn(
      'nothing was rolled back, because you changed %d files meanwhile. `:Mazu rollback %s` asks about them.',
      conflicts,
      result.checkpoint.id
    )
  end
  local said = { ('back at %s%s.'):format(result.checkpoint.id, result.verified and ', verified' or '') }
  for _, problem in ipairs(result.problems) do
    said[#said + 1] = 'Problem: ' .. entry(problem) .. '.'
  end
  if result.safety then
    said[#said + 1] = ('To undo this: :Mazu rollback %s'):format(result.safety.id)
  end
  local clean = result.applied and #result.problems == 0
  local say = clean and tell.info or tell.warn
  say('%s', table.concat(said, ' '))
end

---@param result mazu.RollbackResult
---@return {[1]: string, [2]?: table}[]
local function choices(result)
  local conflicts = #result.plan.conflicts
  local found = {}
  if conflicts > 0 then
    found = {
      { ('Roll back, keep my version of the %d that I changed too'):format(conflicts), { onConflict = 'keep' } },
      { 'Roll back, overwrite those too', { onConflict = 'overwrite' } },
    }
  else
    found = { { 'Roll back', {} } }
  end
  for _, part in ipairs({ 'code', 'memory', 'conversation' }) do
    local argument = { only = { part }, onConflict = conflicts > 0 and 'keep' or nil }
    found[#found + 1] = { ('Roll back the %s only'):format(part), argument }
  end
  found[#found + 1] = { 'Cancel' }
  return found
end

--- Shows what a rollback would do, asks, does it.
---@param id string
local function preview(id)
  client.execute('mazu.rollback', { id = id, preview = true }, function(result)
    view.show('rollback', plan_lines(result))
    vim.cmd.redraw()
    vim.ui.select(choices(result), {
      prompt = ('Roll back to %s:'):format(id),
      kind = 'mazu_rollback',
      format_item = function(choice)
        return choice[1]
      end,
    }, function(choice)
      view.close('rollback')
      if choice and choice[2] then
        client.execute('mazu.rollback', vim.tbl_extend('error', { id = id }, choice[2]), report)
      end
    end)
  end)
end

---@param prompt string
---@param use fun(checkpoint: mazu.Checkpoint)
local function choose(prompt, use)
  client.execute('mazu.checkpoint.list', nil, function(result)
    known_ids = vim.tbl_map(function(checkpoint)
      return checkpoint.id
    end, result.checkpoints)
    if #result.checkpoints == 0 then
      return tell.info('there is no checkpoint yet; `:Mazu checkpoint` takes one')
    end
    vim.ui.select(result.checkpoints, {
      prompt = prompt,
      kind = 'mazu_checkpoint',
      format_item = function(checkpoint)
        return (checkpoint.id == result.current and '> ' or '  ') .. headline(checkpoint)
      end,
    }, function(checkpoint)
      if checkpoint then
        use(checkpoint)
      end
    end)
  end)
end

---@type table<string, mazu.Subcommand>
return {
  checkpoint = {
    about = 'take a checkpoint of code, buffers, memory and conversation',
    run = function(call)
      client.execute('mazu.checkpoint', call.text ~= '' and { label = call.text } or nil, function(checkpoint)
        table.insert(known_ids, 1, checkpoint.id)
        local skipped = #checkpoint.skipped
        local note = skipped > 0 and ('; %d files were too large or unreadable'):format(skipped) or ''
        tell.info('checkpoint %s%s', checkpoint.id, note)
      end)
    end,
  },
  checkpoints = {
    about = 'list the checkpoints; show what changed since one',
    run = function()
      choose('Changes since:', function(checkpoint)
        client.execute('mazu.checkpoint.diff', { id = checkpoint.id }, function(result)
          local patch = result.patch ~= '' and result.patch or 'Nothing changed since ' .. checkpoint.id
          view.show('checkpoint/' .. checkpoint.id, vim.split(patch, '\n', { plain = true }), 'diff')
        end)
      end)
    end,
  },
  rollback = {
    about = 'go back to a checkpoint, after a preview',
    complete = function()
      return vim.deepcopy(known_ids)
    end,
    run = function(call)
      if call.text ~= '' then
        return preview(call.text)
      end
      choose('Roll back to:', function(checkpoint)
        preview(checkpoint.id)
      end)
    end,
  },
  undo = {
    about = 'undo the last turn: code, memory and conversation',
    run = function()
      client.execute('mazu.undo', nil, report)
    end,
  },
}
