--- Unified diffs: taken apart, applied, and taken back.
local M = {}

---@class mazu.Hunk
---@field old_start integer one-based line of the old text
---@field new_start integer
---@field lines string[] with their signs

---@class mazu.FilePatch
---@field path? string
---@field hunks mazu.Hunk[]

---@param name string what follows "--- " or "+++ "
---@return string?
local function path_of(name)
  name = name:gsub('\t.*$', '')
  if name == '/dev/null' then
    return
  end
  return (name:gsub('^[ab]/', ''))
end

--- Which lines of a unified diff name its files: they stand outside of hunks, in pairs, before a hunk. A removed line `-- x`
--- or an added one `++ x` looks like such a name, and is none.
---@param lines string[]
---@return table<integer, string> names by the first line of the pair
local function names_in(lines)
  local names, old, new = {}, 0, 0
  for i, line in ipairs(lines) do
    local sign, after = line:sub(1, 1), lines[i + 1] or ''
    local removed, added = line:match('^@@ %-%d+(,?%d*) %+%d+(,?%d*) @@')
    local between = old <= 0 and new <= 0 and vim.startswith(lines[i + 2] or '', '@@')
    if between and vim.startswith(line, '--- ') and vim.startswith(after, '+++ ') then
      names[i] = path_of(after:sub(5)) or path_of(line:sub(5)) or ''
    elseif removed then
      old, new = tonumber(removed:sub(2)) or 1, tonumber(added:sub(2)) or 1
    elseif sign ~= '\\' and not names[i - 1] then
      old, new = old - (sign == '+' and 0 or 1), new - (sign == '-' and 0 or 1)
    end
  end
  return names
end

--- The lines of a unified diff without what only git needs. Where it is about several files, each begins with `@path`.
---@param diff string
---@return string[]
function M.body(diff)
  local lines = vim.split((diff:gsub('\n+$', '')), '\n', { plain = true })
  local names, of_git, inside = names_in(lines), {}, false
  for i, line in ipairs(lines) do
    local path = line:match('^diff %-%-git a/.* b/(.*)$')
    inside = not path and (inside or vim.startswith(line, '@@'))
    of_git[i] = path or (not inside and vim.startswith(line, 'index ') and '') or nil
  end
  local headed = vim.iter(pairs(of_git)):any(function(_, path)
    return path ~= ''
  end)
  local heads = headed and of_git or names
  local several = vim.tbl_count(vim.tbl_filter(function(path)
    return path ~= ''
  end, heads)) > 1
  local body = {}
  for i, line in ipairs(lines) do
    if heads[i] and heads[i] ~= '' then
      body[#body + 1] = several and ('@' .. heads[i]) or nil
    elseif not (names[i] or names[i - 1] or of_git[i]) then
      body[#body + 1] = line
    end
  end
  return body
end

--- The files of a unified diff with their hunks.
---@param diff string
---@return mazu.FilePatch[]
function M.parse(diff)
  local files, current, hunk = {}, nil, nil
  for line in vim.gsplit(diff, '\n', { plain = true }) do
    local old, new = line:match('^@@ %-(%d+),?%d* %+(%d+),?%d* @@')
    if vim.startswith(line, '--- ') and not (hunk and hunk.left_old > 0) then
      current, hunk = { path = path_of(line:sub(5)), hunks = {} }, nil
      files[#files + 1] = current
    elseif vim.startswith(line, '+++ ') and current and #current.hunks == 0 then
      current.path = path_of(line:sub(5)) or current.path
    elseif old then
      if not current then
        current = { hunks = {} }
        files[#files + 1] = current
      end
      local left = tonumber(line:match('^@@ %-%d+,(%d+)')) or 1
      hunk = { old_start = tonumber(old), new_start = tonumber(new), lines = {}, left_old = left }
      table.insert(current.hunks, hunk)
    elseif hunk and line:find('^[ +%-]') then
      table.insert(hunk.lines, line)
      hunk.left_old = hunk.left_old - (vim.startswith(line, '+') and 0 or 1)
    end
  end
  return files
end

---@param hunk mazu.Hunk
---@param sign "+"|"-"
---@return string[] lines of one side
local function side(hunk, sign)
  local found = {}
  for _, line in ipairs(hunk.lines) do
    if line:sub(1, 1) == ' ' or line:sub(1, 1) == sign then
      found[#found + 1] = line:sub(2)
    end
  end
  return found
end

--- Both sides of a hunk.
---@param hunk mazu.Hunk
---@return string[] old
---@return string[] new
function M.sides(hunk)
  return side(hunk, '-'), side(hunk, '+')
end

--- The line where a hunk begins in one of the texts, zero-based: the diff names the line before where that side has none.
---@param hunk mazu.Hunk
---@param applied boolean whether the new text is meant
---@return integer
function M.start(hunk, applied)
  local old, new = M.sides(hunk)
  local own, start = applied and new or old, applied and hunk.new_start or hunk.old_start
  return math.max(0, #own > 0 and start - 1 or start)
end

---@param lines string[]
---@param at integer one-based
---@param wanted string[]
---@return boolean
local function fits(lines, at, wanted)
  for i, line in ipairs(wanted) do
    if lines[at + i - 1] ~= line then
      return false
    end
  end
  return true
end

--- `lines` with the hunks applied, or with `reverse` taken back; nil where they do not fit.
---@param lines string[]
---@param hunks mazu.Hunk[]
---@param reverse? boolean
---@return string[]?
function M.apply(lines, hunks, reverse)
  local result, next_line = {}, 1
  for _, hunk in ipairs(hunks) do
    local old, new = M.sides(hunk)
    local start = hunk.old_start
    if reverse then
      old, new, start = new, old, hunk.new_start
    end
    if #old == 0 then
      start = start + 1 -- a hunk that removes nothing names the line before it
    end
    if start < next_line or not fits(lines, start, old) then
      return
    end
    vim.list_extend(result, lines, next_line, start - 1)
    vim.list_extend(result, new)
    next_line = start + #old
  end
  return vim.list_extend(result, lines, next_line, #lines)
end

return M
