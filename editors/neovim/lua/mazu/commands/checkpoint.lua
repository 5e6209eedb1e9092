--- `:Mazu` checkpoint, checkpoints, rollback, undo, redo.
local checkpoint_diff = require('mazu.checkpoint_diff')
local client = require('mazu.client')
local picker = require('mazu.picker')
local rollback = require('mazu.rollback')
local tell = require('mazu.tell')
local time = require('mazu.time')
local view = require('mazu.view')

local COMPLETE_MS = 800

---@param checkpoint mazu.Checkpoint
---@return string
local function headline(checkpoint)
  local files, counts = checkpoint.files, ''
  if files.added + files.modified + files.deleted > 0 then
    counts = ('  +%d ~%d -%d'):format(files.added, files.modified, files.deleted)
  end
  local words = checkpoint.title or checkpoint.label
  words = words ~= '' and words or checkpoint.kind
  return ('%s %-15s  %s%s'):format(checkpoint.pinned and '*' or ' ', time.clock(checkpoint.createdAt), words, counts)
end

---@param prompt string
---@param use fun(checkpoint: mazu.Checkpoint)
local function choose(prompt, use)
  client.execute('mazu.checkpoint.list', nil, function(result)
    if #result.checkpoints == 0 then
      return tell.info('there is no checkpoint yet; `:Mazu checkpoint` takes one')
    end
    local graph = require('mazu.tree').draw(result.checkpoints, result.current)
    local drawn = {}
    for i, checkpoint in ipairs(result.checkpoints) do
      drawn[checkpoint.id] = graph[i]
    end
    picker.choose(result.checkpoints, {
      prompt = prompt,
      kind = 'mazu_checkpoint',
      format = function(checkpoint)
        return drawn[checkpoint.id] .. headline(checkpoint)
      end,
      preview = function(checkpoint, show)
        client.execute('mazu.checkpoint.diff', { id = checkpoint.id }, function(diff)
          show(checkpoint_diff.lines(diff), 'diff')
        end, {
          on_error = function(err)
            show({ client.sentence(err) })
          end,
        })
      end,
    }, use)
  end)
end

---@return string[]
local function ids()
  local result = client.execute_sync('mazu.checkpoint.list', nil, COMPLETE_MS)
  return vim.tbl_map(function(checkpoint)
    return checkpoint.id
  end, result and result.checkpoints or {})
end

---@type table<string, mazu.Subcommand>
return {
  checkpoint = {
    about = 'take a checkpoint of code, buffers, memory and conversation',
    run = function(call)
      client.execute('mazu.checkpoint', call.text ~= '' and { label = call.text } or nil, function(checkpoint)
        local skipped = #checkpoint.skipped
        local note = skipped > 0 and ('; %d files were too large or unreadable'):format(skipped) or ''
        tell.info('checkpoint taken: %s%s', rollback.name(checkpoint), note)
      end)
    end,
  },
  checkpoints = {
    about = 'list the checkpoints as a tree; show what changed since one',
    run = function()
      choose('Changes since:', function(checkpoint)
        client.execute('mazu.checkpoint.diff', { id = checkpoint.id }, function(result)
          view.show('checkpoint/' .. checkpoint.id, checkpoint_diff.lines(result), 'diff', { focus = true })
        end)
      end)
    end,
  },
  rollback = {
    about = 'go back to a checkpoint, after a preview',
    complete = ids,
    run = function(call)
      if call.text ~= '' then
        return rollback.preview(call.text)
      end
      choose('Roll back to:', function(checkpoint)
        rollback.preview(checkpoint.id)
      end)
    end,
  },
  undo = {
    about = 'undo the last turn: code, memory and conversation',
    run = function(call)
      client.with(call.bufnr, function(server)
        local argument = { sessionId = require('mazu.chat').session_of(server) }
        client.execute('mazu.undo', argument, rollback.report, { client_id = server.id })
      end)
    end,
  },
  redo = {
    about = 'revert the last undo or rollback',
    run = function(call)
      client.with(call.bufnr, function(server)
        rollback.redo(server, require('mazu.chat').session_of(server))
      end)
    end,
  },
}
