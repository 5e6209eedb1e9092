--- Checkpoints as a tree, drawn line by line beside a list that is newest first.
local M = {}

---@param columns table<integer, string?> the id that each column waits for
---@param id string
---@return integer
local function column_of(columns, id)
  for i, waited in ipairs(columns) do
    if waited == id then
      return i
    end
  end
  for i, waited in ipairs(columns) do
    if waited == '' then
      return i
    end
  end
  return #columns + 1
end

--- The graph in front of each checkpoint.
---@param checkpoints {id: string, parentId?: string}[] newest first
---@param current? string id of the one that is in force
---@return string[]
function M.draw(checkpoints, current)
  local columns, drawn = {}, {}
  for i, checkpoint in ipairs(checkpoints) do
    local at = column_of(columns, checkpoint.id)
    columns[at] = checkpoint.id
    local parts = {}
    for c = 1, #columns do
      local sign = columns[c] ~= '' and '│' or ' '
      if c == at then
        sign = checkpoint.id == current and '◉' or '○'
      elseif c > at and columns[c] == checkpoint.id then
        sign = '╯'
        columns[c] = ''
      end
      parts[c] = sign
    end
    drawn[i] = table.concat(parts, ' ')
    columns[at] = checkpoint.parentId or ''
    while #columns > 0 and columns[#columns] == '' do
      columns[#columns] = nil
    end
  end
  return drawn
end

return M
