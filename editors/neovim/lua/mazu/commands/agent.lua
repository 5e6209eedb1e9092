--- `:Mazu` chat, run, ask, edit, council, send, stop.
local client = require('mazu.client')
local tell = require('mazu.tell')
local view = require('mazu.view')

---@param text string
---@return string[]
local function split(text)
  return vim.split(text, '\n', { plain = true })
end

---@param command string
---@param field "message"|"task"
---@return fun(call: mazu.Call, text: string)
local function turn(command, field)
  return function(call, text)
    client.execute(command, function(server)
      view.expect()
      return { [field] = text, attachments = command == 'mazu.chat' and call:attachments(server) or nil }
    end, function(started)
      view.follow(started.sessionId, text)
    end, {
      on_error = function(err)
        view.give_up()
        client.tell(err)
      end,
    })
  end
end

local chat = turn('mazu.chat', 'message')
local run = turn('mazu.run', 'task')

---@param usage table
---@return string
local function cost(usage)
  local dollars = usage.costUsd and ('$%.4f'):format(usage.costUsd) or 'unknown cost'
  return ('%d tokens in, %d out, %s'):format(usage.inputTokens, usage.outputTokens, dollars)
end

---@param result table CouncilResult
---@return string[]
local function minutes(result)
  local lines = { '# ' .. result.question, '' }
  for _, answer in ipairs(result.answers) do
    vim.list_extend(lines, { '## ' .. answer.model, '' })
    vim.list_extend(lines, split(answer.error and ('failed: ' .. vim.inspect(answer.error)) or answer.reply))
    lines[#lines + 1] = ''
  end
  vim.list_extend(lines, { ('## Synthesis by %s'):format(result.lead), '' })
  vim.list_extend(lines, split(result.synthesis or ''))
  if result.dissent and result.dissent ~= '' then
    vim.list_extend(lines, { '', '## Dissent', '' })
    vim.list_extend(lines, split(type(result.dissent) == 'string' and result.dissent or vim.inspect(result.dissent)))
  end
  return vim.list_extend(lines, { '', cost(result.usage) })
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

---@type table<string, mazu.Subcommand>
return {
  chat = {
    about = 'open the chat document, or send a message',
    run = function(call)
      if call.text ~= '' then
        chat(call, call.text)
      elseif call.lines then
        call:with_text('Chat about the selection: ', function(text)
          chat(call, text)
        end)
      else
        client.execute('mazu.chat')
      end
    end,
  },
  run = {
    about = 'let the agent work on a task by itself',
    run = function(call)
      call:with_text('Task: ', function(text)
        run(call, text)
      end)
    end,
  },
  ask = {
    about = 'ask one question; no tools, nothing is remembered',
    run = function(call)
      call:with_text('Question: ', function(text)
        client.execute('mazu.ask', function(server)
          return { question = text, attachments = call:attachments(server), wait = true }
        end, function(result)
          local lines = vim.list_extend({ '# ' .. text, '' }, split(result.reply))
          view.show('ask', vim.list_extend(lines, { '', cost(result.usage) }))
        end)
      end)
    end,
  },
  edit = {
    about = 'rewrite the given lines as you say',
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
    about = 'ask several models at once',
    run = function(call)
      call:with_text('Ask the council: ', function(text)
        client.execute('mazu.council', function(server)
          return { question = text, attachments = call:attachments(server), wait = true }
        end, function(result)
          view.show('council', minutes(result))
        end)
      end)
    end,
  },
  send = {
    about = 'send what stands under the last heading of this chat document',
    run = function()
      apply_action('Mazu: send')
    end,
  },
  stop = {
    about = 'stop the turn that runs',
    run = function()
      client.execute('mazu.cancel', nil, function(result)
        tell.info(result.cancelled and 'stopped' or 'nothing is running')
      end)
    end,
  },
}
