-- Defines the command and the mappings; everything else is loaded when it is used.
if vim.g.loaded_mazu then
  return
end
vim.g.loaded_mazu = true

if vim.fn.has('nvim-0.10') == 0 then
  vim.notify_once('mazu needs Neovim 0.10 or newer', vim.log.levels.WARN)
  return
end

vim.api.nvim_create_user_command('Mazu', function(opts)
  require('mazu.command').run(opts)
end, {
  nargs = '*',
  range = true,
  desc = 'The coding agent of mazu-ls',
  complete = function(lead, line)
    return require('mazu.command').complete(lead, line)
  end,
})

vim.api.nvim_create_autocmd('SessionLoadPost', {
  group = vim.api.nvim_create_augroup('mazu.session', {}),
  desc = 'Open the chat panel again that a session file had',
  callback = vim.schedule_wrap(function()
    if vim.fn.bufexists('mazu://composer') == 1 then
      require('mazu.chat').restore_panel()
    end
  end),
})

local takes_selection = { 'ask', 'chat', 'council', 'edit', 'explain', 'remember' }
local takes_none = {
  'answer',
  'changes',
  'checkpoint',
  'checkpoints',
  'close',
  'diff',
  'health',
  'keys',
  'log',
  'memory',
  'messages',
  'mode',
  'model',
  'new',
  'proposals',
  'question',
  'queue',
  'quickfix',
  'recall',
  'redo',
  'rename',
  'restore-session',
  'review',
  'rollback',
  'run',
  'send',
  'sessions',
  'skills',
  'start',
  'status',
  'stop',
  'toggle',
  'undo',
}

---@param mode string
---@param name string
---@param keys string
local function map(mode, name, keys)
  vim.keymap.set(mode, ('<Plug>(mazu-%s)'):format(name), keys:format(name), { desc = 'Mazu ' .. name, silent = true })
end

for _, name in ipairs(vim.list_extend(takes_none, takes_selection)) do
  map('n', name, '<Cmd>Mazu %s<CR>')
end
for _, name in ipairs(takes_selection) do
  -- `:` and not <Cmd>, because that is what puts the selection's range in front of the command.
  map('x', name, ':Mazu %s<CR>')
end

-- What answers a question; it counts only for one that was in sight before the key was pressed.
local answers = { allow = 'allow', ['allow-session'] = 'session', ['allow-always'] = 'always', deny = 'deny' }
for name, verb in pairs(answers) do
  vim.keymap.set('n', ('<Plug>(mazu-%s)'):format(name), function()
    require('mazu.question').answer(verb, { key = true })
  end, { desc = 'Mazu ' .. name })
end
vim.keymap.set('n', '<Plug>(mazu-deny-why)', function()
  require('mazu.question').deny_and_say_why()
end, { desc = 'Mazu deny and say why' })

local hunks = { ['next-hunk'] = 'next', ['prev-hunk'] = 'previous', accept = 'accept', reject = 'reject' }
for name, act in pairs(hunks) do
  vim.keymap.set('n', ('<Plug>(mazu-%s)'):format(name), function()
    require('mazu.review')[act]()
  end, { desc = 'Mazu ' .. name })
end
