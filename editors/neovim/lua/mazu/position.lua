--- Columns: bytes in Neovim, code units of the negotiated encoding on the wire.
local buffer = require('mazu.buffer')

local M = {}

---@alias mazu.Encoding "utf-8"|"utf-16"|"utf-32"

---@param text string one line
---@param byte integer zero-based; beyond the end means the end
---@param encoding mazu.Encoding
---@return integer
function M.to_units(text, byte, encoding)
  byte = math.min(byte, #text)
  if encoding == 'utf-8' then
    return byte
  end
  if vim.fn.has('nvim-0.11') == 1 then
    return vim.str_utfindex(text, encoding, byte, false)
  end
  local utf32, utf16 = vim.str_utfindex(text, byte)
  return encoding == 'utf-32' and utf32 or utf16
end

---@param text string one line
---@param units integer
---@param encoding mazu.Encoding
---@return integer
function M.to_byte(text, units, encoding)
  if encoding == 'utf-8' then
    return math.min(units, #text)
  end
  if vim.fn.has('nvim-0.11') == 1 then
    return vim.str_byteindex(text, encoding, units, false)
  end
  local ok, byte = pcall(vim.str_byteindex, text, units, encoding == 'utf-16')
  return ok and byte or #text
end

--- One line of a document: of its buffer where it is loaded, else of its file.
---@param uri string
---@param line integer zero-based
---@return string
function M.line(uri, line)
  local bufnr = buffer.of_uri(uri)
  if bufnr then
    return vim.api.nvim_buf_get_lines(bufnr, line, line + 1, false)[1] or ''
  end
  local ok, lines = pcall(vim.fn.readfile, vim.uri_to_fname(uri), '', line + 1)
  return ok and lines[line + 1] or ''
end

--- The same place, counted in another encoding.
---@param uri string
---@param position lsp.Position
---@param from mazu.Encoding
---@param to mazu.Encoding
---@return lsp.Position
function M.convert(uri, position, from, to)
  if from == to or position.character == 0 then
    return position
  end
  local text = M.line(uri, position.line)
  return {
    line = position.line,
    character = M.to_units(text, M.to_byte(text, position.character, from), to),
  }
end

--- The range that a `:Mazu` command was given: the exact visual selection where it was typed over one, else
--- whole lines.
---@param bufnr integer
---@param line1 integer one-based
---@param line2 integer one-based
---@param encoding mazu.Encoding
---@return lsp.Range
function M.range_of_lines(bufnr, line1, line2, encoding)
  local first = vim.api.nvim_buf_get_mark(bufnr, '<')
  local last = vim.api.nvim_buf_get_mark(bufnr, '>')
  if vim.fn.visualmode() == 'v' and first[1] == line1 and last[1] == line2 then
    return vim.lsp.util.make_given_range_params(nil, nil, bufnr, encoding).range
  end
  local stop = { line = line2, character = 0 }
  if line2 >= vim.api.nvim_buf_line_count(bufnr) then
    local text = vim.api.nvim_buf_get_lines(bufnr, line2 - 1, line2, false)[1] or ''
    stop = { line = line2 - 1, character = M.to_units(text, #text, encoding) }
  end
  return { start = { line = line1 - 1, character = 0 }, ['end'] = stop }
end

return M
