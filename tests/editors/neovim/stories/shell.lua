-- Before a command runs, what the agent changed in a buffer is saved, and only then.
local bed = dofile(vim.env.MAZU_TEST_STORIES .. '/bed.lua')
bed.with_plugin()
vim.lsp.enable('mazu_ls')

local app = bed.open('app.py')
local turns = bed.watch_turns()

local saved_before_command
bed.before_answer = function(prompt)
  if prompt:find('Run ', 1, true) or prompt:find('grep', 1, true) then
    saved_before_command = not vim.bo[app].modified
  end
end
bed.will_answer('Edit app.py', 'allow')
bed.will_answer('Run grep', 'allow')
vim.cmd('Mazu chat fix it and look')
bed.wait('the turn ends', function()
  return turns.ended == 1
end)
bed.check('the user was asked before anything was saved', saved_before_command == false, bed.asked)
bed.check('both calls went well', #turns.results == 2 and turns.results[1].ok and turns.results[2].ok, turns.results)
bed.check('the buffer is saved now', not vim.bo[app].modified)
bed.check('the file holds the edit', vim.list_contains(vim.fn.readfile('app.py'), '    return a + b'))
bed.check('the command saw it', vim.fn.filereadable('seen.txt') == 1 and vim.fn.readfile('seen.txt')[1] == '1', turns.results)
bed.stop_server()
bed.finish()
