--- Finding, starting and asking the language server.
local task = require('mazu.task')
local tell = require('mazu.tell')

local M = {}

M.name = 'mazu_ls'

local START_TIMEOUT_MS = 30000

---@type {code: integer, signal: integer} how the server that ended last did
local exited = { code = 0, signal = 0 }

---@type integer? id of the client that was used last, for buffers that no client is attached to
local last_used

--- The file that a buffer is for; nil for windows of plugins, terminals and what has no name yet.
---@param bufnr integer
---@return string?
local function file_of(bufnr)
  local name = vim.api.nvim_buf_get_name(bufnr)
  if vim.bo[bufnr].buftype == '' and name ~= '' and not name:find('^%a[%w+.-]+://') then
    return name
  end
end

--- The conversation that a buffer of the chat panel belongs to; nil for other buffers.
---@param bufnr integer
---@return mazu.chat.Entry?
function M.conversation(bufnr)
  return package.loaded['mazu.chat.panel'] and require('mazu.chat.panel').entry_of(bufnr) or nil
end

--- The folder that the server should work in: the nearest one above the buffer's file that holds `.mazu` or
--- `.git`. The home folder is never chosen, because `~/.mazu` is the user's own and not a project's.
---@param bufnr integer
---@return string?
function M.root(bufnr)
  local entry = M.conversation(bufnr)
  if entry then
    return entry.root
  end
  local name = file_of(bufnr)
  local start = name and vim.fs.normalize(name) or vim.fs.normalize(assert(vim.uv.cwd())) .. '/.'
  local home = vim.fs.normalize(vim.uv.os_homedir() or '')
  for folder in vim.fs.parents(start) do
    local marked = vim.uv.fs_stat(folder .. '/.mazu') or vim.uv.fs_stat(folder .. '/.git')
    if marked and folder ~= home then
      return folder
    end
  end
end

--- Calls a method of a client; until Neovim 0.11 they were plain functions.
---@param client vim.lsp.Client
---@param method string
function M.call(client, method, ...)
  if vim.fn.has('nvim-0.11') == 1 then
    return client[method](client, ...)
  end
  return client[method](...)
end

--- Starts the server's process (the `cmd` of the configuration). Neovim reports a process that was killed in a
--- message of two lines, which waits for <Enter>: how it ended is kept here instead, and said in one line.
---@param dispatchers vim.lsp.rpc.Dispatchers
---@return vim.lsp.rpc.PublicClient
function M.spawn(dispatchers)
  local config = require('mazu.config').get()
  local on_exit = dispatchers.on_exit
  local quiet = vim.tbl_extend('force', dispatchers, {
    on_exit = function(code, signal)
      exited = { code = code, signal = signal }
      on_exit(0, 0)
    end,
  })
  return vim.lsp.rpc.start(config.cmd, quiet, { env = config.env })
end

--- How the server that ended last did.
---@return integer code
---@return integer signal
function M.last_exit()
  return exited.code, exited.signal
end

--- The command line in force.
---@return string[]
function M.command_line()
  local cmd = M.config().cmd
  return type(cmd) == 'table' and cmd or require('mazu.config').get().cmd
end

--- The configuration in force, the user's `vim.lsp.config()` included where Neovim has it.
---@return vim.lsp.ClientConfig
function M.config()
  local config = vim.lsp.config and vim.lsp.config[M.name]
  if not config then
    local files = vim.api.nvim_get_runtime_file('lsp/mazu_ls.lua', false)
    config = dofile(assert(files[1], 'mazu: lsp/mazu_ls.lua is not on the runtimepath'))
    config.capabilities =
      vim.tbl_deep_extend('force', vim.lsp.protocol.make_client_capabilities(), config.capabilities)
  end
  return vim.tbl_extend('force', config, { name = M.name })
end

--- Starts the server for a buffer, or attaches the buffer to the one that runs for its project already.
---@param bufnr? integer
---@return integer? id nil where it cannot be started; the user has been told why
function M.start(bufnr)
  bufnr = (bufnr and bufnr ~= 0) and bufnr or vim.api.nvim_get_current_buf()
  local config = M.config()
  local program = M.command_line()[1]
  if vim.fn.executable(program) == 0 then
    tell.error(
      '`%s` cannot be run. Install it with `pipx install .` in a clone of mazu-ls, or name it in vim.g.mazu = { cmd = {...} }.',
      program
    )
    return
  end
  config.root_dir = M.root(bufnr) or vim.uv.cwd()
  local is_file = vim.bo[bufnr].buftype == '' and vim.api.nvim_buf_get_name(bufnr) ~= ''
  return vim.lsp.start(config, { bufnr = bufnr, attach = is_file })
end

--- The running client of the project that a buffer belongs to.
---@param bufnr integer
---@return vim.lsp.Client?
---@return boolean of_project whether the buffer is in a project at all
local function of_project(bufnr)
  local entry, name = M.conversation(bufnr), file_of(bufnr)
  local root = (entry or name) and M.root(bufnr)
  if not root then
    return nil, false
  end
  for _, client in ipairs(vim.lsp.get_clients({ name = M.name })) do
    local folder = client.root_dir and vim.fs.normalize(client.root_dir)
    local holds = folder and (folder == root or (not entry and vim.startswith(vim.fs.normalize(name), folder .. '/')))
    if holds and not M.call(client, 'is_stopped') then
      return client, true
    end
  end
  return nil, true
end

