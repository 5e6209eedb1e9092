--- The `:Mazu` command: which subcommand, with what text and which lines.
local position = require('mazu.position')
local tell = require('mazu.tell')

local M = {}

---@class mazu.Subcommand
---@field about string One line for the menu.
---@field run fun(call: mazu.Call)
---@field words? boolean more than one word is completed
---@field complete? fun(typed: string): string[] Candidates for the word after the text that was typed so far.

---@class mazu.Call
---@field text string What stands after the subcommand.
---@field bufnr integer
---@field lines? {[1]: integer, [2]: integer} The range that was given, one-based and inclusive.
local Call = {}
Call.__index = Call

--- The given range as the one attachment of a message; nil without a range.
---@param client vim.lsp.Client
---@return {uri: string, range: lsp.Range}[]?
function Call:attachments(client)
  if not self.lines then
    return
  end
  local range = position.range_of_lines(self.bufnr, self.lines[1], self.lines[2], client.offset_encoding)
  return { { uri = vim.uri_from_bufnr(self.bufnr), range = range } }
end

--- Calls back with the text that was typed, or with what the user types now; not at all where that is nothing.
---@param prompt string
---@param use fun(text: string)
function Call:with_text(prompt, use)
  if self.text ~= '' then
    return use(self.text)
  end
  vim.ui.input({ prompt = prompt }, function(text)
    if text and vim.trim(text) ~= '' then
      use(vim.trim(text))
    end
  end)
end

---@return table<string, mazu.Subcommand>
local function subcommands()
  return vim.tbl_extend(
    'error',
    require('mazu.commands.agent').subcommands,
    require('mazu.commands.panel'),
    require('mazu.commands.memory'),
    require('mazu.commands.checkpoint'),
    require('mazu.commands.proposal'),
    require('mazu.commands.review'),
    require('mazu.commands.session')
  )
end

---@param known table<string, mazu.Subcommand>
---@param use fun(name: string)
local function choose(known, use)
  local names = vim.tbl_keys(known)
  table.sort(names)
  vim.ui.select(names, {
    prompt = 'Mazu: ',
    format_item = function(name)
      return ('%-12s %s'):format(name, known[name].about)
    end,
  }, function(name)
    if name then
      use(name)
    end
  end)
end

--- Runs one `:Mazu` command; without a subcommand the user chooses one.
---@param opts vim.api.keyset.create_user_command.command_args
function M.run(opts)
  local known = subcommands()
  local name, text = opts.args:match('^%s*(%S*)%s*(.-)%s*$')
  local call = setmetatable({
    text = text,
    bufnr = vim.api.nvim_get_current_buf(),
    lines = opts.range > 0 and { opts.line1, opts.line2 } or nil,
  }, Call)
  if name == '' then
    return choose(known, function(chosen)
      known[chosen].run(call)
    end)
  end
  local subcommand = known[name]
  if not subcommand then
    local near = vim.fn.matchfuzzy(vim.tbl_keys(known), name)[1] or vim.iter(known):find(function(other)
      return #other > 3 and vim.startswith(name, other:sub(1, math.max(4, #other - 2)))
    end)
    local meant = near and ('did you mean `:Mazu %s`? '):format(near) or ''
    return tell.error('there is no `:Mazu %s`; %s`:Mazu` alone lists the commands', name, meant)
  end
  subcommand.run(call)
end

--- Completion of `:Mazu`: subcommands, then what the subcommand offers.
---@param lead string
---@param line string
---@return string[]
function M.complete(lead, line)
  local known = subcommands()
  local name, rest = line:match('Mazu!?%s+(%S+)%s+(.*)$')
  local candidates = vim.tbl_keys(known)
  if name then
    local complete = known[name] and known[name].complete
    candidates = complete and (known[name].words or not rest:find('%s')) and complete(rest) or {}
  end
  table.sort(candidates)
  return vim.tbl_filter(function(candidate)
    return vim.startswith(candidate, lead)
  end, candidates)
end

return M
