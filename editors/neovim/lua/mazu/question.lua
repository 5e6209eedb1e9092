--- Open questions of the server: `mazu/permission/request` and `window/showMessageRequest`. Nothing here is modal:
--- a question stands in the chat panel (or in a float without focus) until it is answered by a key there,
--- by `<Plug>(mazu-allow)` and its like, or by `:Mazu answer`.
local task = require('mazu.task')
local tell = require('mazu.tell')

local M = {}

---@class mazu.Option
---@field id string
---@field label string
---@field kind string "allow_once", "allow_session", "allow_always", "deny", "choice" or "action"

---@class mazu.Question
---@field client_id integer
---@field sessionId? string
---@field callId? string
---@field tool? string
---@field title string
---@field detail? string
---@field diff? string
---@field editable? string[]
---@field hunks? {id: string, diff: string}[] of an edit, any of which may be allowed alone
---@field options mazu.Option[]
---@field said? string how it was announced
---@field asked integer when it was shown, in milliseconds of the monotonic clock
---@field block? mazu.chat.Block where it stands
---@field reply fun(answer: table?)

---@class mazu.Answer
---@field optionId? string
---@field note? string what the model should hear of the reason
---@field arguments? table
---@field hunks? string[]

local GUARD_MS = 350 -- a key counts only for a question that has been in sight for so long

local WAITS = 'waits for you: %s  (:Mazu question, :Mazu answer)'

---@type mazu.Question[] in the order in which they came
local waiting = {}

---@return mazu.Question? the one to be answered next
function M.current()
  return waiting[1]
end

---@return mazu.Question[]
function M.all()
  return waiting
end

---@type table<string, {lhs: string, verb: string, words: string}>
local by_kind = {
  allow_once = { lhs = 'ga', verb = 'allow', words = 'allow' },
  allow_session = { lhs = 'gs', verb = 'session', words = 'session' },
  allow_always = { lhs = 'gA', verb = 'always', words = 'always' },
  deny = { lhs = 'gn', verb = 'deny', words = 'deny' },
}

---@class mazu.QuestionKey
---@field lhs string
---@field label string
---@field verb string what `:Mazu answer` takes

