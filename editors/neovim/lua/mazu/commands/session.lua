--- `:Mazu` sessions, rename, status, model, mode, skills, start, log, health.
local client = require('mazu.client')
local picker = require('mazu.picker')
local tell = require('mazu.tell')
local time = require('mazu.time')
local update = require('mazu.update')
local view = require('mazu.view')

local COMPLETE_MS = 800

local modes = {
  { 'ask', 'you are asked before anything is changed or run' },
  { 'auto', 'edits go ahead; you are asked before what is not safe' },
  { 'plan', 'nothing is changed: reading and planning only' },
  { 'bypass', 'you are asked nothing' },
}

---@param name string
local function set_model(name)
  client.execute('mazu.models.set', { model = name }, function(result)
    tell.info('the model is %s', result.current or 'not set')
    update.refresh()
  end)
end

---@param mode string
local function set_mode(mode)
  ---@param confirm? string
  local function change(confirm)
    client.execute('mazu.permissions.mode', { mode = mode, confirm = confirm }, function(result)
      tell.info('the mode is %s', result.mode)
      update.refresh()
    end)
  end
  if mode ~= 'bypass' then
    return change()
  end
  vim.ui.input({ prompt = 'You will be asked nothing. Type bypass to confirm: ' }, function(typed)
    if typed == 'bypass' then
      change(typed)
    end
  end)
end

---@param current? string
---@return fun(model: mazu.Model): string
local function model_line(current)
  return function(model)
    local sign = model.name == current and '◉' or (model.ready and '○' or '–')
    local prices = model.spec.prices
    local price = prices and ('$%g in, $%g out'):format(prices.input, prices.output) or 'price not known'
    local window = ('%s tokens'):format(time.count(model.spec.contextWindow))
    local note = model.ready and '' or '  no key'
    return ('%s %-40s %-24s %s%s'):format(sign, model.name, price, window, note)
  end
end

