-- A folder that is no repository, Neovim 0.10's way of starting, a server that dies.
local bed = dofile(vim.env.MAZU_TEST_STORIES .. '/bed.lua')
vim.lsp.config, vim.lsp.enable = nil, nil -- as on Neovim 0.10
bed.with_plugin()

local folder = vim.fn.tempname()
vim.fn.mkdir(folder, 'p')
vim.cmd.cd(folder)
vim.fn.writefile({ 'one' }, 'notes.txt')
local notes = bed.open('notes.txt')
bed.check('no root is found', require('mazu.client').root(notes) == nil, require('mazu.client').root(notes))

vim.cmd('Mazu start')
bed.wait_said('running in ' .. vim.uv.fs_realpath(folder))
local client = bed.client()
bed.check('the options of the plugin were sent', vim.tbl_get(client.capabilities, 'experimental', 'mazu', 'permissions') == true)
vim.cmd('Mazu checkpoint first')
bed.wait_said('checkpoint taken')

local pid
require('mazu').execute('mazu.status', nil, function(status)
  pid = status.pid
end)
bed.wait('its process is known', function()
  return pid
end)
vim.uv.kill(pid, 'sigkill')
bed.wait('it is gone', function()
  return bed.client() == nil
end)
bed.check('the status line is empty again', require('mazu').statusline() == '', require('mazu').statusline())

bed.will_answer('Changes since', 'first')
vim.cmd('Mazu checkpoints')
bed.wait('the next command starts it again, and nothing is lost', function()
  return require('mazu.buffer').named('mazu://checkpoint/cp_000001')
end)
bed.check('another process', bed.client() and bed.client().id ~= client.id)

-- The home folder is nobody's project, although `.mazu` is in it.
vim.fn.mkdir(vim.env.HOME .. '/.mazu', 'p')
vim.fn.mkdir(vim.env.HOME .. '/sub/.git', 'p')
vim.cmd.edit(vim.env.HOME .. '/notes.txt')
bed.check('home is no root', require('mazu.client').root(0) == nil, require('mazu.client').root(0))
vim.cmd.edit(vim.env.HOME .. '/sub/notes.txt')
bed.check('a repository below it is', require('mazu.client').root(0) == vim.fs.normalize(vim.env.HOME .. '/sub'))
bed.stop_server()
bed.finish()
