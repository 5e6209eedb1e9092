--- `workspace/applyEdit`: as Neovim does it, but without a message, and with all edits of one turn to a buffer in
--- one undo block.
local M = {}

---@class mazu.apply.Last what was edited last in a buffer, and where its undo tree stood then
---@field turn string
---@field sequence integer

---@type table<integer, mazu.apply.Last>
local last = {}

---@param edit lsp.WorkspaceEdit
---@return integer[] bufnrs of the loaded buffers whose text it changes
local function buffers_of(edit)
  local uris = vim.tbl_keys(edit.changes or {})
  for _, change in ipairs(edit.documentChanges or {}) do
    if change.textDocument then
      uris[#uris + 1] = change.textDocument.uri
    end
  end
  local found = {}
  for _, uri in ipairs(uris) do
    found[#found + 1] = require('mazu.buffer').of_uri(uri)
  end
  return found
end

---@param bufnr integer
---@return integer
local function sequence(bufnr)
  return vim.api.nvim_buf_call(bufnr, function()
    return vim.fn.undotree().seq_cur
  end)
end

--- Makes the next change of a buffer part of the last one where that was of the same turn and nothing came
--- between, else the begin of a block of its own: what the user types just then is not part of it.
---@param bufnr integer
---@param turn string
local function begin(bufnr, turn)
  local before = last[bufnr]
  vim.api.nvim_buf_call(bufnr, function()
    if before and before.turn == turn and before.sequence == vim.fn.undotree().seq_cur then
      vim.cmd('silent! undojoin')
    else
      vim.cmd('let &l:undolevels = &l:undolevels')
    end
  end)
end

--- Whether an edit is of an older text than a buffer has. Neovim itself would print that in two lines, wait for a key, and
--- say that it made the edit.
---@param edit lsp.WorkspaceEdit
---@return boolean
local function is_stale(edit)
  return vim.iter(edit.documentChanges or {}):any(function(change)
    local document = change.textDocument
    local bufnr = document and require('mazu.buffer').of_uri(document.uri)
    local version = document and tonumber(document.version)
    local now = bufnr and vim.lsp.util.buf_versions[bufnr]
    return version ~= nil and version > 0 and now ~= nil and now > version
  end)
end

--- Handles `workspace/applyEdit`.
---@param params lsp.ApplyWorkspaceEditParams
---@param ctx lsp.HandlerContext
---@return lsp.ApplyWorkspaceEditResult
function M.edit(params, ctx)
  local client = assert(vim.lsp.get_client_by_id(ctx.client_id))
  local turn = require('mazu.update').running_turn(ctx.client_id)
  if is_stale(params.edit) then
    return { applied = false, failureReason = 'the buffer changed meanwhile' }
  end
  local bufnrs = buffers_of(params.edit)
  for _, bufnr in ipairs(bufnrs) do
    begin(bufnr, turn or '')
  end
  local ok, problem = pcall(vim.lsp.util.apply_workspace_edit, params.edit, client.offset_encoding)
  for _, bufnr in ipairs(bufnrs) do
    if turn then
      last[bufnr] = { turn = turn, sequence = sequence(bufnr) }
    end
    require('mazu.buffer').keep_chat_saved(bufnr)
  end
  return { applied = ok, failureReason = not ok and tostring(problem) or nil }
end

return M
