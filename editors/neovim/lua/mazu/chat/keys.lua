--- The keys of the panel, all of them local to its buffers, and their help.
local M = {}

---@type {bufnr: integer, lhs: string}[] keys of the question that is open
local of_question = {}

---@param bufnr integer
---@param direction 1|-1
local function to_heading(bufnr, direction)
  local buffer = assert(require('mazu.chat.buffer').of(bufnr))
  local line, target = vim.api.nvim_win_get_cursor(0)[1], nil
  for _, heading in ipairs(buffer:headings()) do
    if direction == 1 and heading > line then
      target = heading
      break
    elseif direction == -1 and heading < line then
      target = heading
    end
  end
  if target then
    vim.cmd("normal! m'")
    vim.api.nvim_win_set_cursor(0, { target, 0 })
  end
end

--- The block under the cursor.
---@param bufnr integer
---@return mazu.chat.Block?
local function block_at(bufnr)
  local entry = require('mazu.chat.buffer').of(bufnr):at(vim.api.nvim_win_get_cursor(0)[1])
  return entry and entry.block
end

--- Copies the text of the block under the cursor.
---@param bufnr integer
local function yank(bufnr)
  local block = block_at(bufnr)
  local text = block and (block.diff or block.output or require('mazu.chat.session').text_of(block))
  if text and text ~= '' then
    vim.fn.setreg(vim.v.register, text)
    require('mazu.tell').info('copied %d lines', select(2, text:gsub('\n', '')) + 1)
  end
end

--- Opens the diff under the cursor, or of the open question, side by side.
---@param bufnr integer
local function open_diff(bufnr)
  local block = block_at(bufnr)
  local question = require('mazu.question').current()
  local diff = block and block.diff or (question and question.diff)
  if diff and diff ~= '' then
    require('mazu.diff').open(diff, { applied = block ~= nil and block.status == 'done' })
  else
    require('mazu.tell').info('there is no diff here')
  end
end

--- The file that the block under the cursor is about, and the line of its first change.
---@param block? mazu.chat.Block
---@return string? path
---@return integer? line one-based
local function file_of(block)
  if block and block.diff and block.diff ~= '' then
    local file = require('mazu.patch').parse(block.diff)[1]
    if file and file.path then
      return file.path, file.hunks[1] and file.hunks[1].new_start
    end
  end
  local attached = block and block.kind == 'user' and (block.data and block.data.attachments or {})[1]
  if attached then
    return attached.path, attached.range and attached.range.start.line + 1
  end
  return block and block.kind == 'tool' and (block.title or ''):match('^%a+ (%S+)$') or nil
end

--- Opens that file in a window beside the panel.
---@param bufnr integer
local function go_to_file(bufnr)
  local panel = require('mazu.chat.panel')
  local entry = panel.entry_of(bufnr)
  local path, line = file_of(block_at(bufnr))
  local full = path and entry and (vim.startswith(path, '/') and path or vim.fs.joinpath(entry.root, path))
  if not full or not vim.uv.fs_stat(full) then
    return require('mazu.tell').info('no file is named here')
  end
  require('mazu.window').show_file(full, line)
end

local diff_key = { modes = 'n', lhs = 'gd', about = 'the diff here, side by side', act = open_diff }

--- Goes on in the composer, in Insert mode: `i` and `a` are typed by who is about to write. From the float of a question
--- the panel is opened.
---@param bufnr integer
local function write(bufnr)
  local panel = require('mazu.chat.panel')
  if not panel.focus_composer() then
    local entry = panel.entry_of(bufnr)
    if not entry then
      return
    end
    panel.open(entry, { focus = true })
  end
  vim.cmd.startinsert({ bang = true })
end

