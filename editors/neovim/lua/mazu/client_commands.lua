--- Commands of code actions and lenses whose answer belongs in the chat panel; the rest runs on the server as it is.

---@param command string
---@param field string
---@return fun(command: lsp.Command, ctx: table)
local function aside(command, field)
  return function(call, ctx)
    local argument = (call.arguments or {})[1] or {}
    require('mazu.commands.agent').ask_aside(command, ctx.bufnr or 0, argument[field], argument)
  end
end

---@type table<string, fun(command: lsp.Command, ctx: table)>
return {
  ['mazu.ask'] = aside('mazu.ask', 'question'),
  ['mazu.chat'] = function(call, ctx)
    require('mazu.commands.agent').chat_about(ctx.bufnr or 0, (call.arguments or {})[1])
  end,
}
