-- The main job: start, chat that edits a buffer, undo, a code action, checkpoint, roll back, stop.
local bed = dofile(vim.env.MAZU_TEST_STORIES .. '/bed.lua')
bed.with_plugin()
vim.lsp.enable('mazu_ls')

local app = bed.open('app.py')
local before = bed.text(app)
bed.wait('the server is attached', function()
  local client = bed.client()
  return client and client.initialized and vim.lsp.buf_is_attached(app, client.id)
end)
bed.check('it works in the project', bed.client().root_dir == vim.fs.normalize(assert(vim.uv.cwd())), bed.client().root_dir)

local turns = bed.watch_turns()

-- A checkpoint of what is there, the user's unsaved line included.
vim.api.nvim_buf_set_lines(app, -1, -1, false, { '# my own line' })
local mine = bed.text(app)
vim.cmd('Mazu checkpoint before the agent')
bed.wait_said('checkpoint taken')

-- A chat that edits the buffer, after the user has seen the diff and allowed it.
bed.new_undo_block()
bed.will_answer('Edit app.py', 'allow')
vim.cmd('Mazu chat total subtracts')
bed.wait('the agent edits the buffer', function()
  return bed.text(app):find('return a + b', 1, true)
end)
bed.wait('the turn ends', function()
  return turns.ended == 1
end)
bed.check('the diff was in sight when the question was asked', bed.seen_at('Edit app.py'):find('+    return a + b', 1, true), bed.asked)
bed.check('the unsaved line of the user is still there', bed.text(app):find('# my own line', 1, true))
bed.check('the buffer is not saved behind the back of the user', vim.bo[app].modified)
bed.check('the turn ran', vim.list_contains(turns.states, 'running'), turns)
bed.check('the reply is shown', bed.transcript():find('It adds now', 1, true), bed.transcript())
bed.check('the status line says so', require('mazu').statusline():find('mazu', 1, true), require('mazu').statusline())

-- The editor's own undo takes the edit back, and redo brings it again.
vim.api.nvim_buf_call(app, vim.cmd.undo)
bed.check('undo takes the edit back', bed.text(app) == mine, bed.text(app))
vim.api.nvim_buf_call(app, vim.cmd.redo)
bed.check('redo brings it again', bed.text(app):find('return a + b', 1, true))

-- A code action on a selection.
bed.new_undo_block()
vim.api.nvim_set_current_win(vim.fn.bufwinid(app))
bed.will_answer('', 'Mazu: document')
vim.lsp.buf.code_action({ range = { start = { 5, 0 }, ['end'] = { 6, 16 } } })
bed.wait('the code action edits the selection', function()
  return bed.text(app):find('Twice the number', 1, true)
end)
vim.api.nvim_buf_call(app, vim.cmd.undo)
bed.check('and can be undone', not bed.text(app):find('Twice the number', 1, true))

-- Roll back to the checkpoint, through the preview; then undo that.
local changed = bed.text(app)
bed.will_answer('Roll back to', 'before the agent')
vim.cmd('Mazu rollback')
local plan = bed.press('rollback', 'ga')
bed.check('the plan and the diff were in sight', plan:find('app.py', 1, true) and plan:find('+    return a + b', 1, true), plan)
local told = bed.wait_said('To undo this')
bed.wait('the buffer is as it was at the checkpoint', function()
  return bed.text(app) == mine
end)
vim.cmd(told:match(':(Mazu r%a+ ?[cp_%d]*)'))
if told:find('rollback', 1, true) then
  bed.press('rollback', 'ga')
end
bed.wait('the rollback is undone', function()
  return bed.text(app) == changed
end)

vim.cmd('Mazu stop')
bed.wait_said('nothing is running')
bed.check('the file on disk was never touched', table.concat(vim.fn.readfile('app.py'), '\n') == before)
bed.check('updates came', turns.updates > 5, turns)
bed.stop_server()
bed.finish()
