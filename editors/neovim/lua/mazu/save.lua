--- `mazu/documents/save`: writes buffers to disk, never over a file that somebody else changed meanwhile.
local buffer = require('mazu.buffer')
local tell = require('mazu.tell')

local M = {}

---@param uri string
---@return boolean
local function save(uri)
  local bufnr = buffer.of_uri(uri)
  if not bufnr or not vim.bo[bufnr].modified then
    return true -- nothing is unsaved
  elseif buffer.changed_outside(bufnr) then
    tell.warn('%s changed on disk too; save it yourself', vim.fn.bufname(bufnr))
    return false
  end
  local ok, err = pcall(vim.api.nvim_buf_call, bufnr, function()
    vim.cmd('silent update')
  end)
  if not ok then
    tell.warn('%s', err)
  end
  return ok and not vim.bo[bufnr].modified
end

---@param params {uris: string[]}
---@return {saved: string[], failed: string[]}
function M.documents(params)
  local answer = { saved = {}, failed = {} }
  for _, uri in ipairs(params.uris) do
    table.insert(save(uri) and answer.saved or answer.failed, uri)
  end
  return answer
end

return M
