-- Before a command runs, what the agent changed in a buffer is saved, and only then.
local bed = dofile(vim.env.MAZU_TEST_STORIES .. '/bed.lua')
bed.with_plugin()
vim.lsp.enable('mazu_ls')

local app = bed.open('app.py')
local done = false
local results = {}
vim.api.nvim_create_autocmd('User', {
  pattern = 'MazuUpdate',
  callback = function(event)
    local update = event.data.params.update
    if update.kind == 'tool_result' then
      results[#results + 1] = update
    end
    done = done or update.state == 'done'
  end,
})

local saved_before_command
bed.before_answer = function(prompt)
  if prompt:find('run_shell', 1, true) or prompt:find('grep', 1, true) then
    saved_before_command = not vim.bo[app].modified
  end
end
bed.will_answer('Mazu: ', 'once')
bed.will_answer('Mazu: ', 'once')
vim.cmd('Mazu chat fix it and look')
bed.wait('the turn ends', function()
  return done
end)
bed.check('the user was asked before anything was saved', saved_before_command == false, bed.asked)
bed.check('both calls went well', #results == 2 and results[1].ok and results[2].ok, results)
bed.check('the buffer is saved now', not vim.bo[app].modified)
bed.check('the file holds the edit', vim.list_contains(vim.fn.readfile('app.py'), '    return a + b'))
bed.check('the command saw it', vim.fn.filereadable('seen.txt') == 1 and vim.fn.readfile('seen.txt')[1] == '1', results)
bed.stop_server()
bed.finish()
