-- Edits that wait: hunk by hunk, accepted into the buffer and undone there, rejected with a reason.
local bed = dofile(vim.env.MAZU_TEST_STORIES .. '/bed.lua')
bed.with_plugin()
vim.g.mazu = { cmd = bed.server, settings = { edits = { apply = 'propose' } } }
vim.lsp.enable('mazu_ls')

local app = bed.open('app.py')
local before = bed.text(app)
local turns = bed.watch_turns()

vim.cmd('Mazu proposals')
bed.wait_said('nothing is proposed')

vim.cmd('Mazu chat mend both')
bed.wait('the turn ends', function()
  return turns.ended == 1
end)
bed.check('nothing is changed yet', bed.text(app) == before, bed.text(app))
bed.check('an edit that was only proposed waits', bed.transcript():find('? Edit app.py', 1, true), bed.transcript())

local function window(words)
  return bed.wait(('the proposals show "%s"'):format(words), function()
    local bufnr = require('mazu.buffer').named('mazu://proposals')
    return bufnr and bed.text(bufnr):find(words, 1, true) and bufnr
  end)
end

local function press(key)
  vim.api.nvim_feedkeys(vim.keycode(key), 'x', false)
end

vim.cmd('Mazu proposals')
local list = window('# app.py:2, 1 of 2')
local text = bed.text(list)
bed.check('with the keys and both diffs', text:find('a accept', 1, true) and text:find('+    return a + b', 1, true) and text:find('+    return 2 * a', 1, true), text)
bed.check('the window has the keyboard', vim.api.nvim_get_current_buf() == list)

press('<CR>')
bed.check('Enter goes to the place', vim.api.nvim_get_current_buf() == app and vim.api.nvim_win_get_cursor(0)[1] == 2)
bed.new_undo_block()
vim.cmd('Mazu proposals')
bed.wait('the window has the keyboard again', function()
  return vim.api.nvim_get_current_buf() == list
end)
press('a')
bed.wait('the hunk is in the buffer', function()
  return bed.text(app):find('return a + b', 1, true)
end)
bed.check('only that one', bed.text(app):find('return a * 2', 1, true), bed.text(app))
bed.check('unsaved', vim.bo[app].modified)
bed.wait('it is listed no more', function()
  return not bed.text(list):find('return a + b', 1, true)
end)

bed.will_answer('Reason (optional)', 'keep the order')
press('r')
bed.wait('and nothing is left', function()
  return require('mazu.buffer').named('mazu://proposals') == nil
end)
bed.check('the rejected one did not happen', bed.text(app):find('return a * 2', 1, true), bed.text(app))

vim.cmd.buffer(app)
vim.cmd.undo()
bed.check('undo takes the accepted one back', bed.text(app) == before, bed.text(app))

vim.cmd('Mazu chat and now?')
bed.wait('the next turn ends', function()
  return turns.ended == 2
end)
bed.stop_server()
bed.finish()
