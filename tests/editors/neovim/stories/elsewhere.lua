-- What a terminal undoes is what the buffer shows: Neovim asks nothing about the file, and holds nothing as unsaved.
local bed = dofile(vim.env.MAZU_TEST_STORIES .. '/bed.lua')
bed.with_plugin()
vim.lsp.enable('mazu_ls')

local app = bed.open('app.py')
local turns = bed.watch_turns()
local before = vim.api.nvim_buf_get_lines(app, 0, -1, false)
bed.will_answer('Edit app.py', 'allow')
vim.cmd('Mazu chat fix it')
bed.wait('the turn ends', function()
  return turns.ended == 1
end)
vim.cmd('silent write')

local function in_terminal(...)
  local result
  vim.system(vim.list_extend(vim.deepcopy(bed.server), { ... }), { text = true }, function(done)
    result = done
  end)
  bed.wait('the command ends', function()
    return result ~= nil
  end)
  bed.check('the command went well', result.code == 0, result)
end

local function shows_file(lines)
  return vim.deep_equal(vim.api.nvim_buf_get_lines(app, 0, -1, false), lines)
    and vim.deep_equal(vim.fn.readfile('app.py'), lines)
    and not vim.bo[app].modified
end

local fixed = vim.api.nvim_buf_get_lines(app, 0, -1, false)
bed.check('the agent changed it', not vim.deep_equal(before, fixed))
for _, step in ipairs({ { 'undo', before }, { 'redo', fixed } }) do
  in_terminal(step[1])
  bed.wait(step[1] .. ' is what the buffer shows, saved', function()
    return shows_file(step[2])
  end)
  local asked = require('mazu.buffer').changed_outside(app)
  bed.check('Neovim knows of the change of the file after ' .. step[1], not asked)
end
bed.stop_server()
bed.finish()
