-- What a turn changed, and what is proposed, inline: hunk by hunk, in the quickfix list, side by side.
local bed = dofile(vim.env.MAZU_TEST_STORIES .. '/bed.lua')
bed.with_plugin()
vim.g.mazu = function()
  return { cmd = bed.server, chat = { layout = 'left' } }
end
vim.lsp.enable('mazu_ls')

local app = bed.open('app.py')
local turns = bed.watch_turns()
local namespace = vim.api.nvim_create_namespace('mazu.review')

-- The virtual lines of the buffer, and the lines that are coloured.
local function shown()
  local virtual, coloured = {}, {}
  for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(app, namespace, 0, -1, { details = true })) do
    local details = mark[4]
    for _, line in ipairs(details.virt_lines or {}) do
      table.insert(virtual, line[1][1])
    end
    if details.line_hl_group then
      table.insert(coloured, bed.lines(app)[mark[2] + 1] .. ' ' .. details.line_hl_group)
    end
  end
  return { virtual = virtual, coloured = coloured }
end

local function wait_shown(what, virtual, coloured)
  local wanted = { virtual = virtual, coloured = coloured }
  local ok = vim.wait(120000, function()
    return vim.deep_equal(shown(), wanted)
  end, 50)
  bed.check(what, ok, shown())
end

vim.cmd('Mazu run change both')
bed.wait('the turn ends', function()
  return turns.ended == 1
end)
bed.check('the panel is where the function of vim.g.mazu wants it', vim.api.nvim_win_get_position(vim.fn.bufwinid(app))[2] > 20)
vim.api.nvim_set_current_win(vim.fn.bufwinid(app))
vim.cmd('Mazu changes')
wait_shown('both changes are inline', { '    return a - b', '    return a * 2' }, {
  '    return a + b MazuDiffAdd',
  '    return 2 * a MazuDiffAdd',
})
bed.check('the cursor is at the first', vim.api.nvim_win_get_cursor(0)[1] == 2, vim.api.nvim_win_get_cursor(0))
local function press(lhs)
  vim.fn.maparg(lhs, 'n', false, true).callback()
end
press(']h')
bed.check(']h goes to the next', vim.api.nvim_win_get_cursor(0)[1] == 6, vim.api.nvim_win_get_cursor(0))

vim.cmd('Mazu quickfix')
local places = vim.tbl_map(function(item)
  return { item.lnum, item.text }
end, vim.fn.getqflist())
bed.check('both are in the quickfix list', vim.deep_equal(places, { { 2, 'changed +1 -1' }, { 6, 'changed +1 -1' } }), places)
vim.cmd.cclose()
vim.api.nvim_set_current_win(vim.fn.bufwinid(app))

vim.cmd('Mazu diff')
local sides = vim.tbl_map(function(window)
  return bed.text(vim.api.nvim_win_get_buf(window))
end, vim.api.nvim_tabpage_list_wins(0))
bed.check('side by side: before', sides[1]:find('return a - b', 1, true) and sides[1]:find('return a * 2', 1, true), sides)
bed.check('and after', sides[2]:find('return a + b', 1, true) and sides[2]:find('return 2 * a', 1, true), sides)
vim.cmd.tabclose()

vim.api.nvim_win_set_cursor(0, { 6, 0 })
press('ghr')
bed.wait('that hunk is undone', function()
  return bed.text(app):find('return a * 2', 1, true)
end)
bed.check('and only that one', bed.text(app):find('return a + b', 1, true), bed.text(app))
wait_shown('the other is still there to be kept', { '    return a - b' }, { '    return a + b MazuDiffAdd' })
vim.api.nvim_win_set_cursor(0, { 2, 0 })
press('gha')
wait_shown('kept, it is shown no more', {}, {})
bed.check('and stays', bed.text(app):find('return a + b', 1, true))
bed.check('the keys are given back', vim.fn.maparg('gha', 'n') == '' and vim.fn.maparg(']h', 'n') == '')
bed.stop_server()
bed.finish()