--- The running client for a buffer: the attached one, else that of its project; for buffers that are in none, the one
--- used last, else any.
---@param bufnr? integer
---@return vim.lsp.Client?
function M.get(bufnr)
  bufnr = (bufnr and bufnr ~= 0) and bufnr or vim.api.nvim_get_current_buf()
  local attached = vim.lsp.get_clients({ bufnr = bufnr, name = M.name })[1]
  if attached then
    return attached
  end
  local client, is_of_project = of_project(bufnr)
  if is_of_project then
    return client
  end
  local last = last_used and vim.lsp.get_client_by_id(last_used)
  if last and not M.call(last, 'is_stopped') then
    return last
  end
  return vim.lsp.get_clients({ name = M.name })[1]
end

---@param id integer
---@param use fun(client: vim.lsp.Client)
---@param deadline number milliseconds of the monotonic clock
local function when_ready(id, use, deadline)
  local client = vim.lsp.get_client_by_id(id)
  if client and client.initialized then
    last_used = id
    return use(client)
  elseif not client or M.call(client, 'is_stopped') or vim.uv.now() > deadline then
    return tell.error('the server did not start; see :Mazu log and :checkhealth mazu')
  end
  vim.defer_fn(function()
    when_ready(id, use, deadline)
  end, 20)
end

--- Calls `use` with a client that has been initialised, starting the server if there is none.
---@param bufnr integer
---@param use fun(client: vim.lsp.Client)
---@param client_id? integer the client to take, where it runs
---@return integer? id nil where there is none and none can be started
function M.with(bufnr, use, client_id)
  local wanted = client_id and vim.lsp.get_client_by_id(client_id)
  local client = wanted and not M.call(wanted, 'is_stopped') and wanted or M.get(bufnr)
  local id = client and client.id or M.start(bufnr)
  if id then
    vim.uv.update_time()
    when_ready(id, use, vim.uv.now() + START_TIMEOUT_MS)
  end
  return id
end

---@type table<string, string> what a command of the protocol is called here
local called = {
  ['mazu.cancel'] = ':Mazu stop',
  ['mazu.chat'] = ':Mazu chat',
  ['mazu.checkpoint'] = ':Mazu checkpoint',
  ['mazu.checkpoint.list'] = ':Mazu checkpoints',
  ['mazu.memory.list'] = ':Mazu memory',
  ['mazu.models.list'] = ':Mazu model',
  ['mazu.models.set'] = ':Mazu model',
  ['mazu.permissions.mode'] = ':Mazu mode',
  ['mazu.proposal.list'] = ':Mazu proposals',
  ['mazu.recall'] = ':Mazu recall',
  ['mazu.redo'] = ':Mazu redo',
  ['mazu.rollback'] = ':Mazu rollback',
  ['mazu.session.list'] = ':Mazu sessions',
  ['mazu.session.new'] = ':Mazu new',
  ['mazu.session.show'] = ':Mazu sessions',
  ['mazu.status'] = ':Mazu status',
  ['mazu.undo'] = ':Mazu undo',
}

--- A server's error as the user should read it: what happened, then what to do, in the words of this plugin.
---@param err lsp.ResponseError
---@return string
function M.sentence(err)
  local hint = type(err.data) == 'table' and err.data.hint or ''
  local message = err.message:gsub('^workspace/executeCommand: ', '')
  local text = message:find(hint, 1, true) and message or ('%s %s'):format(message, hint)
  return (text:gsub('mazu%.[%l.]*%l', called))
end

--- Tells the user of a server's error.
---@param err lsp.ResponseError
function M.tell(err)
  tell.error('%s', M.sentence(err))
end

---@class mazu.ExecuteOptions
---@field bufnr? integer
---@field client_id? integer The client to ask, where it runs; else that of the buffer.
---@field on_error? fun(err: lsp.ResponseError) Called instead of telling the user.

--- An argument as JSON has to have it: a table without fields is an object, not a list.
---@param argument table
---@return table
function M.object(argument)
  return vim.tbl_isempty(argument) and vim.empty_dict() or argument
end

--- Runs one of the server's commands (docs/protocol.md, section 2) and calls back with its result.
---@param command string
---@param argument? table|fun(client: vim.lsp.Client): table a function where it depends on the client's encoding
---@param callback? fun(result: any, client: vim.lsp.Client)
---@param opts? mazu.ExecuteOptions
function M.execute(command, argument, callback, opts)
  opts = opts or {}
  local bufnr = opts.bufnr or vim.api.nvim_get_current_buf()
  M.with(bufnr, function(client)
    local given = type(argument) == 'function' and argument(client) or argument
    local params = { command = command, arguments = given and { M.object(given) } or nil }
    M.call(client, 'request', 'workspace/executeCommand', params, function(err, result)
      if err then
        local tell = opts.on_error or M.tell
        tell(task.without_nulls(err))
      elseif callback then
        callback(task.without_nulls(result), client)
      end
    end, bufnr)
  end, opts.client_id)
end

--- Whether a server has a command of the protocol.
---@param client vim.lsp.Client
---@param command string
---@return boolean
function M.offers(client, command)
  local commands = vim.tbl_get(client.server_capabilities or {}, 'experimental', 'mazu', 'commands') or {}
  return vim.list_contains(commands, command)
end

--- Asks the server and waits for its answer, for completion on the command line; nil when it takes too long.
---@param command string
---@param argument? table
---@param timeout_ms integer
---@return any result
function M.execute_sync(command, argument, timeout_ms)
  local client = M.get()
  if not client or not client.initialized then
    return
  end
  local params = { command = command, arguments = argument and { M.object(argument) } or nil }
  local answer = M.call(client, 'request_sync', 'workspace/executeCommand', params, timeout_ms, 0)
  return answer and answer.result and task.without_nulls(answer.result) or nil
end

return M