--- Ready ones first, otherwise as they came.
---@param models mazu.Model[]
---@return mazu.Model[]
local function ready_first(models)
  local sorted = {}
  for _, ready in ipairs({ true, false }) do
    for _, model in ipairs(models) do
      if (model.ready == true) == ready then
        sorted[#sorted + 1] = model
      end
    end
  end
  return sorted
end

---@param session mazu.SessionSummary
---@return string
local function session_line(session)
  local state = (session.state == 'running' or session.state == 'waiting') and (' · ' .. session.state) or ''
  local turns = session.turnCount == 1 and '1 turn' or ('%d turns'):format(session.turnCount)
  local name = session.name ~= '' and session.name or 'New conversation'
  return ('%-15s  %s · %s%s'):format(time.clock(session.updatedAt), name, turns, state)
end

---@param session mazu.SessionSummary
---@param show mazu.UsePreview
local function session_preview(session, show)
  client.execute('mazu.session.show', { sessionId = session.id, turns = 5 }, function(shown)
    local lines = { '# ' .. session.name, '' }
    for _, turn in ipairs(shown.turns or {}) do
      vim.list_extend(lines, { '## You', '' })
      vim.list_extend(lines, vim.split(turn.message or '', '\n', { plain = true }))
      vim.list_extend(lines, { '', '## Mazu', '' })
      vim.list_extend(lines, vim.split(turn.reply or '', '\n', { plain = true }))
      lines[#lines + 1] = ''
    end
    show(lines)
  end, {
    on_error = function(err)
      show({ client.sentence(err) })
    end,
  })
end

---@param session mazu.SessionSummary
local function open_session(session)
  client.with(0, function(server)
    local chat = require('mazu.chat')
    local entry = chat.select(server, session.id)
    entry.session.name = session.name
    require('mazu.chat.panel').open(entry, { focus = true })
  end)
end

---@param session mazu.SessionSummary
local function delete_session(session)
  client.execute('mazu.session.delete', { sessionId = session.id }, function()
    tell.info('deleted “%s”; `:Mazu restore-session` undoes that', session.name)
  end)
end

---@param session mazu.SessionSummary
local function restore_session(session)
  client.execute('mazu.session.restore', { sessionId = session.id }, function()
    tell.info('restored “%s”', session.name)
  end)
end

---@param session mazu.SessionSummary
local function act_on(session)
  local acts = { { 'Open', open_session }, { 'Delete', delete_session }, { 'Cancel' } }
  picker.choose(acts, {
    prompt = session.name .. ':',
    kind = 'mazu_session_action',
    format = function(act)
      return act[1]
    end,
  }, function(act)
    if act[2] then
      act[2](session)
    end
  end)
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
        picker.choose(result.sessions, {
          prompt = 'Conversations:',
          kind = 'mazu_session',
          format = session_line,
          preview = session_preview,
        }, act_on)
      end)
    end,
  },
  ['restore-session'] = {
    about = 'restore a deleted conversation',
    run = function()
      client.execute('mazu.session.list', { deleted = true }, function(result)
        if #result.sessions == 0 then
          return tell.info('no deleted conversation is kept')
        end
        picker.choose(result.sessions, {
          prompt = 'Deleted conversations:',
          kind = 'mazu_deleted_session',
          format = session_line,
        }, restore_session)
      end)
    end,
  },
  rename = {
    about = 'rename the conversation in the panel',
    run = function(call)
      local entry = require('mazu.chat.panel').shown()
      if not entry or not entry.session.id then
        return tell.info('open the chat panel first')
      end
      call:with_text('Name: ', function(text)
        client.execute('mazu.session.rename', { sessionId = entry.session.id, name = text }, function(session)
          entry.session.name = session.name
          require('mazu.chat.panel').refresh_winbar()
        end, { client_id = entry.client_id })
      end)
    end,
  },
  status = {
    about = 'show model, mode, sessions, memory, checkpoints, keys, git, sandbox',
    run = function()
      client.execute('mazu.status', nil, function(result)
        view.show('status', require('mazu.status').lines(result), 'markdown', { focus = true })
        update.refresh()
      end)
    end,
  },
  model = {
    about = 'choose the model',
    complete = function()
      local result = client.execute_sync('mazu.models.list', nil, COMPLETE_MS)
      return vim.tbl_map(function(model)
        return model.name
      end, ready_first(result and result.models or {}))
    end,
    run = function(call)
      if call.text ~= '' then
        return set_model(call.text)
      end
      client.execute('mazu.models.list', nil, function(result)
        picker.choose(ready_first(result.models), {
          prompt = 'Model:',
          kind = 'mazu_model',
          format = model_line(result.current),
        }, function(model)
          set_model(model.name)
        end)
      end)
    end,
  },
  mode = {
    about = 'choose the permission mode: ask, auto, plan, bypass',
    complete = function()
      return vim.tbl_map(function(mode)
        return mode[1]
      end, modes)
    end,
    run = function(call)
      if call.text ~= '' then
        local known = vim.tbl_map(function(mode)
          return mode[1]
        end, modes)
        if not vim.list_contains(known, call.text) then
          return tell.error('there is no mode `%s`: %s', call.text, table.concat(known, ', '))
        end
        return set_mode(call.text)
      end
      local known = update.state()
      picker.choose(modes, {
        prompt = 'Mode:',
        kind = 'mazu_mode',
        format = function(mode)
          return ('%s %-7s %s'):format(known and known.mode == mode[1] and '◉' or '○', mode[1], mode[2])
        end,
      }, function(mode)
        set_mode(mode[1])
      end)
    end,
  },
  skills = {
    about = 'list the skills; show one',
    run = function()
      client.execute('mazu.skills.list', nil, function(result)
        if #result.skills == 0 then
          return tell.info('there is no skill yet')
        end
        picker.choose(result.skills, {
          prompt = 'Skills:',
          kind = 'mazu_skill',
          format = function(skill)
            local trust = skill.trust == 'agreed' and '✓' or '?'
            return ('%s %-24s %s'):format(trust, skill.name, skill.description)
          end,
          preview = function(skill, show)
            client.execute('mazu.skills.show', { name = skill.name }, function(shown)
              show(vim.split(shown.source or skill.description, '\n', { plain = true }), 'python')
            end, {
              on_error = function(err)
                show({ client.sentence(err) })
              end,
            })
          end,
        }, function(skill)
          client.execute('mazu.skills.show', { name = skill.name }, function(shown)
            view.show('skill/' .. skill.name, vim.split(shown.source or '', '\n', { plain = true }), 'python')
          end)
        end)
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
