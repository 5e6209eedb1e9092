-- Texts of every kind that a buffer can hold: the agent's edit arrives in each, and the bytes around it stay.
local bed = dofile(vim.env.MAZU_TEST_STORIES .. '/bed.lua')
bed.with_plugin()
vim.lsp.enable('mazu_ls')
vim.o.fixendofline = false

local function bytes(name)
  local file = assert(io.open(name, 'rb'))
  local data = file:read('*a')
  file:close()
  return data
end

local function make(name, data)
  local file = assert(io.open(name, 'wb'))
  file:write(data)
  file:close()
  return bed.open(name)
end

local expected = {
  ['dos.txt'] = { 'one\r\ntwo\r\nthree\r\n', 'one\r\n2\r\nthree\r\n' },
  ['no_end.txt'] = { 'one\ntwo', 'one\n2' },
  ['bom.txt'] = { '\239\187\191one\ntwo\n', '\239\187\191one\n2\n' },
  ['astral.txt'] = { 'one 😀 👩‍🚀 two 𝕏\n', 'one 😀 👩‍🚀 2 𝕏\n' },
  ['tabs.txt'] = { '\tone\n\t  two  \n\n\n', '\tone\n\t  2  \n\n\n' },
}
for name, texts in vim.spairs(expected) do
  make(name, texts[1])
end
local short = make('short.txt', 'one\ntwo\n')
local empty = make('empty.txt', '')

vim.cmd('Mazu checkpoint both')
local both = bed.last_checkpoint()
local turns = bed.watch_turns()
vim.cmd('Mazu run make it a figure everywhere')
bed.wait('the run ends', function()
  return turns.ended == 1
end)
local failed = vim.tbl_filter(function(result)
  return not result.ok
end, turns.results)
bed.check('every edit was taken', #failed == 0 and #turns.results == 8, turns.results)
bed.check('nothing is saved yet', vim.iter(vim.api.nvim_list_bufs()):any(function(bufnr)
  return vim.bo[bufnr].modified
end))
bed.check('a text without a last line end', bed.text(short) == '2', bed.text(short))
bed.check('an empty document is filled', bed.text(empty) == '2', bed.text(empty))
vim.cmd('silent wall')
for name, texts in vim.spairs(expected) do
  bed.check(name .. ' has the bytes it should have', bytes(name) == texts[2], bytes(name))
end

-- Both changed it: the user is asked, and may keep what is theirs.
local dos = bed.open('dos.txt')
vim.api.nvim_buf_set_lines(dos, 0, 1, false, { 'mine' })
vim.cmd('silent write')
vim.cmd('Mazu rollback ' .. both)
local plan = bed.press('rollback', 'ga')
bed.wait_said('To undo this')
bed.check('the plan said so', plan:find('You changed these too: 1', 1, true), plan)
bed.check('what is theirs is kept, and the agent\'s line goes', bytes('dos.txt') == 'mine\r\ntwo\r\nthree\r\n', bytes('dos.txt'))
vim.cmd('Mazu rollback ' .. both)
bed.press('rollback', 'gO')
bed.wait('or overwritten', function()
  return bytes('dos.txt') == expected['dos.txt'][1] and bed.lines(dos)[1] == 'one'
end)
bed.wait('and the buffer is not taken for changed', function()
  return not vim.bo[dos].modified
end)
vim.cmd('silent write') -- would stop and ask if Neovim thought that somebody else wrote the file
bed.stop_server()
bed.finish()