---@type {modes: string, lhs: string, about: string, act: string|fun(bufnr: integer), hidden?: boolean}[]
local transcript = {
  { modes = 'n', lhs = ']]', about = 'next heading', act = function(bufnr) to_heading(bufnr, 1) end },
  { modes = 'n', lhs = '[[', about = 'previous heading', act = function(bufnr) to_heading(bufnr, -1) end },
  { modes = 'n', lhs = '<Tab>', about = 'open or close what is folded here', act = '<Cmd>silent! normal! za<CR>' },
  { modes = 'n', lhs = 'gy', about = 'copy this block', act = yank },
  diff_key,
  { modes = 'n', lhs = '<CR>', about = 'go to the file that is named here', act = go_to_file },
  { modes = 'n', lhs = 'gr', about = 'review what this turn changed', act = '<Cmd>Mazu changes<CR>' },
  { modes = 'n', lhs = 'gu', about = 'undo the last turn', act = '<Cmd>Mazu undo<CR>' },
  { modes = 'n', lhs = 'i', about = 'write a message; so do a, I, A, o and O', act = write },
}
for _, lhs in ipairs({ 'a', 'I', 'A', 'o', 'O' }) do
  transcript[#transcript + 1] = { modes = 'n', lhs = lhs, about = 'write a message', act = write, hidden = true }
end

---@type {modes: string, lhs: string, about: string, act: string|fun(bufnr: integer)}[]
local both = {
  { modes = 'n', lhs = '<C-c>', about = 'stop the running turn', act = '<Cmd>Mazu stop<CR>' },
  { modes = 'n', lhs = 'q', about = 'close the panel', act = '<Cmd>Mazu close<CR>' },
  { modes = 'n', lhs = 'g?', about = 'these keys', act = '<Cmd>Mazu keys<CR>' },
}

---@param bufnr integer
---@param list table[]
local function map(bufnr, list)
  for _, key in ipairs(list) do
    local act = key.act
    if type(act) == 'function' then
      local run = act
      act = function()
        run(bufnr)
      end
    end
    vim.keymap.set(vim.split(key.modes, ''), key.lhs, act, {
      buffer = bufnr,
      nowait = true,
      silent = true,
      desc = 'Mazu: ' .. key.about,
    })
  end
end

---@param bufnr integer
function M.map_transcript(bufnr)
  if not vim.b[bufnr].mazu_mapped then
    vim.b[bufnr].mazu_mapped = true
    map(bufnr, transcript)
    map(bufnr, both)
  end
end

---@param bufnr integer
function M.map_composer(bufnr)
  map(bufnr, both)
end

--- The keys that answer the question which is open, in the transcript and in the composer's Normal mode.
---@param bufnr integer of the transcript
---@param question mazu.Question
function M.map_question(bufnr, question)
  M.unmap_question()
  local questions = require('mazu.question')
  for _, target in ipairs({ bufnr, require('mazu.chat.composer').buffer() }) do
    for _, key in ipairs(questions.keys(question)) do
      local act = function()
        questions.answer(key.verb, { key = true })
      end
      if key.why then
        act = questions.deny_and_say_why
      elseif key.diff then
        act = function()
          require('mazu.diff').open(question.diff, { applied = false })
        end
      elseif key.hunks then
        act = function()
          require('mazu.hunk_choice').open(question)
        end
      elseif key.edit then
        act = function()
          require('mazu.edit_call').open(question)
        end
      end
      vim.keymap.set('n', key.lhs, act, { buffer = target, nowait = true, desc = 'Mazu: ' .. key.label })
      of_question[#of_question + 1] = { bufnr = target, lhs = key.lhs }
    end
  end
end

function M.unmap_question()
  for _, key in ipairs(of_question) do
    pcall(vim.keymap.del, 'n', key.lhs, { buffer = key.bufnr })
    local buffer = require('mazu.chat.buffer').of(key.bufnr)
    if buffer and key.lhs == 'gd' then
      map(key.bufnr, { diff_key })
    end
  end
  of_question = {}
end

--- The keys of the panel as text.
---@return string[]
function M.help()
  local lines = { '# Keys of the chat panel', '', '## Transcript', '' }
  local function add(list)
    for _, key in ipairs(list) do
      lines[#lines + 1] = not key.hidden and ('  %-8s %s'):format(key.lhs, key.about) or nil
    end
  end
  add(transcript)
  vim.list_extend(lines, { '', '## An open question (transcript, and Normal mode of the composer)', '' })
  vim.list_extend(lines, {
    '  ga       allow once            <Plug>(mazu-allow)',
    '  gs       allow in this session <Plug>(mazu-allow-session)',
    '  gA       always allow here     <Plug>(mazu-allow-always)',
    '  gn       deny                  <Plug>(mazu-deny)',
    '  gN       deny and say why      <Plug>(mazu-deny-why)',
    '  gd       its diff side by side <Plug>(mazu-diff)',
    '  gh       choose among its changes',
    '  ge       change the call first',
  })
  vim.list_extend(lines, { '', '## Composer', '' })
  add(require('mazu.chat.composer').keys)
  vim.list_extend(lines, { '', '## Both', '' })
  add(both)
  return lines
end

return M
