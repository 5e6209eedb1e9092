--- Pickers that the user opened, through vim.ui.select() with a kind and, where the picker knows how, a preview: snacks,
--- mini.pick and fzf-lua do; telescope-ui-select and Neovim's own list show none.
local M = {}

local WAIT_MS = 800
local AHEAD = 8 -- previews that are fetched while the user reads the list

---@alias mazu.UsePreview fun(lines: string[], filetype?: string)

---@class mazu.PickerOptions
---@field prompt string
---@field kind string
---@field format fun(item: any): string
---@field preview? fun(item: any, use: mazu.UsePreview) fetches what an item looks like

--- A preview as either kind of picker takes it: a list of lines, which also has them as the buffer `buf` for those that
--- ask for that, as Neovim's own interface does.
---@param lines string[]
---@param filetype string
---@return string[]
local function as_lines_and_buffer(lines, filetype)
  local bufnr
  return setmetatable(vim.list_slice(lines), {
    __index = function(_, key)
      if key ~= 'buf' then
        return nil
      end
      if not (bufnr and vim.api.nvim_buf_is_valid(bufnr)) then
        bufnr = vim.api.nvim_create_buf(false, true)
        vim.api.nvim_buf_set_lines(bufnr, 0, -1, false, lines)
        vim.bo[bufnr].bufhidden = 'wipe'
        vim.bo[bufnr].filetype = filetype
      end
      return bufnr
    end,
  })
end

---@class mazu.Previews
---@field items any[]
---@field fetch fun(item: any, use: mazu.UsePreview)
---@field known table<integer, {lines: string[], filetype: string}>
---@field asked table<integer, boolean>
local Previews = {}
Previews.__index = Previews

---@param i integer
---@param done? fun()
function Previews:ask(i, done)
  if self.items[i] == nil or self.asked[i] then
    return done and done()
  end
  self.asked[i] = true
  self.fetch(self.items[i], function(lines, filetype)
    self.known[i] = { lines = lines, filetype = filetype or 'markdown' }
    if done then
      done()
    end
  end)
end

--- Fetches the first ones, one after the other: a picker that reads its keys in a loop of its own, as mini.pick does,
--- must not be kept waiting.
---@param i integer
function Previews:ahead(i)
  if i <= AHEAD and self.items[i] ~= nil then
    self:ask(i, function()
      self:ahead(i + 1)
    end)
  end
end

--- Which item this is: mini.pick hands a copy on.
---@param item any
---@return integer?
function Previews:index(item)
  for _, same in ipairs({ rawequal, vim.deep_equal }) do
    for i, other in ipairs(self.items) do
      if same(other, item) then
        return i
      end
    end
  end
end

---@param item any
---@return string[] lines
---@return string filetype
function Previews:get(item)
  local i = self:index(item)
  if not i then
    return {}, 'markdown'
  end
  self:ask(i)
  if not self.known[i] then
    vim.wait(WAIT_MS, function()
      return self.known[i] ~= nil
    end, 10)
  end
  self:ask(i + 1)
  local found = self.known[i] or { lines = {}, filetype = 'markdown' }
  return found.lines, found.filetype
end

--- Lets the user choose one of `items`; `use` is not called where none is chosen.
---@param items any[]
---@param opts mazu.PickerOptions
---@param use fun(item: any)
function M.choose(items, opts, use)
  local previews
  if opts.preview then
    previews = setmetatable({ items = items, fetch = opts.preview, known = {}, asked = {} }, Previews)
    previews:ahead(1)
  end
  vim.ui.select(items, {
    prompt = opts.prompt,
    kind = opts.kind,
    format_item = opts.format,
    preview_item = previews and function(item)
      return as_lines_and_buffer(previews:get(item))
    end,
    snacks = previews and {
      layout = { preset = vim.o.columns >= 120 and 'default' or 'vertical' },
      preview = function(context)
        local lines, filetype = previews:get(items[context.item.idx])
        context.preview:reset()
        context.preview:set_lines(lines)
        context.preview:highlight({ ft = filetype })
      end,
    } or nil,
  }, function(item)
    if item ~= nil then
      use(item)
    end
  end)
end

return M
