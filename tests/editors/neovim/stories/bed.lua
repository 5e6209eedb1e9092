-- What every story stands on: checks that print, waits on conditions, a user who answers as told.
local bed = { failed = 0, answers = {}, said = {}, shown = {}, asked = {} }

local started = vim.uv.hrtime()
local LONG_MS = 120000

function bed.check(what, ok, extra)
  bed.failed = bed.failed + (ok and 0 or 1)
  local at = (vim.uv.hrtime() - started) / 1e9
  io.stdout:write(('%s %6.2f s  %s %s\n'):format(ok and 'ok  ' or 'FAIL', at, what, ok and '' or vim.inspect(extra)))
  io.stdout:flush()
end

-- Waits until `met` returns something true and returns that; a story cannot go on after a wait in vain.
function bed.wait(what, met)
  local value
  local ok = vim.wait(LONG_MS, function()
    value = met()
    return value
  end, 20)
  bed.check(what, ok, { said = bed.said, asked = bed.asked, text = bed.lines() })
  if not ok then
    bed.finish()
  end
  return value
end

function bed.finish()
  io.stdout:write(('%d failed\n'):format(bed.failed))
  io.stdout:flush()
  os.exit(bed.failed == 0 and 0 or 1)
end

function bed.lines(bufnr)
  return vim.api.nvim_buf_get_lines(bufnr or 0, 0, -1, false)
end

function bed.text(bufnr)
  return table.concat(bed.lines(bufnr), '\n')
end

-- Ends an undo block, as a key press does.
function bed.new_undo_block()
  vim.o.undolevels = vim.o.undolevels
end

-- The next question whose prompt contains `prompt` is answered by the item that contains `item`.
function bed.will_answer(prompt, item)
  table.insert(bed.answers, { prompt = prompt, item = item })
end

-- A story may look around while a question stands.
function bed.before_answer(_) end

-- Questions of the agent are never modal: whoever answers does it by a command.
vim.api.nvim_create_autocmd('User', {
  pattern = 'MazuPermission',
  callback = function(event)
    local question = event.data.params
    for i, answer in ipairs(bed.answers) do
      if question.title:find(answer.prompt, 1, true) then
        table.remove(bed.answers, i)
        vim.defer_fn(function()
          local seen = {}
          for _, window in ipairs(vim.api.nvim_list_wins()) do
            seen[#seen + 1] = { text = bed.text(vim.api.nvim_win_get_buf(window)) }
          end
          table.insert(bed.asked, { prompt = question.title, labels = {}, windows = seen })
          bed.before_answer(question.title)
          vim.cmd('Mazu answer ' .. answer.item)
        end, 100)
        return
      end
    end
  end,
})

-- Presses a key of the buffer `mazu://{name}`.
function bed.press(name, key)
  local bufnr = bed.wait(('%s is shown'):format(name), function()
    return require('mazu.buffer').named('mazu://' .. name)
  end)
  local text = bed.text(bufnr)
  vim.api.nvim_buf_call(bufnr, function()
    vim.fn.maparg(key, 'n', false, true).callback()
  end)
  return text
end

-- The text of the chat panel.
function bed.transcript()
  local entry = require('mazu.chat.panel').shown()
  entry.buffer:paint()
  return bed.text(entry.buffer.bufnr)
end

vim.ui.select = function(items, opts, on_choice)
  local labels = vim.tbl_map(opts.format_item or tostring, items)
  local prompt = opts.prompt or ''
  local windows = vim.tbl_map(function(window)
    local bufnr = vim.api.nvim_win_get_buf(window)
    return { name = vim.api.nvim_buf_get_name(bufnr), text = bed.text(bufnr) }
  end, vim.api.nvim_list_wins())
  table.insert(bed.asked, { prompt = prompt, labels = labels, windows = windows })
  bed.before_answer(prompt)
  for i, answer in ipairs(bed.answers) do
    if prompt:find(answer.prompt, 1, true) then
      table.remove(bed.answers, i)
      for j, label in ipairs(labels) do
        if label:find(answer.item, 1, true) then
          return on_choice(items[j], j)
        end
      end
    end
  end
  on_choice(nil, nil)
end

vim.ui.input = function(opts, on_confirm)
  table.insert(bed.asked, { prompt = opts.prompt })
  for i, answer in ipairs(bed.answers) do
    if opts.prompt:find(answer.prompt, 1, true) then
      table.remove(bed.answers, i)
      return on_confirm(answer.item)
    end
  end
  on_confirm(nil)
end

vim.notify = function(message)
  table.insert(bed.said, message)
end

-- Waits until the user has been told something that contains `words`; returns the whole.
function bed.wait_said(words)
  return bed.wait(('the user is told "%s"'):format(words), function()
    for i = #bed.said, 1, -1 do
      if bed.said[i]:find(words, 1, true) then
        return bed.said[i]
      end
    end
  end)
end

-- What the windows showed when the last question whose prompt contains `prompt` was asked.
function bed.seen_at(prompt)
  for i = #bed.asked, 1, -1 do
    if bed.asked[i].prompt:find(prompt, 1, true) then
      return vim.inspect(bed.asked[i].windows)
    end
  end
  return ''
end

-- What turns report from now on: how many ended, how the last one did, and the results of their tool calls.
function bed.watch_turns()
  local seen = { updates = 0, states = {}, results = {}, ended = 0 }
  vim.api.nvim_create_autocmd('User', {
    pattern = 'MazuUpdate',
    callback = function(event)
      local update = event.data.params.update
      seen.updates = seen.updates + 1
      if update.kind == 'tool_result' then
        table.insert(seen.results, update)
      elseif update.kind == 'state' then
        table.insert(seen.states, update.state)
        if update.state == 'done' then
          seen.ended, seen.last = seen.ended + 1, update
        end
      end
    end,
  })
  return seen
end

-- The id of the checkpoint that was taken last, once the user was told of it.
function bed.last_checkpoint()
  bed.wait_said('checkpoint taken')
  local list
  require('mazu').execute('mazu.checkpoint.list', { limit = 1 }, function(result)
    list = result.checkpoints
  end)
  return bed.wait('the checkpoints are listed', function()
    return list and list[1].id
  end)
end

function bed.client()
  return vim.lsp.get_clients({ name = 'mazu_ls' })[1]
end

bed.server = { vim.env.MAZU_TEST_SERVER, '-m', 'mazu_ls' }

-- As a user's init.lua has it: the plugin on the runtimepath, the server enabled.
function bed.with_plugin()
  vim.opt.runtimepath:prepend(vim.env.MAZU_TEST_PLUGIN)
  vim.g.mazu = { cmd = bed.server }
  vim.cmd('filetype plugin on')
  vim.cmd('runtime plugin/mazu.lua')
end

function bed.open(name)
  vim.cmd.edit(name)
  return vim.api.nvim_get_current_buf()
end

function bed.stop_server()
  local client = bed.client()
  client:stop()
  bed.wait('the server has ended', function()
    return bed.client() == nil
  end)
end

return bed
