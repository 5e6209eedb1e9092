--- `:Mazu proposals`: the edits that wait for the user, hunk by hunk, in a window with keys to decide on them.
local buffer = require('mazu.buffer')
local client = require('mazu.client')
local tell = require('mazu.tell')
local view = require('mazu.view')

---@class mazu.Shown a hunk and its lines in the window, one-based and inclusive
---@field proposal mazu.Proposal
---@field first integer
---@field last integer

local NAME = 'proposals'
local KEYS = '# a accept   r reject   A accept all   R reject all   <CR> go there   q close'

---@type mazu.Shown[] what the window shows
local shown = {}

local kinds = { edit = '', create = ' (new file)', delete = ' (the file is deleted)' }

---@param proposal mazu.Proposal
---@return string
local function headline(proposal)
  local which = proposal.of > 1 and (', %d of %d'):format(proposal.hunk, proposal.of) or ''
  local stale = proposal.state == 'stale' and ': the text there has changed, it can only be rejected' or ''
  local place = proposal.kind == 'edit' and (':%d'):format(proposal.range.start.line + 1) or ''
  return '# ' .. proposal.path .. place .. kinds[proposal.kind] .. which .. stale
end

---@param proposals mazu.Proposal[]
---@return string[]
local function lines_of(proposals)
  local lines = { KEYS }
  shown = {}
  for _, proposal in ipairs(proposals) do
    lines[#lines + 1] = ''
    local first = #lines + 1
    lines[first] = headline(proposal)
    vim.list_extend(lines, require('mazu.patch').body(proposal.diff))
    shown[#shown + 1] = { proposal = proposal, first = first, last = #lines }
  end
  return lines
end

--- The hunk at the cursor; from the lines above the first one, the first.
---@return mazu.Proposal?
local function at_cursor()
  local line = vim.api.nvim_win_get_cursor(0)[1]
  for _, one in ipairs(shown) do
    if line <= one.last then
      return one.proposal
    end
  end
end

local refresh

---@param ids string[]
local function accept(ids)
  client.execute('mazu.proposal.accept', { ids = ids }, function(result)
    buffer.catch_up_with_files()
    for _, problem in ipairs(result.problems) do
      tell.warn('%s', problem)
    end
    refresh()
  end)
end

--- Rejects after asking for a reason, which the model hears; nothing is done where the question is cancelled.
---@param ids string[]
local function reject(ids)
  vim.ui.input({ prompt = 'Reason (optional): ' }, function(note)
    if note then
      client.execute('mazu.proposal.reject', { ids = ids, note = note }, refresh)
    end
  end)
end

---@return string[]
local function all()
  return vim.tbl_map(function(one)
    return one.proposal.id
  end, shown)
end

local function go_there()
  local proposal = at_cursor()
  if not proposal then
    return
  end
  if proposal.kind == 'create' then
    return tell.info('%s is not there yet', proposal.path)
  end
  require('mazu.window').show_file(vim.uri_to_fname(proposal.uri), proposal.range.start.line + 1)
end

---@param bufnr integer
local function map_keys(bufnr)
  local function on_hunk(act)
    return function()
      local proposal = at_cursor()
      if proposal then
        act({ proposal.id })
      end
    end
  end
  local maps = {
    a = on_hunk(accept),
    r = on_hunk(reject),
    A = function()
      accept(all())
    end,
    R = function()
      reject(all())
    end,
    ['<CR>'] = go_there,
  }
  for key, act in pairs(maps) do
    vim.keymap.set('n', key, act, { buffer = bufnr, nowait = true })
  end
end

--- Shows what is still proposed, and closes the window when that is nothing.
refresh = function()
  client.execute('mazu.proposal.list', nil, function(result)
    if #result.proposals == 0 then
      shown = {}
      view.close(NAME)
      return tell.info('nothing is proposed')
    end
    local bufnr = view.show(NAME, lines_of(result.proposals), 'diff')
    map_keys(bufnr)
    local window = vim.fn.bufwinid(bufnr)
    if view.may_take_focus() then
      vim.api.nvim_set_current_win(window)
    end
    vim.api.nvim_win_set_cursor(window, { shown[1].first, 0 })
  end)
end

---@type table<string, mazu.Subcommand>
return {
  proposals = {
    about = 'review proposed edits, hunk by hunk',
    run = function()
      refresh()
    end,
  },
}
