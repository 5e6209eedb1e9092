--- `:Mazu` checkpoint, checkpoints, rollback, undo.
local client = require('mazu.client')
local update = require('mazu.update')
local view = require('mazu.view')

---@class mazu.Checkpoint
---@field id string
---@field parentId? string
---@field createdAt string
---@field label string
---@field kind string
---@field files {added: integer, modified: integer, deleted: integer}
---@field skipped {path: string, reason: string}[]

---@class mazu.RollbackResult
---@field checkpoint mazu.Checkpoint
---@field safety? mazu.Checkpoint
---@field plan table<string, (string|{path: string, reason?: string})[]>
---@field applied boolean
---@field verified boolean
---@field problems (string|table)[]

---@type string[] ids that were listed last, for completion
local known_ids = {}

---@param count integer|table counts or lists, as the server gives them
---@return integer
local function number(count)
  return type(count) == 'table' and #count or count or 0
end

---@param checkpoint mazu.Checkpoint
---@return string
local function headline(checkpoint)
  local files = checkpoint.files
  return ('%s  %s  %-9s +%d ~%d -%d  %s'):format(
    checkpoint.id,
    checkpoint.createdAt:sub(1, 19):gsub('T', ' '),
    checkpoint.kind,
    number(files.added),
    number(files.modified),
    number(files.deleted),
    checkpoint.label
  )
end

---@param item string|{path?: string, uri?: string, reason?: string}
---@return string
local function entry(item)
  if type(item) == 'string' then
    return item
  end
  local name = item.path or item.uri or vim.inspect(item)
  return item.reason and ('%s (%s)'):format(name, item.reason) or name
end

--- The plan of a rollback in words.
---@param result mazu.RollbackResult
---@return string[]
local function plan_lines(result)
  local lines = { '# Roll back to ' .. headline(result.checkpoint), '' }
  local titles = {
    { 'write', 'These files get back their text' },
    { 'delete', 'These files did not exist and are removed' },
    { 'buffers', 'These buffers change' },
    { 'keep', 'These stay as they are' },
    { 'conflicts', 'You changed these too' },
  }
  local something = false
  for _, title in ipairs(titles) do
    local items = result.plan[title[1]] or {}
    if #items > 0 then
      something = true
      vim.list_extend(lines, { ('## %s: %d'):format(title[2], #items), '' })
      for _, item in ipairs(items) do
        lines[#lines + 1] = '- ' .. entry(item)
      end
      lines[#lines + 1] = ''
    end
  end
  if not something then
    vim.list_extend(lines, { 'No file or buffer differs.', '' })
  end
  lines[#lines + 1] = 'What is there now is kept as a checkpoint of its own, so this can be undone.'
  return lines
end

--- Says what came of a rollback and how to undo it.
---@param result mazu.RollbackResult
local function report(result)
  update.reload_clean_buffers()
  local said = { ('mazu: back at %s%s.'):format(result.checkpoint.id, result.verified and ', verified' or '') }
  for _, problem in ipairs(result.problems or {}) do
    said[#said + 1] = 'Problem: ' .. entry(problem) .. '.'
  end
  if result.safety then
    said[#said + 1] = ('To undo this: :Mazu rollback %s'):format(result.safety.id)
  end
  local clean = result.applied and #(result.problems or {}) == 0
  vim.notify(table.concat(said, ' '), clean and vim.log.levels.INFO or vim.log.levels.WARN)
end

---@param result mazu.RollbackResult
---@return {[1]: string, [2]?: table}[]
local function choices(result)
  local conflicts = #(result.plan.conflicts or {})
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
      prompt = 'Roll back to ' .. id,
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
      return vim.notify('mazu: there is no checkpoint yet; `:Mazu checkpoint` takes one')
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
        local skipped = #(checkpoint.skipped or {})
        local note = skipped > 0 and ('; %d files were too large or unreadable'):format(skipped) or ''
        vim.notify(('mazu: checkpoint %s%s'):format(checkpoint.id, note))
      end)
    end,
  },
  checkpoints = {
    about = 'list the checkpoints; show what changed since one',
    run = function()
      choose('Changes since', function(checkpoint)
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
      choose('Roll back to', function(checkpoint)
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
