--- What the user sets in `vim.g.mazu`. There is no setup(); every field has a default.
local M = {}

---@alias mazu.Lent "diagnostics"|"definition"|"references"|"symbols"

---@class mazu.Config
---@field cmd string[] Command line of the server.
---@field env table<string, string> Environment variables added for the server.
---@field settings table The server's settings: section `mazu` of docs/protocol.md, section 8.
---@field lend mazu.Lent[] What the agent may ask of your other language servers.
---@field window string Ex command that makes room for replies, plans and lists.

---@type mazu.Config
local defaults = {
  cmd = { 'mazu-ls' },
  env = {},
  settings = {},
  lend = { 'diagnostics', 'definition', 'references', 'symbols' },
  window = 'botright 15split',
}

---@type table<string, string>
local types = { cmd = 'table', env = 'table', settings = 'table', lend = 'table', window = 'string' }

--- What is wrong with `vim.g.mazu`, one sentence each.
---@return string[]
function M.problems()
  local user = vim.g.mazu
  if user == nil then
    return {}
  elseif type(user) ~= 'table' then
    return { ('vim.g.mazu must be a table, not a %s'):format(type(user)) }
  end
  local found = {}
  for key, value in vim.spairs(user) do
    if not types[key] then
      found[#found + 1] = ('vim.g.mazu.%s is not an option; see :help mazu-config'):format(key)
    elseif type(value) ~= types[key] then
      found[#found + 1] = ('vim.g.mazu.%s must be a %s, not a %s'):format(key, types[key], type(value))
    end
  end
  return found
end

--- The options in force: the user's where they are well formed, the defaults elsewhere.
---@return mazu.Config
function M.get()
  local user = type(vim.g.mazu) == 'table' and vim.g.mazu or {}
  local config = vim.deepcopy(defaults)
  for key, wanted in pairs(types) do
    if type(user[key]) == wanted then
      config[key] = user[key]
    end
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
