--- What changed since a checkpoint: memories by their titles, then the code.
local M = {}

local signs = { added = 'learned', changed = 'changed', removed = 'forgotten' }

--- The parts of a git patch, one for each file.
---@param patch string
---@return {path: string, lines: string[]}[]
local function files_of(patch)
  local found = {}
  for line in vim.gsplit(patch, '\n', { plain = true }) do
    local path = line:match('^diff %-%-git a/.* b/(.*)$')
    if path then
      found[#found + 1] = { path = path, lines = {} }
    elseif #found == 0 then
      found[1] = { path = '', lines = {} }
    end
    table.insert(found[#found].lines, line)
  end
  return found
end

--- Id, title and text of a memory out of its part of the patch; nil for a file of the project.
---@param file {path: string, lines: string[]}
---@return {id: string, title: string, text: string[]}?
local function memory_of(file)
  local id = file.path:match('^memory/.*/?(m_[%w]+)%.md$')
  if not id then
    return
  end
  local title, text, inside
  for _, line in ipairs(file.lines) do
    if title == nil then
      title = line:match('^[ +%-]# (.*)$')
      inside = title ~= nil
    elseif inside and line:find('^[ +%-]') and line ~= '+' and line ~= '-' then
      text[#text + 1] = line
    end
    text = text or {}
  end
  return { id = id, title = title or id, text = text or {} }
end

--- A file's part of the patch without what only git needs.
---@param file {path: string, lines: string[]}
---@return string[]
local function shown_lines(file)
  local inside = false
  return vim.tbl_filter(function(line)
    inside = inside or vim.startswith(line, '@@')
    return inside or not (vim.startswith(line, 'index ') or (vim.startswith(line, 'diff --git ') and #file.lines > 3))
  end, file.lines)
end

--- The answer of `mazu.checkpoint.diff` as lines of a diff.
---@param result {patch: string, memories?: table<string, string[]|integer>}
---@return string[]
function M.lines(result)
  local memories, code = {}, {}
  for _, file in ipairs(files_of(result.patch or '')) do
    local memory = memory_of(file)
    if memory then
      memories[memory.id] = memory
    else
      vim.list_extend(code, shown_lines(file))
    end
  end
  local lines = {}
  for _, kind in ipairs({ 'added', 'changed', 'removed' }) do
    local list = (result.memories or {})[kind]
    if type(list) == 'number' and list > 0 then
      lines[#lines + 1] = ('# memories %s: %d'):format(signs[kind], list)
    end
    for _, one in ipairs(type(list) == 'table' and list or {}) do
      local id = type(one) == 'table' and one.id or one
      local memory = memories[id]
      local title = memory and memory.title or (type(one) == 'table' and one.title) or id
      lines[#lines + 1] = ('# memory %s: %s'):format(signs[kind], title)
      vim.list_extend(lines, memory and memory.text or {})
    end
  end
  if #lines > 0 then
    lines[#lines + 1] = ''
  end
  if not vim.iter(code):any(function(line)
    return line ~= ''
  end) then
    code = { '# No file changed since then.' }
  end
  return vim.list_extend(lines, code)
end

return M
