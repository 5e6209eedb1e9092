--- Buffers by their exact name; `vim.fn.bufnr()` reads a name as a pattern.
local M = {}

---@param name string
---@return integer? bufnr
function M.named(name)
  for _, bufnr in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_get_name(bufnr) == name then
      return bufnr
    end
  end
end

--- The loaded buffer of a document.
---@param uri string
---@return integer? bufnr
function M.of_uri(uri)
  local bufnr = M.named(vim.uri_to_fname(uri))
  return bufnr and vim.api.nvim_buf_is_loaded(bufnr) and bufnr or nil
end

return M
