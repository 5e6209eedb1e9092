--- What other agents left in their notes and conversations: read in, and the memories that were found there decided on,
--- one by one or all at once.
local client = require('mazu.client')
local tell = require('mazu.tell')
local view = require('mazu.view')

local M = {}

M.agents = { 'aider', 'claude-code', 'codex', 'cursor', 'markdown' }

local NAME = 'imports'
local KEYS = '# a accept   r reject   A accept all   R reject all   q close'
local PAGE = 100

---@type {proposal: mazu.ImportedProposal, first: integer}[]
local shown = {}

--- The proposal at the cursor; from the lines above the first one, the first.
---@return mazu.ImportedProposal?
local function at_cursor()
  local line, found = vim.api.nvim_win_get_cursor(0)[1], shown[1]
  for _, one in ipairs(shown) do
    if one.first <= line then
      found = one
    end
  end
  return found and found.proposal
end

---@param verb "accept"|"reject"
---@param argument table
local function decide(verb, argument)
  local line = vim.api.nvim_win_get_cursor(0)[1]
  client.execute('mazu.memory.import.' .. verb, argument, function(result)
    local count = verb == 'accept' and #result.memories or result.rejected
    local known = result.duplicates > 0 and (', %d known already'):format(result.duplicates) or ''
    tell.info('%s %d%s; %d left', verb == 'accept' and 'remembered' or 'rejected', count, known, result.left)
    M.show(line)
  end)
end

---@param bufnr integer
local function map_keys(bufnr)
  local function on_one(verb)
    return function()
      local proposal = at_cursor()
      if proposal then
        decide(verb, { ids = { proposal.id } })
      end
    end
  end
  local function on_all(verb)
    return function()
      decide(verb, { all = true })
    end
  end
  local maps = { a = on_one('accept'), r = on_one('reject'), A = on_all('accept'), R = on_all('reject') }
  for lhs, act in pairs(maps) do
    vim.keymap.set('n', lhs, act, { buffer = bufnr, nowait = true, desc = 'Mazu: decide on an imported memory' })
  end
end

--- Shows what waits to be decided; closes the window where that is nothing.
---@param line? integer where the cursor stands afterwards
function M.show(line)
  client.execute('mazu.memory.import.proposals', { limit = PAGE }, function(result)
    shown = {}
    if #result.proposals == 0 then
      view.close(NAME)
      return tell.info('no imported memory waits; `:Mazu memory import {agent}` reads the notes of another agent')
    end
    local count = #result.proposals < result.total and ('%d of %d'):format(#result.proposals, result.total) or result.total
    local lines = { KEYS, ('# %s found in the notes of other agents'):format(count) }
    for _, proposal in ipairs(result.proposals) do
      lines[#lines + 1] = ''
      shown[#shown + 1] = { proposal = proposal, first = #lines + 1 }
      local times = proposal.times > 1 and (' (%d times)'):format(proposal.times) or ''
      lines[#lines + 1] = ('**%s** %s%s'):format(proposal.category, proposal.title:gsub('%s*\n%s*', ' '), times)
      lines[#lines + 1] = '    ' .. proposal.evidence:gsub('%s*\n%s*', ' ')
    end
    local bufnr = view.show(NAME, lines, 'markdown', { focus = true })
    map_keys(bufnr)
    local window = vim.fn.bufwinid(bufnr)
    vim.api.nvim_win_set_cursor(window, { math.max(shown[1].first, math.min(line or 1, #lines)), 0 })
  end)
end

--- Reads what another agent left, then shows what is proposed.
---@param agent string
---@param path string a file or folder; "" is this project
function M.read(agent, path)
  if not vim.list_contains(M.agents, agent) then
    return tell.error('the notes of `%s` cannot be read; those of %s can', agent, table.concat(M.agents, ', '))
  end
  local full = path ~= '' and vim.fs.normalize(vim.fn.fnamemodify(path, ':p')) or nil
  client.with(0, function(server)
    local uri = vim.uri_from_fname(full or server.root_dir or assert(vim.uv.cwd()))
    client.execute('mazu.memory.import', { uri = uri, agent = agent }, function(result)
      tell.info('read %d files of %s: %d memories proposed', result.files, agent, result.proposals)
      for _, problem in ipairs(result.problems or {}) do
        tell.warn('%s', type(problem) == 'table' and (problem.message or problem.reason or vim.inspect(problem)) or problem)
      end
      if result.proposals > 0 then
        M.show()
      end
    end, { client_id = server.id })
  end)
end

return M
