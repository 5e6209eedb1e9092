--- `mazu/permission/request`: one question at a time, with the diff in sight, answered through vim.ui.select.
local task = require('mazu.task')
local view = require('mazu.view')

local M = {}

---@class mazu.Permission
---@field sessionId string
---@field callId string
---@field tool string
---@field title string
---@field detail string
---@field diff? string
---@field options {id: string, label: string, kind: string}[]

---@class mazu.Answer
---@field optionId? string
---@field note? string what the model should hear of the reason

---@class mazu.Asked
---@field params mazu.Permission
---@field done fun(answer: mazu.Answer)

---@type mazu.Asked[] the first is the one in front of the user
local waiting = {}

local ask_next

---@param options {id: string, kind: string}[]
---@return string?
local function refusal(options)
  for _, option in ipairs(options) do
    if option.kind == 'deny' then
      return option.id
    end
  end
end

---@param asked mazu.Asked
---@param option? string id of the chosen option; nil is a refusal
---@param note? string
local function answer(asked, option, note)
  for i, other in ipairs(waiting) do
    if other == asked then
      table.remove(waiting, i)
      asked.done({ optionId = option or refusal(asked.params.options), note = note })
      if i == 1 then
        view.close('permission')
        ask_next()
      end
      return
    end
  end
end

---@param params mazu.Permission
local function show(params)
  local text = params.diff or params.detail
  if text and text ~= '' then
    view.show('permission', vim.split(text, '\n', { plain = true }), params.diff and 'diff' or 'text')
    vim.cmd.redraw()
  end
end

--- Asks for a reason; without one it is a plain refusal.
---@param asked mazu.Asked
local function refuse_and_say_why(asked)
  vim.ui.input({ prompt = 'What should be done instead? ' }, function(note)
    answer(asked, nil, note)
  end)
end

ask_next = function()
  local asked = waiting[1]
  if not asked then
    return
  end
  show(asked.params)
  local options = vim.list_extend({}, asked.params.options)
  options[#options + 1] = { label = 'No, and say why' }
  vim.ui.select(options, {
    prompt = asked.params.title .. '?',
    kind = 'mazu_permission',
    format_item = function(option)
      return option.label
    end,
  }, function(option)
    if option and not option.id then
      return refuse_and_say_why(asked)
    end
    answer(asked, option and option.id)
  end)
end

--- Gives up the questions of a turn that has ended.
---@param session string
function M.forget(session)
  for i = #waiting, 1, -1 do
    if waiting[i].params.sessionId == session then
      answer(waiting[i])
    end
  end
end

--- Answers the server; a question that was dismissed is a refusal.
---@param params mazu.Permission
---@param ctx lsp.HandlerContext
---@return mazu.Answer
function M.request(params, ctx)
  vim.api.nvim_exec_autocmds('User', {
    pattern = 'MazuPermission',
    modeline = false,
    data = { client_id = ctx.client_id, params = params },
  })
  return task.await(function(done)
    waiting[#waiting + 1] = { params = params, done = done }
    if #waiting == 1 then
      ask_next()
    end
  end)
end

return M
