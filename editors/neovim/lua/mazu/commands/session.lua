--- `:Mazu` sessions, status, model, mode, start, log, health.
local client = require('mazu.client')
local tell = require('mazu.tell')
local update = require('mazu.update')
local view = require('mazu.view')

local modes = { 'ask', 'auto', 'plan', 'bypass' }

---@type string[] models that were listed last, for completion
local known_models = {}

---@param name string
local function set_model(name)
  client.execute('mazu.models.set', { model = name }, function(result)
    tell.info('the model is %s', result.current or 'not set')
    update.refresh()
  end)
end

---@param mode string
local function set_mode(mode)
  client.execute('mazu.permissions.mode', { mode = mode }, function(result)
    tell.info('the mode is %s', result.mode)
    update.refresh()
  end)
end

---@param use fun(names: string[], current: string)
local function list_models(use)
  client.execute('mazu.models.list', nil, function(result)
    known_models = vim.tbl_map(function(model)
      return model.name
    end, result.models)
    use(known_models, result.current)
  end)
end

---@class mazu.SessionSummary
---@field id string
---@field name string
---@field updatedAt string
---@field turnCount integer
---@field state "running"|"waiting"|"idle"|"ended"

---@param session mazu.SessionSummary
---@return string
local function session_line(session)
  local last = session.updatedAt:sub(1, 16):gsub('T', ' ')
  return ('%s  %3d turns  %-7s  %s'):format(last, session.turnCount, session.state, session.name)
end

---@param session mazu.SessionSummary
local function act_on(session)
  local acts = { { 'Open', 'mazu.chat' }, { 'Delete', 'mazu.session.delete' }, { 'Cancel' } }
  vim.ui.select(acts, {
    prompt = session_line(session) .. ':',
    format_item = function(act)
      return act[1]
    end,
  }, function(act)
    if act and act[2] then
      client.execute(act[2], { sessionId = session.id })
    end
  end)
end

---@param value any
---@return string
local function in_words(value)
  if type(value) ~= 'table' then
    return tostring(value)
  elseif vim.islist(value) then
    return #value > 0 and table.concat(vim.tbl_map(in_words, value), '; ') or 'none'
  end
  local parts = {}
  for key, item in vim.spairs(value) do
    parts[#parts + 1] = ('%s %s'):format(key, in_words(item))
  end
  return table.concat(parts, ', ')
end

--- The answer of mazu.status, a line for each of its fields.
---@param status table
---@return string[]
local function status_lines(status)
  local lines = {}
  for key, value in vim.spairs(status) do
    lines[#lines + 1] = ('%-12s %s'):format(key, in_words(value))
  end
  return lines
end

--- Opens the server's log, or Neovim's log of language servers, which has what the server said before it died.
---@param path? string
local function open_log(path)
  local there = path and vim.uv.fs_stat(path)
  vim.cmd.tabedit(vim.fn.fnameescape(there and path or require('vim.lsp.log').get_filename()))
end

---@type table<string, mazu.Subcommand>
return {
  sessions = {
    about = 'list the conversations; open or delete one',
    run = function()
      client.execute('mazu.session.list', nil, function(result)
        if #result.sessions == 0 then
          return tell.info('there is no conversation yet')
        end
        vim.ui.select(result.sessions, { prompt = 'Sessions:', format_item = session_line }, function(session)
          if session then
            act_on(session)
          end
        end)
      end)
    end,
  },
  status = {
    about = 'show model, mode, sessions, memory, checkpoints, keys, git, sandbox',
    run = function()
      client.execute('mazu.status', nil, function(result)
        result.model = result.model or 'none, because no key is set'
        view.show('status', status_lines(result), 'text')
        update.refresh()
      end)
    end,
  },
  model = {
    about = 'choose the model',
    complete = function()
      if #known_models == 0 and client.get() then
        list_models(function() end)
      end
      return vim.deepcopy(known_models)
    end,
    run = function(call)
      if call.text ~= '' then
        return set_model(call.text)
      end
      list_models(function(names, current)
        vim.ui.select(names, { prompt = ('Model (now %s):'):format(current or 'none') }, function(name)
          if name then
            set_model(name)
          end
        end)
      end)
    end,
  },
  mode = {
    about = 'choose when the agent has to ask: ask, auto, plan, bypass',
    complete = function()
      return vim.deepcopy(modes)
    end,
    run = function(call)
      if call.text ~= '' then
        return set_mode(call.text)
      end
      vim.ui.select(modes, { prompt = 'Mode:' }, function(mode)
        if mode then
          set_mode(mode)
        end
      end)
    end,
  },
  start = {
    about = 'start the server for this buffer, in its project or else in the current folder',
    run = function(call)
      client.with(call.bufnr, function(server)
        tell.info('running in %s', server.root_dir or 'no folder')
      end)
    end,
  },
  log = {
    about = 'open the log of the server',
    run = function()
      if not client.get() then
        return open_log()
      end
      client.execute('mazu.status', nil, function(result)
        open_log(result.log)
      end)
    end,
  },
  health = {
    about = 'check the set-up',
    run = function()
      vim.cmd.checkhealth('mazu')
    end,
  },
}