--- The keys that answer a question where it stands.
---@param question table
---@return mazu.QuestionKey[]
function M.keys(question)
  local keys, number, used = {}, 0, {}
  local of_a_tool = not vim.startswith(question.tool or '', 'mazu.')
  for _, option in ipairs(question.options or {}) do
    local known = of_a_tool and by_kind[option.kind]
    if known and not used[known.lhs] then
      used[known.lhs] = true
      local names_what = option.kind == 'allow_session' or option.kind == 'allow_always' -- what it stands for has to be said
      local label = names_what and option.label:gsub('^%u', string.lower) or known.words
      keys[#keys + 1] = { lhs = known.lhs, label = label, verb = known.verb, option = option }
    else
      number = number + 1
      keys[#keys + 1] = { lhs = 'g' .. number, label = option.label, verb = option.label, option = option }
    end
  end
  if vim.iter(keys):any(function(key)
    return key.lhs == 'gn'
  end) then
    keys[#keys + 1] = { lhs = 'gN', label = 'deny, say why', verb = 'deny', why = true }
  end
  if question.editable and #question.editable > 0 then
    keys[#keys + 1] = { lhs = 'ge', label = 'edit', verb = 'edit', edit = true }
  end
  if question.hunks and #question.hunks > 1 then
    keys[#keys + 1] = { lhs = 'gh', label = ('choose among %d changes'):format(#question.hunks), verb = 'hunks', hunks = true }
  end
  if question.diff and question.diff ~= '' then
    keys[#keys + 1] = { lhs = 'gd', label = 'diff', verb = 'diff', diff = true }
  end
  return keys
end

---@param name string
---@param question mazu.Question
local function announce(name, question)
  vim.api.nvim_exec_autocmds('User', {
    pattern = name,
    modeline = false,
    data = { client_id = question.client_id, params = question },
  })
  vim.cmd('redrawstatus!')
end

--- Whether an answer allows the call; nil where there was none.
---@param question mazu.Question
---@param answer? mazu.Answer
---@return boolean?
local function allowed(question, answer)
  for _, option in ipairs(question.options) do
    if answer and option.id == answer.optionId then
      return option.kind ~= 'deny'
    end
  end
end

--- Takes a question away; `answer` goes to the server where it still waits for one.
---@param question mazu.Question
---@param answer? mazu.Answer
---@param by? string what became of it, where it was not answered here
---@param verdict? string what was decided then
local function close(question, answer, by, verdict)
  for i, other in ipairs(waiting) do
    if other == question then
      table.remove(waiting, i)
      tell.withdraw(WAITS, question.said or '')
      local client = vim.lsp.get_client_by_id(question.client_id)
      if client then
        client:notify('$/mazu/flush', vim.empty_dict()) -- what was just typed goes before the answer
      end
      question.reply(answer)
      local here = allowed(question, answer)
      require('mazu.chat').question_closed(question, by, here == nil and verdict or (here and 'allow' or 'deny'))
      announce('MazuQuestionClosed', question)
      local following = waiting[1]
      if i == 1 and following then
        M.show(following)
      end
      return
    end
  end
end

--- Puts a question in sight, without focus, and says that it is there.
---@param question mazu.Question
function M.show(question)
  question.asked = vim.uv.now()
  require('mazu.chat').question_opened(question)
  local more = #waiting > 1 and (' (and %d more)'):format(#waiting - 1) or ''
  question.said = question.title .. more
  tell.warn(WAITS, question.said)
end

---@param question mazu.Question
---@return any answer
local function ask(question)
  return task.await(function(done)
    question.reply = done
    question.asked = vim.uv.now()
    waiting[#waiting + 1] = question
    announce('MazuPermission', question)
    if #waiting == 1 then
      M.show(question)
    else
      require('mazu.chat').question_opened(question, true)
    end
  end)
end

--- Handles `mazu/permission/request`.
---@param params table
---@param ctx lsp.HandlerContext
---@return mazu.Answer
function M.permission(params, ctx)
  local question = vim.tbl_extend('error', params, { client_id = ctx.client_id })
  return ask(question) or vim.NIL
end

--- Handles `window/showMessageRequest` of our client alone.
---@param params table
---@param ctx lsp.HandlerContext
---@return table? action
function M.message(params, ctx)
  local actions = params.actions or {}
  if #actions == 0 then
    tell.info('%s', params.message)
    return vim.NIL
  end
  local head, rest = params.message:gsub('^Mazu:%s*', ''):match('^([^\n]*)\n?(.*)$')
  local options = {}
  for i, action in ipairs(actions) do
    options[i] = { id = tostring(i), label = action.title, kind = 'action' }
  end
  local id = params.sessionId -- the conversation that it is about, where it is about one
  if id then
    require('mazu.chat').show_session(ctx.client_id, id, { only_if_new = true })
  end
  local answer = ask({
    client_id = ctx.client_id,
    sessionId = id,
    title = head,
    detail = rest ~= '' and rest or nil,
    options = options,
  })
  local chosen = answer and answer.optionId and actions[tonumber(answer.optionId)]
  if chosen and id then
    require('mazu.chat').show_session(ctx.client_id, id)
  end
  return chosen or vim.NIL
end

---@param question mazu.Question
---@param which string verb, id, label or number of an option
---@return mazu.Option?
local function option_of(question, which)
  for i, option in ipairs(question.options) do
    local known = by_kind[option.kind]
    local names = { option.id, option.label, known and known.verb or tostring(i), option.kind }
    for _, name in ipairs(names) do
      if name and name:lower() == which:lower() then
        return option
      end
    end
  end
end

--- Answers the question that is open. `opts.key`: it was one keystroke, which counts only for a question that was
--- in sight before it was pressed.
---@param which string "allow", "session", "always", "deny", or the label or number of an option
---@param opts? {note?: string, key?: boolean, arguments?: table, hunks?: string[], question?: mazu.Question}
---@return boolean answered
function M.answer(which, opts)
  opts = opts or {}
  local question = opts.question or waiting[1]
  if not question then
    tell.info('there is no open question')
    return false
  end
  vim.uv.update_time()
  if opts.key and vim.uv.now() - question.asked < GUARD_MS then
    tell.info('this question came just now; read it, then press the key again')
    return false
  end
  local option = option_of(question, which)
  if not option then
    local labels = vim.tbl_map(function(key)
      return key.verb
    end, M.keys(question))
    tell.warn('`%s` is not offered here: %s', which, table.concat(labels, ', '))
    return false
  end
  close(question, { optionId = option.id, note = opts.note, arguments = opts.arguments, hunks = opts.hunks })
  return true
end

--- Denies and tells the model why; without a reason nothing is answered.
function M.deny_and_say_why()
  local question = waiting[1]
  if not question then
    return tell.info('there is no open question')
  end
  vim.ui.input({ prompt = 'What should be done instead? ' }, function(note)
    if note and vim.trim(note) ~= '' then
      M.answer('deny', { note = vim.trim(note), question = question })
    end
  end)
end

---@type table<string, string>
local closed_by = {
  user = 'answered elsewhere',
  timeout = 'nobody answered in time',
  cancelled = 'no longer asked',
  changed = 'the text there was changed',
}

--- The server says that a question was decided, here or elsewhere.
---@param params {callId: string, verdict?: string, by?: string}
function M.resolved(params)
  for _, question in ipairs(waiting) do
    if question.callId == params.callId then
      if params.by == 'timeout' then
        tell.warn('no longer asked, since nobody answered in time: %s', question.title)
      end
      return close(question, nil, closed_by[params.by] or closed_by.user, params.verdict or 'void')
    end
  end
end

--- Puts open questions back into a conversation that was folded anew.
---@param session mazu.chat.Session
function M.restore(session)
  for _, question in ipairs(waiting) do
    if not question.callId then
      require('mazu.chat').add_request(question, session)
    elseif question.sessionId == session.id then
      session:apply(vim.tbl_extend('force', {}, question, { kind = 'question' }), nil, true)
    end
  end
end

---@param fits fun(question: mazu.Question): boolean
local function forget(fits)
  for i = #waiting, 1, -1 do
    if fits(waiting[i]) then
      close(waiting[i])
    end
  end
end

--- Gives up the questions of a turn that has ended.
---@param session string
function M.forget_session(session)
  forget(function(question)
    return question.sessionId == session
  end)
end

--- Gives up the questions of a server that has ended.
---@param client_id integer
function M.forget_client(client_id)
  forget(function(question)
    return question.client_id == client_id
  end)
end

return M
