--- `:Mazu` toggle, close, question, answer, new, queue, keys, messages: the chat panel and what stands in it.
local client = require('mazu.client')
local tell = require('mazu.tell')

---@return string[]
local function verbs()
  local question = require('mazu.question').current()
  local found = {}
  for _, key in ipairs(question and require('mazu.question').keys(question) or {}) do
    if not (key.edit or key.diff or key.why or key.hunks) then
      found[#found + 1] = key.verb
    end
  end
  return found
end

--- "deny too risky" -> "deny", "too risky"; a label may have blanks.
---@param text string
---@return string which
---@return string? note
local function which_and_note(text)
  for _, verb in ipairs(verbs()) do
    if text:lower() == verb:lower() then
      return verb
    elseif vim.startswith(text:lower(), verb:lower() .. ' ') then
      return verb, vim.trim(text:sub(#verb + 2))
    end
  end
  return text
end

--- Says that a question is still open, when its window was closed.
local function remind()
  local question = require('mazu.question').current()
  if question then
    tell.info('still open: %s  (:Mazu question, :Mazu answer)', question.title)
  end
end

---@type table<string, mazu.Subcommand>
return {
  toggle = {
    about = 'open or close the chat panel',
    run = function(call)
      local panel = require('mazu.chat.panel')
      if panel.is_visible() then
        panel.close()
        return remind()
      end
      require('mazu.chat').open(call.bufnr, { focus = true })
    end,
  },
  close = {
    about = 'close the chat panel',
    run = function()
      local panel = require('mazu.chat.panel')
      panel.close_float()
      panel.close()
      remind()
    end,
  },
  new = {
    about = 'start a new conversation, with a message or without',
    run = function(call)
      client.with(call.bufnr, function(server)
        local chat = require('mazu.chat')
        local entry = chat.select(server)
        entry.fresh = true
        require('mazu.chat.panel').open(entry, { focus = call.text == '' })
        if call.text ~= '' then
          chat.send(entry, server, call.text, { attachments = call:attachments(server) })
        end
      end)
    end,
  },
  question = {
    about = 'go to the pending question',
    run = function()
      local question = require('mazu.question').current()
      if not question then
        return tell.info('there is no open question')
      end
      local entry = require('mazu.chat').entry_of_question(question)
      if entry then
        require('mazu.chat.panel').go_to_question(entry)
      end
    end,
  },
  answer = {
    about = 'answer the pending question: allow, session, always, deny [reason]',
    complete = verbs,
    run = function(call)
      if call.text == '' then
        local offered = verbs()
        return tell.info('%s', #offered > 0 and ('how? ' .. table.concat(offered, ', ')) or 'there is no open question')
      end
      local which, note = which_and_note(call.text)
      require('mazu.question').answer(which, { note = note })
    end,
  },
  queue = {
    about = 'remove a message from the queue',
    run = function(call)
      local panel = require('mazu.chat.panel')
      local entry = panel.entry_of(call.bufnr) or panel.shown()
      local queued = entry and entry.session.queued or {}
      if #queued == 0 then
        return tell.info('no message is queued')
      end
      vim.ui.select(queued, {
        prompt = 'Remove from the queue:',
        kind = 'mazu_queue',
        format_item = function(one)
          return one.text
        end,
      }, function(one)
        if one then
          client.execute('mazu.session.queue', { sessionId = entry.session.id, remove = one.id }, function()
            require('mazu.chat.composer').add(one.text)
          end, { client_id = entry.client_id })
        end
      end)
    end,
  },
  keys = {
    about = 'the keys of the chat panel',
    run = function()
      require('mazu.view').show('keys', require('mazu.chat.keys').help(), 'markdown', { focus = true })
    end,
  },
  messages = {
    about = 'list earlier notifications in full',
    run = function()
      require('mazu.view').show('messages', require('mazu.messages').all(), 'text', { focus = true })
    end,
  },
}
