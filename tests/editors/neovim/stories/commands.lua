-- Run, ask, undo, what changed since a checkpoint, sessions, the model, a rollback of the memory alone.
local bed = dofile(vim.env.MAZU_TEST_STORIES .. '/bed.lua')
bed.with_plugin()
vim.lsp.enable('mazu_ls')

local app = bed.open('app.py')
local before = bed.text(app)
local turns = bed.watch_turns()
local changed = {}
vim.api.nvim_create_autocmd('User', {
  pattern = 'MazuChanged',
  callback = function(event)
    for _, what in ipairs(event.data.what) do
      changed[what] = true
    end
  end,
})

local function view(name, words)
  return bed.wait(('%s shows "%s"'):format(name, words), function()
    local bufnr = require('mazu.buffer').named('mazu://' .. name)
    return bufnr and bed.text(bufnr):find(words, 1, true) and bufnr
  end)
end

-- A question about a selection: the reply in the chat panel, nothing else happens.
vim.cmd('1,2Mazu ask what is wrong here')
bed.wait('the answer is in the panel', function()
  return bed.transcript():find('It subtracts.', 1, true)
end)
local reply = bed.transcript()
bed.check('with the question and what it cost', reply:find('what is wrong here', 1, true) and reply:find('tokens in', 1, true), reply)
bed.check('that was no turn', turns.ended == 0)

vim.cmd('Mazu checkpoint clean')
local clean = bed.last_checkpoint()

-- A run edits without asking; its new last line comes exactly once.
vim.cmd('Mazu run make total add, and add a function at the end')
bed.wait('the run ends', function()
  return turns.ended == 1
end)
bed.check('nobody was asked', #bed.asked == 0, bed.asked)
bed.check('the call went well', turns.results[1] and turns.results[1].ok, turns.results)
bed.check('the calls went well', #turns.results == 2 and turns.results[2].ok, turns.results)
bed.check('the end of the file is right', vim.endswith(bed.text(app), '\n\n\ndef half(a):\n    return a / 2'), bed.text(app))
bed.wait('lists are told to be out of date', function()
  return changed.checkpoints and changed.sessions
end)

vim.api.nvim_buf_call(app, function()
  vim.cmd('silent write')
end)
bed.will_answer('Changes since', 'clean  +1 ~0 -0')
vim.cmd('Mazu checkpoints')
view('checkpoint/' .. clean, '+    return a + b')
bed.wait('checkpoints are completed', function()
  return vim.list_contains(vim.fn.getcompletion('Mazu rollback cp_', 'cmdline'), clean)
end)

local transcript = bed.transcript()
for _, words in ipairs({ 'You\nmake total add', 'I see.', '✓ Edit app.py', '+    return a + b', 'Done.', '1 file changed' }) do
  bed.check('the transcript has: ' .. words, transcript:find(words, 1, true), transcript)
end

-- Undo of the whole turn; the words before it are still known.
vim.cmd('Mazu undo')
bed.wait_said('To undo this')
bed.wait('the buffer is as before the run', function()
  return bed.text(app) == before
end)

-- The list of keys gives the cursor back to where it was opened.
local here = vim.api.nvim_get_current_win()
vim.cmd('Mazu keys')
bed.check('the keys have the cursor', vim.api.nvim_buf_get_name(0):find('mazu://keys', 1, true))
vim.cmd('wincmd p | wincmd p')
vim.api.nvim_feedkeys('q', 'xt', false)
bed.check('the cursor is back', vim.api.nvim_get_current_win() == here)

-- A table without fields is an object to the server, in which only JSON tells one from a list.
local redone
require('mazu.client').execute('mazu.checkpoint.list', { sessionId = nil }, function(result)
  redone = result
end)
bed.wait('a command without arguments is understood', function()
  return redone
end)

-- Only the memory goes back, and what the user remembered stays unless it is to go, too.
vim.cmd('Mazu remember a passing thought')
bed.wait_said('remembered: fact: a passing thought')
vim.api.nvim_buf_set_lines(app, -1, -1, false, { '# mine' })
local said_before = #bed.said
vim.cmd('Mazu rollback ' .. clean)
local plan = bed.press('rollback', 'gm')
bed.check('the plan names the memory', plan:find('a passing thought', 1, true), plan)
bed.wait('it is told', function()
  return vim.iter(bed.said):skip(said_before):any(function(said)
    return said:find('To undo this', 1, true)
  end)
end)
bed.check('the buffer is not touched', vim.endswith(bed.text(app), '# mine'), bed.text(app))
local listed
local function list()
  require('mazu').execute('mazu.memory.list', nil, function(result)
    listed = result
  end)
end
list()
bed.wait('the memory stays', function()
  return listed and listed.total == 1
end)
local whole = { id = clean, only = { 'memory' }, onConflict = 'overwrite' }
require('mazu').execute('mazu.rollback', whole, list)
bed.wait('the memory is gone', function()
  return listed.total == 0
end)

-- What a rollback left alone or moved is named with the reason.
local alone = { write = {}, conflicts = {}, conversation = true, keep = {}, setAside = { { path = 'big.bin', reason = 'it is in rescued/big.bin now' } } }
for _, name in ipairs({ 'a', 'b', 'c', 'd' }) do
  table.insert(alone.keep, { path = name, reason = 'only you changed it' })
end
local done = { applied = true, verified = true, plan = alone, problems = {}, checkpoint = { title = 'x', createdAt = '2026-11-27T21:00:00Z' } }
require('mazu.rollback').report(done, vim.lsp.get_clients({ name = 'mazu_ls' })[1])
bed.wait_said('Kept: a, b, c and 1 more (only you changed it). Set aside: big.bin (it is in rescued/big.bin now).')

-- What a memory replaced, and what says something else, is said.
vim.cmd('Mazu remember amounts are whole cents')
bed.wait_said('remembered: fact: amounts are whole cents')
vim.cmd('Mazu remember amounts are not whole cents')
local beside = bed.wait_said('remembered: fact: amounts are not whole cents')
bed.check('the older one is named', beside:find('“amounts are whole cents”', 1, true), beside)

-- The model, and the conversations.
vim.cmd('Mazu model anthropic:claude-haiku-4-5')
bed.wait_said('the model is anthropic:claude-haiku-4-5')
bed.will_answer('Conversations', 'make total add')
bed.will_answer('make total add', 'Open')
vim.cmd('Mazu sessions')
bed.wait('it is in the panel, with what was taken back as a line', function()
  local text = bed.transcript()
  return text:find('⟲ 1 turn undone', 1, true) or text:find('make total add', 1, true)
end)
bed.stop_server()
bed.finish()
