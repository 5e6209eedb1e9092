--- `:checkhealth mazu`.
local M = {}

local health = vim.health

local STATUS_TIMEOUT_MS = 5000

local function check_neovim()
  health.start('mazu: Neovim')
  if vim.fn.has('nvim-0.11.3') == 1 then
    health.ok('Neovim ' .. tostring(vim.version()))
  elseif vim.fn.has('nvim-0.11') == 1 then
    health.warn('Neovim ' .. tostring(vim.version()), '0.11.3 fixed several faults of the LSP client; please update')
  else
    health.warn(
      ('Neovim %s has no vim.lsp.enable()'):format(vim.version()),
      'start the server with `:Mazu start`; see :help mazu-0.10'
    )
  end
end

local function check_config()
  health.start('mazu: configuration')
  local problems = require('mazu.config').problems()
  for _, problem in ipairs(problems) do
    health.error(problem)
  end
  if #problems == 0 then
    health.ok(vim.g.mazu == nil and 'vim.g.mazu is not set: defaults' or 'vim.g.mazu is well formed')
  end
  if vim.lsp.is_enabled then
    if vim.lsp.is_enabled('mazu_ls') then
      health.ok("vim.lsp.enable('mazu_ls') was called")
    else
      health.info("not enabled: add vim.lsp.enable('mazu_ls') to your init.lua, or use `:Mazu start` where you want it")
    end
  end
end

local function check_program()
  health.start('mazu: server')
  local cmd = require('mazu.client').command_line()
  local shown = table.concat(cmd, ' ')
  if vim.fn.executable(cmd[1]) == 0 then
    return health.error(
      ('`%s` cannot be run'):format(cmd[1]),
      { 'in a clone of mazu-ls: pipx install .  (or: uv tool install .)', 'or name it: vim.g.mazu = { cmd = { "/path/to/mazu-ls" } }' }
    )
  end
  local ok, answer = pcall(function()
    local version = vim.list_extend(vim.deepcopy(cmd), { '--version' })
    return vim.system(version, { text = true, timeout = STATUS_TIMEOUT_MS }):wait()
  end)
  if ok and answer.code == 0 then
    health.ok(('`%s`: %s'):format(shown, vim.trim(answer.stdout)))
  else
    health.error(('`%s --version` failed'):format(shown), ok and vim.trim(answer.stderr) or tostring(answer))
  end
end

---@param name string
---@param store {available: boolean, reason?: string}
local function check_store(name, store)
  if store.available then
    health.ok(name .. ' are kept')
  else
    health.error(('%s are not kept: %s'):format(name, store.reason))
  end
end

---@param status table the answer of mazu.status
local function report_status(status)
  if status.model then
    health.ok(('model %s, mode %s'):format(status.model, status.mode))
  else
    health.warn(
      ('no model, mode %s; memory and checkpoints work all the same'):format(status.mode),
      'set a key in the environment of Neovim, such as ANTHROPIC_API_KEY or OPENAI_API_KEY'
    )
  end
  check_store('memories', status.memory)
  check_store('checkpoints', status.checkpoints)
  for _, warning in ipairs(status.warnings) do
    health.warn(warning)
  end
  health.info('log of the server: ' .. status.log)
end

---@param client vim.lsp.Client
local function check_client(client)
  local buffers = vim.tbl_count(client.attached_buffers)
  health.ok(('running in %s, %s, positions in %s'):format(
    client.root_dir or 'no folder',
    buffers == 1 and '1 buffer' or buffers .. ' buffers',
    client.offset_encoding
  ))
  local offered = vim.tbl_get(client.server_capabilities, 'experimental', 'mazu')
  if not offered then
    return health.error('this server does not speak the mazu protocol', 'is vim.g.mazu.cmd really mazu-ls?')
  elseif offered.version ~= 1 then
    local versions = ('the server speaks version %s of the protocol, this plugin version 1'):format(offered.version)
    health.warn(versions, 'update both')
  end
  local call, params = require('mazu.client').call, { command = 'mazu.status' }
  local answer, err = call(client, 'request_sync', 'workspace/executeCommand', params, STATUS_TIMEOUT_MS, 0)
  if answer and answer.result then
    report_status(require('mazu.task').without_nulls(answer.result))
  else
    health.error('mazu.status was not answered', err or (answer and answer.err and answer.err.message))
  end
end

local function check_clients()
  health.start('mazu: running servers')
  local clients = vim.lsp.get_clients({ name = 'mazu_ls' })
  for _, client in ipairs(clients) do
    check_client(client)
  end
  if #clients == 0 then
    health.info('none; open a file of a project, or use `:Mazu start`')
  end
  health.info('log of the language client: ' .. require('vim.lsp.log').get_filename())
end

function M.check()
  check_neovim()
  check_config()
  check_program()
  check_clients()
end

return M
