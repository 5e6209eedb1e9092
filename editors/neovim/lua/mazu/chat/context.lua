--- How large the context windows of the models are, asked for once and kept.
local client = require('mazu.client')

local M = {}

---@type table<string, integer> tokens, by name of the model
local windows = {}

---@type table<string, (fun(tokens: integer))[]?> who waits to know it, by name of the model
local waiting = {}

---@type table<string, boolean> models that the server does not know the window of
local unknown = {}

--- Calls `use` with the context window of a model, now or when it is known; not at all where it is not.
---@param client_id integer
---@param model string
---@param use fun(tokens: integer)
function M.with_window(client_id, model, use)
  if windows[model] then
    return use(windows[model])
  elseif waiting[model] then
    return table.insert(waiting[model], use)
  elseif unknown[model] then
    return
  end
  waiting[model] = { use }
  client.execute('mazu.models.list', nil, function(result)
    for _, one in ipairs(result.models or {}) do
      windows[one.name] = one.spec and one.spec.contextWindow
    end
    local waited = waiting[model] or {}
    waiting[model], unknown[model] = nil, windows[model] == nil
    for _, tell in ipairs(windows[model] and waited or {}) do
      tell(windows[model])
    end
  end, {
    client_id = client_id,
    on_error = function()
      waiting[model] = nil -- a model is not worth a message here; the next turn asks again
    end,
  })
end

return M
