-- The chat panel's windows: every layout gives them back, `:bdelete` and a session file cost nothing, and what stands in it
-- is cut to the room that there is. No server is needed.
local bed = dofile(vim.env.MAZU_TEST_STORIES .. '/bed.lua')
bed.with_plugin()
vim.o.columns, vim.o.lines = 120, 40
local app = bed.open('app.py')
vim.wo.number = true
local chat, panel = require('mazu.chat'), require('mazu.chat.panel')
local entry = chat.entry(vim.uv.cwd())
entry.session.name = 'fix total()'
entry.session:apply({ kind = 'user', text = 'hello', shown = 'hello', attachments = {} }, 't', false)

local function windows()
  return vim.tbl_map(function(window)
    local bufnr = vim.api.nvim_win_get_buf(window)
    return { vim.api.nvim_buf_get_name(bufnr), vim.wo[window].number, vim.wo[window].winfixbuf }
  end, vim.api.nvim_tabpage_list_wins(0))
end

vim.cmd('split')
local before = windows()
for _, layout in ipairs({ 'right', 'left', 'bottom', 'float', 'tab', 'current' }) do
  vim.g.mazu = { cmd = bed.server, chat = { layout = layout } }
  panel.open(entry, { focus = true })
  bed.check(layout .. ': the composer has the cursor', vim.bo.filetype == 'mazu_composer')
  bed.check(layout .. ': the transcript is there', bed.transcript():find('hello', 1, true))
  panel.close()
  bed.check(layout .. ': the windows are as before', vim.deep_equal(windows(), before), windows())
  bed.check(layout .. ': no tab is left', #vim.api.nvim_list_tabpages() == 1)
end

-- Where one window of it is closed by hand, or is all there is, the editor goes on.
vim.cmd('only')
panel.open(entry, { focus = true })
vim.cmd('only')
bed.wait('the panel is closed, and a file is there instead', function()
  return #vim.api.nvim_list_wins() == 1 and vim.api.nvim_get_current_buf() == app
end)

-- `:bdelete` takes neither the conversation nor what was being written.
vim.g.mazu = { cmd = bed.server }
panel.open(entry, { focus = true })
require('mazu.chat.composer').set('a draft')
vim.cmd('bdelete!')
vim.cmd('silent! bdelete! ' .. entry.buffer.bufnr)
bed.wait('the panel is closed', function()
  return not panel.is_visible()
end)
panel.open(entry, {})
bed.check('the conversation is there', bed.text(entry.buffer.bufnr):find('hello', 1, true))
bed.check('and the draft', require('mazu.chat.composer').text() == 'a draft')
panel.close()

-- `:edit` empties neither window; `i`, `o` and the like go on in the composer; `:quit` with nothing left but the panel closes it.
panel.open(entry, { focus = true })
vim.cmd('edit!')
bed.check('the composer keeps what is written', bed.text() == 'a draft', bed.lines())
vim.api.nvim_set_current_win(vim.fn.bufwinid(entry.buffer.bufnr))
vim.cmd('edit!')
bed.check('the transcript is drawn again', bed.text():find('hello', 1, true), bed.lines())
for _, key in ipairs({ 'i', 'a', 'I', 'A', 'o', 'O' }) do
  bed.check(key .. ' is mapped', vim.fn.maparg(key, 'n', false, true).desc:find('write a message', 1, true))
end
vim.api.nvim_feedkeys('otyped', 'xt', false)
bed.check('and is typed into the composer', require('mazu.chat.composer').text():find('typed', 1, true), bed.lines())
require('mazu.chat.composer').set('a draft')
vim.api.nvim_set_current_win(vim.fn.bufwinid(app))
vim.cmd('split | quit')
bed.check('a window of several is no reason', panel.is_visible())
vim.cmd('doautocmd QuitPre')
bed.check('the last one is', not panel.is_visible())

-- A session file knows only the names.
vim.cmd('silent new | silent file mazu://chat/9 | silent new | silent file mazu://other')
chat.open = function()
  panel.open(entry, {})
end
chat.restore_panel()
local names = table.concat(vim.tbl_map(vim.api.nvim_buf_get_name, vim.api.nvim_list_bufs()), '\n')
bed.check('the empty buffers are gone', not names:find('mazu://chat/9') and not names:find('mazu://other'), names)
bed.check('and the panel is open', panel.is_visible())
panel.close()

-- Two projects: what is written in a conversation goes to the server of its own project, also when that has ended.
local function serve()
  local closing = false
  return {
    request = function(method, _, callback)
      vim.schedule(function()
        callback(nil, method == 'initialize' and { capabilities = {} } or vim.empty_dict())
      end)
      return true, 1
    end,
    notify = function() return true end,
    is_closing = function() return closing end,
    terminate = function() closing = true end,
  }
end
local ids = {}
for i, root in ipairs({ entry.root, '/elsewhere' }) do
  ids[i] = vim.lsp.start({ name = 'mazu_ls', cmd = serve, root_dir = root }, { attach = false })
end
bed.wait('both run', function()
  return #vim.lsp.get_clients({ name = 'mazu_ls' }) == 2
end)
local of_buffer = require('mazu.client').get
bed.check('that of its project', of_buffer(entry.buffer.bufnr).id == ids[1] and of_buffer(app).id == ids[1])
vim.lsp.get_client_by_id(ids[1]).rpc.terminate()
bed.check('never another one', of_buffer(entry.buffer.bufnr) == nil and of_buffer(app) == nil)
vim.lsp.get_client_by_id(ids[2]).rpc.terminate()
bed.check('and it would be started there', require('mazu.client').root(entry.buffer.bufnr) == entry.root)

-- The winbar in the room that it has.
entry.session:apply({ kind = 'model', model = 'anthropic:claude-sonnet-5-5' }, nil, true)
entry.session.mode, entry.session.cost, entry.session.context_window = 'ask', 0.021, 200000
entry.session:apply({ kind = 'reply', text = 'x' }, 't', true)
entry.session:apply({ kind = 'usage', usage = { inputTokens = 20000, outputTokens = 4000, costUsd = 0 } }, 't', true)
local function winbar(room)
  local text = require('mazu.chat.winbar').render(entry.session, 1, nil, room)
  return vim.api.nvim_eval_statusline(text, { use_winbar = true, maxwidth = 200 }).str
end
bed.check('all of it', winbar(80) == 'fix total() · ask · claude-sonnet-5-5 · 12 % · $0.021', winbar(80))
bed.check('a narrow panel', winbar(40) == 'fix tot… · ask · 12 % · $0.021' or vim.fn.strdisplaywidth(winbar(40)) <= 40, winbar(40))
for room = 8, 60 do
  bed.check(('%d cells are enough'):format(room), vim.fn.strdisplaywidth(winbar(room)) <= room, winbar(room))
end

-- Completion: a word with blanks is taken whole, and whatever was found for what is typed passes the editor's filter.
vim.fn.writefile({}, 'my file.txt')
local composer = require('mazu.chat.composer').buffer()
vim.api.nvim_buf_set_lines(composer, 0, -1, false, { 'look at @mfi' })
local items
bed.wait('completion offers the file', function()
  local params = { textDocument = { uri = vim.uri_from_bufnr(composer) }, position = { line = 0, character = 12 } }
  local answers = vim.lsp.buf_request_sync(composer, 'textDocument/completion', params, 2000) or {}
  items = vim.tbl_get(vim.tbl_values(answers), 1, 'result', 'items')
  return items and items[1]
end)
bed.check('whole', items[1].textEdit.newText == '@my file.txt' and items[1].insertTextFormat == 2, items)
bed.check('and past the filter', items[1].filterText == '@mfi', items)

-- Some of the hunks of a question.
local answered
local hunks = { { id = 'a', diff = '@@ -1 +1 @@\n-one\n+1' }, { id = 'b', diff = '@@ -9 +9 @@\n-two\n+2' } }
local question = { title = 'Edit app.py', hunks = hunks, options = {}, detail = 'Edits.\n\nWhy this needs approval: you said so', reason = 'you said so' }
require('mazu.question').answer = function(which, opts)
  answered = { which, opts.hunks }
end
require('mazu.hunk_choice').open(question)
local lines = vim.api.nvim_buf_get_lines(0, 0, -1, false)
bed.check('both are ticked', vim.list_contains(lines, '# [x] 1') and vim.list_contains(lines, '# [x] 2'), lines)
vim.api.nvim_feedkeys(vim.keycode('<Tab>'), 'xt', false)
vim.api.nvim_feedkeys('ga', 'xt', false)
bed.check('the other one is allowed', vim.deep_equal(answered, { 'allow', { 'b' } }), answered)
local _, reason = require('mazu.chat.question_block').parts(question)
bed.check('why it is asked', reason == 'you said so', reason)
question.reason = nil
bed.check('words of a project are no reason', select(2, require('mazu.chat.question_block').parts(question)) == nil)

-- Nothing of a diff is hidden: removed comments of Lua and added `++` look like the names of files.
local comments = '--- a/x.lua\n+++ b/x.lua\n@@ -1,2 +1,2 @@\n--- gone\n+++ come\n same\n'
local shown_diff = require('mazu.patch').body(comments)
bed.check('whole', vim.deep_equal(shown_diff, { '@@ -1,2 +1,2 @@', '--- gone', '+++ come', ' same' }), shown_diff)
bed.check('counted', vim.deep_equal({ require('mazu.chat.tools').count(comments) }, { 1, 1 }))
local two_files = require('mazu.patch').body(comments .. '--- a/y\n+++ /dev/null\n@@ -1 +0,0 @@\n-y\n')
bed.check('each file is named', vim.list_contains(two_files, '@x.lua') and vim.list_contains(two_files, '@y'), two_files)

-- Where hunks without context stand: a deletion names the line before, which at the top is none.
for start, line in pairs({ ['@@ -1,2 +0,0 @@\n-a\n-b'] = 0, ['@@ -5 +4,0 @@\n-a'] = 4, ['@@ -5 +5 @@\n-a\n+b'] = 4 }) do
  bed.check(start, require('mazu.patch').start(require('mazu.patch').parse(start)[1].hunks[1], true) == line)
end

-- Why a call failed stands below it, where there is room to read it.
local long = 'error: app.py was changed in the editor while the agent worked on it; read it again before you edit it'
entry.session:apply({ kind = 'tool_call', callId = 'c', tool = 'edit_file', title = 'Edit app.py' }, 't', false)
entry.session:apply({ kind = 'tool_result', callId = 'c', ok = false, summary = long }, 't', false)
panel.open(entry, {})
bed.check('whole', bed.transcript():find('✗ Edit app.py\n    ' .. long, 1, true), bed.transcript())
panel.close()

-- What a picker's preview is: lines for one, a buffer for the other.
local preview
vim.ui.select = function(items, opts)
  preview = opts.preview_item(vim.deepcopy(items[1]))
end
require('mazu.picker').choose({ { name = 'x' } }, {
  prompt = '',
  kind = 'test',
  format = tostring,
  preview = function(item, use)
    use({ 'this is ' .. item.name }, 'text')
  end,
}, function() end)
bed.check('lines', vim.deep_equal(preview[1], 'this is x'), preview)
bed.check('a buffer', bed.text(preview.buf) == 'this is x' and vim.bo[preview.buf].filetype == 'text')

-- Memories by their titles, the code after them.
local diff = table.concat({
  'diff --git a/memory/01/0/m_000001.md b/memory/01/0/m_000001.md', 'new file mode 100644', '--- /dev/null',
  '+++ b/memory/01/0/m_000001.md', '@@ -0,0 +1,3 @@', '+---', '+id: m_000001', '+---', '+# use tabs',
  'diff --git a/app.py b/app.py', 'index 1..2 100644', '--- a/app.py', '+++ b/app.py', '@@ -1 +1 @@', '-a', '+b', '',
}, '\n')
local shown = require('mazu.checkpoint_diff').lines({ patch = diff, memories = { added = { 'm_000001' } } })
bed.check('no ids of ours', table.concat(shown, '\n') == '# memory learned: use tabs\n\n--- a/app.py\n+++ b/app.py\n@@ -1 +1 @@\n-a\n+b\n', shown)
bed.finish()
