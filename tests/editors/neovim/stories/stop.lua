-- A turn is seen while it streams, stopped, and the editor stays usable meanwhile.
local bed = dofile(vim.env.MAZU_TEST_STORIES .. '/bed.lua')
bed.with_plugin()
vim.lsp.enable('mazu_ls')

bed.open('app.py')
local turns = bed.watch_turns()
vim.cmd('Mazu chat count')
bed.wait('the first words are seen', function()
  return vim.iter(vim.api.nvim_list_wins()):any(function(window)
    return bed.text(vim.api.nvim_win_get_buf(window)):find('word 3', 1, true)
  end)
end)
bed.check('the cursor is where it was', vim.api.nvim_buf_get_name(0):find('app.py', 1, true))
bed.check('the status line says that it runs', require('mazu').statusline():find('running', 1, true), require('mazu').statusline())

-- What is said meanwhile waits for its turn, and can be taken back.
vim.cmd('Mazu chat another')
bed.wait('it waits', function()
  return #require('mazu.chat.panel').shown().session.queued == 1
end)
bed.will_answer('Remove from the queue', 'another')
vim.cmd('Mazu queue')
bed.wait('it is withdrawn, to be edited', function()
  return #require('mazu.chat.panel').shown().session.queued == 0
    and require('mazu.chat.composer').text() == 'another'
end)

vim.cmd('Mazu stop')
bed.wait_said('mazu: stopped')
bed.wait('the turn has ended', function()
  return turns.ended == 1
end)
bed.check('because it was stopped', turns.last.stopReason == 'cancelled', turns.last)

-- The turn that is about to begin, whose session is only being made, is stopped too.
vim.cmd('Mazu new')
vim.cmd('Mazu chat never mind')
vim.cmd('Mazu stop')
bed.wait('that turn has ended', function()
  return turns.ended == 2
end)
bed.check('because it was stopped as well', turns.last.stopReason == 'cancelled', turns.last)
bed.check('the status line says so', not require('mazu').statusline():find('running', 1, true))
bed.stop_server()
bed.finish()
