--- `:Mazu` chat, run, ask, explain, edit, council, send, stop.
local client = require('mazu.client')
local tell = require('mazu.tell')
local time = require('mazu.time')

---@param text string
---@return string[]
local function split(text)
  return vim.split(text, '\n', { plain = true })
end

---@param usage table
---@return string
local function cost(usage)
  local dollars = time.spent(usage) or 'unknown cost'
  local input, output = time.count(usage.inputTokens), time.count(usage.outputTokens)
  return ('%s tokens in, %s out, %s'):format(input, output, dollars)
end

--- How a message names a place, such as "@app.py#L3-L9".
---@param uri string
---@param range? lsp.Range
---@param root string
---@return string
local function mention(uri, range, root)
  local path = vim.uri_to_fname(uri)
  if vim.startswith(path, root .. '/') then
    path = path:sub(#root + 2)
  end
  if path:find('[^%w_./~+-]') then
    path = '"' .. path:gsub('["\\]', '\\%0') .. '"'
  end
  if not range then
    return '@' .. path
  end
  local first, last = range.start.line + 1, range['end'].line + 1
  if range['end'].character == 0 and last > first then
    last = last - 1
  end
  return first == last and ('@%s#L%d'):format(path, first) or ('@%s#L%d-L%d'):format(path, first, last)
end

local M = {}

--- Asks a question that is no part of a conversation; the answer comes into the chat panel.
---@param command string
---@param bufnr integer
---@param question string
---@param argument table|fun(server: vim.lsp.Client): table
function M.ask_aside(command, bufnr, question, argument)
  local chat = require('mazu.chat')
  chat.open(bufnr, {}, function(entry, server)
    local answered = chat.aside(entry, question)
    local given = type(argument) == 'function' and argument(server) or argument
    client.execute(command, vim.tbl_extend('force', given, { wait = true }), function(result)
      answered(result.reply, cost(result.usage))
    end, {
      client_id = server.id,
      on_error = function(err)
        answered('✗ ' .. client.sentence(err))
        client.tell(err)
      end,
    })
  end)
end

--- Opens the panel with places named in the message to be; a message that is given already is sent.
---@param bufnr integer
---@param argument? table what mazu.chat would take
function M.chat_about(bufnr, argument)
  argument = argument or {}
  local places = argument.attachments or {}
  local in_document = places[1] and places[1].uri:find('/%.mazu/chats/[^/]+%.md$')
  if in_document then
    return client.execute('mazu.chat', argument, nil, { bufnr = bufnr })
  end
  local chat = require('mazu.chat')
  chat.open(bufnr, { focus = argument.message == nil }, function(entry, server)
    if argument.message then
      return chat.send(entry, server, argument.message, { attachments = argument.attachments })
    end
    for _, place in ipairs(places) do
      require('mazu.chat.composer').add(mention(place.uri, place.range, entry.root) .. ' ')
    end
  end)
end

---@param command string
---@param field "message"|"task"
---@return fun(call: mazu.Call, text: string)
local function turn(command, field)
  return function(call, text)
    local chat = require('mazu.chat')
    chat.open(call.bufnr, {}, function(entry, server)
      if command == 'mazu.chat' then
        return chat.send(entry, server, text, { attachments = call:attachments(server) })
      end
      entry.sending = not entry.session.id or nil
      client.execute(command, { [field] = text, sessionId = entry.session.id }, function(started)
        entry.session.id, entry.sending = entry.session.id or started.sessionId, nil
        chat.load(entry)
      end, {
        client_id = server.id,
        on_error = function(err)
          entry.sending = nil -- the next session that is heard of is not its own
          client.tell(err)
        end,
      })
    end)
  end
end

local chat_turn = turn('mazu.chat', 'message')
local run_turn = turn('mazu.run', 'task')

---@type table? the last CouncilResult
local last_council

--- The answers of a council in columns, what was made of them below.
---@param result table CouncilResult
local function show_council(result)
  local view = require('mazu.view')
  local columns = {}
  for _, answer in ipairs(result.answers) do
    local lines = { '# ' .. answer.model, '' }
    vim.list_extend(lines, split(answer.error and ('✗ ' .. (answer.error.message or 'failed')) or answer.reply))
    columns[#columns + 1] = { name = 'council/' .. answer.model, lines = lines }
  end
  local below = { ('# %s'):format(result.question), '', ('## Synthesis by %s'):format(result.lead or '?'), '' }
  local none = result.error and ('✗ %s %s'):format(result.error.message, result.error.hint or '')
  vim.list_extend(below, split(none or result.synthesis or ''))
  local dissent = result.dissent
  if dissent and dissent ~= '' then
    vim.list_extend(below, { '', '## Dissent', '' })
    vim.list_extend(below, split(type(dissent) == 'string' and dissent or vim.inspect(dissent)))
  end
  view.columns('council', columns, vim.list_extend(below, { '', cost(result.usage) }))
end

--- Applies the code action of ours whose title starts with `title`.
---@param title string
local function apply_action(title)
  vim.lsp.buf.code_action({
    apply = true,
    filter = function(action)
      return vim.startswith(action.title, title)
    end,
  })
end

---@param call mazu.Call
---@param text string
local function ask(call, text)
  M.ask_aside('mazu.ask', call.bufnr, text, function(server)
    return { question = text, attachments = call:attachments(server) }
  end)
end

---@type table<string, mazu.Subcommand>
M.subcommands = {
  chat = {
    about = 'write a message, or send one',
    run = function(call)
      if call.text == 'document' then
        client.execute('mazu.chat')
      elseif call.text ~= '' then
        chat_turn(call, call.text)
      else
        client.with(call.bufnr, function(server)
          M.chat_about(call.bufnr, { attachments = call:attachments(server) })
        end)
      end
    end,
    complete = function()
      return { 'document' }
    end,
  },
  run = {
    about = 'run a task autonomously',
    run = function(call)
      call:with_text('Task: ', function(text)
        run_turn(call, text)
      end)
    end,
  },
  ask = {
    about = 'ask one question; no tools, no memory',
    run = function(call)
      call:with_text('Question: ', function(text)
        ask(call, text)
      end)
    end,
  },
  explain = {
    about = 'explain the given lines, or the file',
    run = function(call)
      local last = vim.api.nvim_buf_line_count(call.bufnr)
      call.lines = call.lines or { 1, last }
      ask(call, 'Explain what this does, and what is not obvious about it.')
    end,
  },
  edit = {
    about = 'rewrite the given lines by an instruction',
    run = function(call)
      call.lines = call.lines or { vim.fn.line('.'), vim.fn.line('.') }
      call:with_text('Rewrite: ', function(text)
        client.execute('mazu.edit', function(server)
          local place = assert(call:attachments(server))[1]
          return { uri = place.uri, range = place.range, instruction = text }
        end)
      end)
    end,
  },
  council = {
    about = 'ask several models at once; "show" shows the last answers again',
    complete = function()
      return { 'show' }
    end,
    run = function(call)
      if call.text == 'show' then
        if not last_council then
          return tell.info('the council was not asked yet')
        end
        return show_council(last_council)
      end
      call:with_text('Ask the council: ', function(text)
        tell.info('the council is running; its answers open in a tab when they are complete')
        local here = vim.api.nvim_get_current_win()
        client.execute('mazu.council', function(server)
          return { question = text, attachments = call:attachments(server), wait = true }
        end, function(result)
          last_council = result
          if vim.api.nvim_get_current_win() == here and require('mazu.view').may_take_focus() then
            return show_council(result)
          end
          tell.info('the council has answered: :Mazu council show')
        end)
      end)
    end,
  },
  send = {
    about = 'send the text of the composer, or below the last heading of a chat document',
    run = function(call)
      if vim.api.nvim_buf_get_name(call.bufnr):find('/%.mazu/chats/[^/]+%.md$') then
        return apply_action('Mazu: send')
      end
      require('mazu.chat.composer').send()
    end,
  },
  stop = {
    about = 'stop the running turn',
    run = function(call)
      local on_its_way = require('mazu.chat').stop_sending()
      client.execute('mazu.cancel', nil, function(result)
        tell.info((result.cancelled or on_its_way) and 'stopped' or 'nothing is running')
      end, { bufnr = call.bufnr })
    end,
  },
}

return M
