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

local takes_selection = { 'ask', 'chat', 'council', 'edit', 'remember' }
local takes_none = { 'checkpoint', 'memory', 'proposals', 'recall', 'rollback', 'run', 'send', 'status', 'stop', 'undo' }

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
