--- Pickers that the user opened, through vim.ui.select() with a kind and, where the picker knows how, a preview.
local M = {}

---@class mazu.PickerOptions
---@field prompt string
---@field kind string
---@field format fun(item: any): string
---@field preview? fun(item: any): string[], string? lines and their filetype; called when an item is looked at

--- Lets the user choose one of `items`; `use` is not called where none is chosen.
---@param items any[]
---@param opts mazu.PickerOptions
---@param use fun(item: any)
function M.choose(items, opts, use)
  local preview = opts.preview
  vim.ui.select(items, {
    prompt = opts.prompt,
    kind = opts.kind,
    format_item = opts.format,
    preview_item = preview and function(item)
      return (preview(item))
    end,
    snacks = preview and {
      layout = { preview = true },
      preview = function(context)
        local lines, filetype = preview(context.item.item)
        context.preview:set_lines(lines)
        context.preview:highlight({ ft = filetype or 'markdown' })
      end,
    } or nil,
  }, function(item)
    if item then
      use(item)
    end
  end)
end

return M
