-- Nothing but Neovim's own client: a chat document, questions as a menu, progress, stop.
local bed = dofile(vim.env.MAZU_TEST_STORIES .. '/bed.lua')
vim.cmd('filetype plugin on')
vim.lsp.config('mazu_ls', { cmd = bed.server, root_markers = { '.git' } })
vim.lsp.enable('mazu_ls')

local app = bed.open('app.py')
bed.wait('the server is attached', function()
  local client = bed.client()
  return client and client.initialized
end)
local progress = {}
vim.api.nvim_create_autocmd('LspProgress', {
  callback = function(event)
    table.insert(progress, event.data.params.value.kind)
  end,
})

bed.will_answer('Code actions', 'Mazu: chat about this')
vim.lsp.buf.code_action({ range = { start = { 1, 0 }, ['end'] = { 2, 16 } } })
local chat = bed.wait('a chat document is opened', function()
  return vim.api.nvim_buf_get_name(0):find('/.mazu/chats/[^/]+%.md$') and vim.api.nvim_get_current_buf()
end)
bed.check('it names the selection', bed.text(chat):find('@app.py#L1-L2', 1, true), bed.text(chat))
bed.wait('the server knows the document', function()
  return vim.lsp.buf_is_attached(chat, bed.client().id)
end)

vim.api.nvim_buf_set_lines(chat, -1, -1, false, { 'It subtracts. Mend it.' })
bed.new_undo_block()
bed.will_answer('Code actions', 'Mazu: send')
bed.will_answer('Mazu asks: Edit app.py', 'Allow once')
vim.lsp.buf.code_action()
bed.wait('the agent edits the other buffer', function()
  return bed.text(app):find('return a + b', 1, true)
end)
bed.wait('the reply stands in the document', function()
  return bed.text(chat):find('It adds now', 1, true)
end)
bed.check('what was written is still there', bed.text(chat):find('It subtracts. Mend it.', 1, true), bed.text(chat))
bed.wait('there is room for the next message', function()
  return vim.endswith(vim.trim(bed.text(chat)), '## You')
end)
bed.wait('the progress has ended', function()
  return progress[#progress] == 'end'
end)
bed.check('and was shown', progress[1] == 'begin', progress)

vim.api.nvim_buf_call(app, vim.cmd.undo)
bed.check('undo takes the edit back', bed.text(app):find('return a - b', 1, true))

vim.api.nvim_win_set_buf(0, app)
bed.will_answer('Code actions', 'Mazu: remember this')
vim.lsp.buf.code_action({ range = { start = { 5, 0 }, ['end'] = { 6, 16 } } })
local known
local function look()
  bed.client():request('workspace/executeCommand', { command = 'mazu.memory.list' }, function(_, result)
    known = result
    if known.total == 0 then
      look()
    end
  end)
end
look()
bed.wait('the selection is remembered', function()
  return known and known.total == 1
end)

-- It shows where it applies.
vim.api.nvim_win_set_cursor(0, { 5, 5 })
local hovered = 0
bed.wait('the memory is shown on hover', function()
  local shown = vim.iter(vim.api.nvim_list_wins()):any(function(window)
    local floats = vim.api.nvim_win_get_config(window).relative ~= ''
    return floats and bed.text(vim.api.nvim_win_get_buf(window)):find('def double', 1, true)
  end)
  if not shown and hovered % 250 == 0 then -- again after five seconds: it may not be known yet
    vim.lsp.buf.hover()
  end
  hovered = hovered + 1
  return shown
end)

-- A comment to the agent: a hint, and a quick fix that does what it says and takes it away.
vim.api.nvim_buf_set_lines(app, -1, -1, false, { '', '', '# AI! a function that halves' })
bed.wait('the comment is seen', function()
  return vim.iter(vim.diagnostic.get(app)):any(function(diagnostic)
    return diagnostic.source == 'mazu' and diagnostic.lnum == 8
  end)
end)
vim.api.nvim_win_set_cursor(0, { 9, 0 })
bed.will_answer('Code actions', 'AI!')
vim.lsp.buf.code_action()
bed.wait('it is done', function()
  return vim.endswith(bed.text(app), 'def half(a):\n    return a / 2')
end)
bed.check('and the rest is as it was', vim.startswith(bed.text(app), 'def total(a, b):\n    return a - b\n\n\ndef double(a):\n    return a * 2\n\n\n'), bed.text(app))
bed.stop_server()
bed.finish()
