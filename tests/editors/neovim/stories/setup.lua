-- Without a server, with one, with a bad configuration: what :checkhealth, completion and :help say.
local bed = dofile(vim.env.MAZU_TEST_STORIES .. '/bed.lua')

local function health()
  vim.cmd('checkhealth mazu')
  local text = bed.text()
  vim.cmd.bdelete()
  return text
end

bed.with_plugin()
bed.check('nothing is loaded before it is used', package.loaded['mazu.command'] == nil)
bed.check('the status line is empty without a server', require('mazu').statusline() == '')

vim.g.mazu = { cmd = { 'no-such-program' }, colour = 'red' }
local text = health()
bed.check('an unknown option is named', text:find('vim.g.mazu.colour is not an option', 1, true), text)
bed.check('a missing program is named', text:find('`no-such-program` cannot be run', 1, true), text)
bed.open('app.py')
vim.cmd('Mazu status')
bed.wait_said('pipx install .')
vim.g.mazu = { cmd = bed.server }

vim.lsp.enable('mazu_ls')
bed.open('app.py')
bed.wait('the server is attached', function()
  local client = bed.client()
  return client and client.initialized
end)
bed.wait('health tells the mode of the server', function()
  text = health()
  return text:find('mode ask', 1, true)
end)
bed.check('the server has a version', text:find('mazu_ls`: [^\n]*%d+%.%d+'), text)
bed.check('it runs', text:find('running in ', 1, true), text)
bed.check('nothing is wrong', not text:find('ERROR', 1, true), text)

vim.cmd('Mazu status')
bed.wait('the status is shown', function()
  local bufnr = require('mazu.buffer').named('mazu://status')
  return bufnr and bed.text(bufnr):find('model', 1, true)
end)

bed.check('subcommands are completed', vim.deep_equal(vim.fn.getcompletion('Mazu che', 'cmdline'), { 'checkpoint', 'checkpoints' }))
bed.wait('models are fetched to complete', function()
  return #vim.fn.getcompletion('Mazu model anthropic:', 'cmdline') > 1
end)
bed.check('modes are completed', vim.deep_equal(vim.fn.getcompletion('Mazu mode b', 'cmdline'), { 'bypass' }))
vim.cmd('Mazu mode plan')
bed.wait_said('the mode is plan')
vim.cmd('Mazu nonsense')
bed.wait_said('there is no `:Mazu nonsense`; `:Mazu` alone')
vim.cmd('Mazu memories')
bed.wait_said('there is no `:Mazu memories`; did you mean `:Mazu memory`?')
bed.will_answer('Mazu: ', 'status ')
vim.cmd('Mazu')
bed.check('`:Mazu` alone offers all', #bed.asked[#bed.asked].labels >= 20, bed.asked[#bed.asked])

vim.cmd('Mazu log')
bed.wait('a log is opened', function()
  return vim.api.nvim_buf_get_name(0):find('%.log$')
end)
vim.cmd.tabclose()

-- The help has a tag for every subcommand.
local doc = vim.fn.tempname()
vim.fn.mkdir(doc .. '/doc', 'p')
vim.uv.fs_copyfile(vim.env.MAZU_TEST_PLUGIN .. '/doc/mazu.txt', doc .. '/doc/mazu.txt')
vim.cmd.helptags(doc .. '/doc')
local tags = table.concat(vim.fn.readfile(doc .. '/doc/tags'), '\n')
for _, name in ipairs(vim.fn.getcompletion('Mazu ', 'cmdline')) do
  bed.check((':Mazu %s has a help tag'):format(name), tags:find((':Mazu-%s\t'):format(name), 1, true))
end
bed.stop_server()
bed.finish()
