--- What the user sets in `vim.g.mazu`. There is no setup(); every field has a default.
local M = {}

---@alias mazu.Lent "diagnostics"|"definition"|"references"|"symbols"|"encoding"

---@class mazu.Config
---@field cmd string[] Command line of the server.
---@field env table<string, string> Environment variables added for the server.
---@field settings table The server's settings: section `mazu` of docs/protocol.md, section 8.
---@field lend mazu.Lent[] What the agent may ask of your other language servers.
---@field window string Ex command that makes room for plans, diffs and lists.
---@field chat mazu.ChatConfig
---@field question "float"|"panel"|"notify" Where a question stands while the chat panel is closed.
---@field review mazu.ReviewConfig

---@class mazu.ChatConfig
---@field layout "right"|"left"|"bottom"|"float"|"tab"|"current"
---@field width number Share of the columns, or a number of columns.
---@field height number Share of the lines, or a number of lines; of layouts "bottom" and "float".
---@field composer integer Lines of the composer.

---@class mazu.ReviewConfig
---@field keys boolean Whether `]h`, `[h`, `gha` and `ghr` are mapped in a buffer while it shows hunks.

---@type mazu.Config
local defaults = {
  cmd = { 'mazu-ls' },
  env = {},
  settings = {},
  lend = { 'diagnostics', 'definition', 'references', 'symbols', 'encoding' },
  window = 'botright 15split',
  chat = { layout = 'right', width = 0.42, height = 0.5, composer = 5 },
  question = 'float',
  review = { keys = true },
}

---@type table<string, string>
local types = {
  cmd = 'table',
  env = 'table',
  settings = 'table',
  lend = 'table',
  window = 'string',
  chat = 'table',
  question = 'string',
  review = 'table',
}

---@type table<string, string[]>
local choices = {
  question = { 'float', 'panel', 'notify' },
  ['chat.layout'] = { 'right', 'left', 'bottom', 'float', 'tab', 'current' },
}

--- What the user gave: `vim.g.mazu`, called where it is a function.
---@return any user
---@return string? problem
local function given()
  local user = vim.g.mazu
  if vim.is_callable(user) then
    local ok, result = pcall(user)
    if not ok then
      return nil, ('vim.g.mazu failed: %s'):format(result)
    end
    return result
  end
  return user
end

---@param name string
---@param value any
---@return string?
local function wrong_choice(name, value)
  if choices[name] and not vim.list_contains(choices[name], value) then
    return ('vim.g.mazu.%s must be one of %s'):format(name, table.concat(choices[name], ', '))
  end
end

--- What is wrong with `vim.g.mazu`, one sentence each.
---@return string[]
function M.problems()
  local user, problem = given()
  if problem then
    return { problem }
  elseif user == nil then
    return {}
  elseif type(user) ~= 'table' then
    return { ('vim.g.mazu must be a table or a function, not a %s'):format(type(user)) }
  end
  local found = {}
  for key, value in vim.spairs(user) do
    if not types[key] then
      found[#found + 1] = ('vim.g.mazu.%s is not an option; see :help mazu-config'):format(key)
    elseif type(value) ~= types[key] then
      found[#found + 1] = ('vim.g.mazu.%s must be a %s, not a %s'):format(key, types[key], type(value))
    else
      found[#found + 1] = wrong_choice(key, value)
      for field, item in vim.spairs((key == 'chat' or key == 'review') and value or {}) do
        if defaults[key][field] == nil then
          found[#found + 1] = ('vim.g.mazu.%s.%s is not an option; see :help mazu-config'):format(key, field)
        else
          found[#found + 1] = wrong_choice(key .. '.' .. field, item)
        end
      end
    end
  end
  return found
end

--- The options in force: the user's where they are well formed, the defaults elsewhere.
---@return mazu.Config
function M.get()
  local user = given()
  user = type(user) == 'table' and user or {}
  local config = vim.deepcopy(defaults)
  for key, wanted in pairs(types) do
    if type(user[key]) == wanted and not wrong_choice(key, user[key]) then
      local merged = key == 'chat' or key == 'review'
      config[key] = merged and vim.tbl_extend('force', config[key], user[key]) or user[key]
    end
  end
  if wrong_choice('chat.layout', config.chat.layout) then
    config.chat.layout = defaults.chat.layout
  end
  -- An empty Lua table is a JSON list, but these two are objects.
  for _, key in ipairs({ 'env', 'settings' }) do
    if vim.tbl_isempty(config[key]) then
      config[key] = vim.empty_dict()
    end
  end
  return config
end

return M
