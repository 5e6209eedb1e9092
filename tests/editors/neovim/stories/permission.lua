-- What the user refuses does not happen, and the model is told.
local bed = dofile(vim.env.MAZU_TEST_STORIES .. '/bed.lua')
bed.with_plugin()
vim.lsp.enable('mazu_ls')

local app = bed.open('app.py')
local before = bed.text(app)
local asked
vim.api.nvim_create_autocmd('User', {
  pattern = 'MazuPermission',
  callback = function(event)
    asked = event.data.params
  end,
})
local turns = bed.watch_turns()

bed.will_answer('Edit app.py', 'deny')
vim.cmd('Mazu chat change it')
bed.wait('the turn ends', function()
  return turns.ended == 1
end)
bed.check('the user was asked', asked and asked.tool == 'edit_file' and #asked.options > 1, asked)
bed.check('the buffer is as it was', bed.text(app) == before)
bed.check('the call failed', turns.results[1] and turns.results[1].ok == false, turns.results)
bed.check('it says that the call was not run', bed.transcript():find('– Edit app.py', 1, true), bed.transcript())

-- Brackets of code are shown: they are no links.
for _, code in ipairs({ 'xs[0]', 'a[i][j]', '[[1, 2]]', 'f[i](j)' }) do
  bed.wait(code .. ' is to be read', function()
    vim.cmd('redraw!')
    local rows = {}
    for row = 1, vim.o.lines do
      for column = 1, vim.o.columns do
        rows[#rows + 1] = vim.fn.screenstring(row, column)
      end
    end
    return table.concat(rows):find(code, 1, true)
  end)
end

local failed = { message = 'No turn is left.', data = { hint = 'See mazu.session.show, or mazu.cancel.' } }
local sentence = require('mazu.client').sentence(failed)
bed.check('errors name commands', sentence == 'No turn is left. See :Mazu sessions, or :Mazu stop.', sentence)

-- A reason goes to the model.
bed.will_answer('Edit app.py', 'deny too early for that')
vim.cmd('Mazu chat change it again')
bed.wait('the next turn ends', function()
  return turns.ended == 2
end)
bed.check('the buffer is still as it was', bed.text(app) == before)
bed.check('that call failed too', turns.results[2] and turns.results[2].ok == false, turns.results)

-- What a rule denies says so: the text stands behind the call, and is no line of the buffer.
vim.cmd('Mazu chat write the locked one')
bed.wait('the turn with a denied call ends', function()
  return turns.ended == 3
end)
bed.transcript()
local behind = {}
for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(require('mazu.chat.panel').shown().buffer.bufnr, -1, 0, -1, { details = true })) do
  for _, piece in ipairs(mark[4].virt_text or {}) do
    behind[#behind + 1] = piece[1]
  end
end
bed.check('it says which', table.concat(behind, '\n'):find('not run, a rule denies it', 1, true), behind)

-- A question that nobody answered in time goes with a word, and its keys with it.
local options = { { id = '1', label = 'Keep mine', kind = 'action' } }
local shown = require('mazu.chat.panel').shown()
coroutine.wrap(function()
  local params = { sessionId = shown.session.id, callId = 'q', tool = 'mazu.undo', title = 'Undo: what now?', options = options }
  require('mazu.question').permission(params, { client_id = bed.client().id })
end)()
bed.check('it stands there', bed.transcript():find('g1 Keep mine', 1, true), bed.transcript())
require('mazu.question').resolved({ callId = 'q', verdict = 'void', by = 'timeout' })
bed.check('it is gone', not bed.transcript():find('g1 Keep mine', 1, true), bed.transcript())
bed.wait_said('nobody answered in time: Undo: what now?')
bed.stop_server()
bed.finish()
