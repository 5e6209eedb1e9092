--- Markdown in what is talked about code: the brackets of `xs[0]`, `a[i][j]` and `f[i](j)` are shown, and of a link where it leads.

local M = {}

--- The patterns that conceal links. They match brackets of code, too, and an address that is hidden could be any.
local LINKS = {
  '%(inline_link%s*%[.-%(#set! conceal ""%)%)',
  '%(shortcut_link%s*%[.-%(#set! conceal ""%)%)',
  '%(full_reference_link%s*%[.-%(#set! conceal ""%)%)',
  '%(collapsed_reference_link%s*%[.-%(#set! conceal ""%)%)',
}

--- The highlights of inline Markdown as they are installed, without those patterns.
---@return string
local function inline_query()
  local texts = {}
  for _, path in ipairs(vim.treesitter.query.get_files('markdown_inline', 'highlights')) do
    local text = table.concat(vim.fn.readfile(path), '\n')
    for _, pattern in ipairs(LINKS) do
      text = text:gsub(pattern, '')
    end
    texts[#texts + 1] = text
  end
  return table.concat(texts, '\n')
end

--- Colours a buffer as Markdown, like `vim.treesitter.start`, but conceals no links.
---@param bufnr integer
function M.start(bufnr)
  pcall(vim.treesitter.stop, bufnr)
  local ok, parser = pcall(vim.treesitter.get_parser, bufnr, 'markdown')
  if not ok or not parser then
    return
  end
  local options = { queries = { markdown_inline = inline_query() } }
  if not pcall(vim.treesitter.highlighter.new, parser, options) then
    pcall(vim.treesitter.start, bufnr, 'markdown')
  end
end

return M
