--- Diffs side by side, in a tab of their own.
local patch = require('mazu.patch')

local M = {}

---@param name string
---@param lines string[]
---@param filetype? string
---@return integer bufnr
local function scratch(name, lines, filetype)
  local existing = require('mazu.buffer').named(name)
  if existing then
    vim.api.nvim_buf_delete(existing, { force = true })
  end
  local bufnr = vim.api.nvim_create_buf(false, true)
  vim.api.nvim_buf_set_lines(bufnr, 0, -1, false, lines)
  vim.api.nvim_buf_set_name(bufnr, name)
  vim.bo[bufnr].bufhidden = 'wipe'
  vim.bo[bufnr].swapfile = false
  vim.bo[bufnr].modifiable = false
  if filetype then
    vim.bo[bufnr].filetype = filetype
  end
  vim.keymap.set('n', 'q', '<Cmd>tabclose<CR>', { buffer = bufnr, desc = 'Mazu: close this tab' })
  return bufnr
end

--- Shows two texts side by side.
---@param name string of the file
---@param before string[]
---@param after string[]
---@param labels? {[1]: string, [2]: string}
function M.show(name, before, after, labels)
  labels = labels or { 'before', 'after' }
  local filetype = vim.filetype.match({ filename = name })
  local left = scratch(('mazu://diff/%s (%s)'):format(name, labels[1]), before, filetype)
  local right = scratch(('mazu://diff/%s (%s)'):format(name, labels[2]), after, filetype)
  vim.cmd('tab split')
  vim.api.nvim_win_set_buf(0, left)
  vim.cmd('diffthis')
  vim.cmd('rightbelow vsplit')
  vim.api.nvim_win_set_buf(0, right)
  vim.cmd('diffthis')
  vim.cmd('wincmd =')
end

--- The lines of a file of the project, as its buffer or the disk has them.
---@param path string
---@param root string
---@return string[]
local function lines_of(path, root)
  local full = vim.startswith(path, '/') and path or vim.fs.joinpath(root, path)
  local bufnr = require('mazu.buffer').named(vim.fs.normalize(full))
  if bufnr and vim.api.nvim_buf_is_loaded(bufnr) then
    return vim.api.nvim_buf_get_lines(bufnr, 0, -1, false)
  end
  local ok, lines = pcall(vim.fn.readfile, full)
  return ok and lines or {}
end

--- Opens a unified diff side by side, one tab for each file: the whole file where it is as the diff has it, else
--- what the diff shows of it.
---@param diff string
---@param opts {applied: boolean, root?: string}
function M.open(diff, opts)
  local client = require('mazu.client').get()
  local root = opts.root or (client and client.root_dir) or vim.uv.cwd()
  for _, file in ipairs(patch.parse(diff)) do
    local lines = file.path and lines_of(file.path, root) or {}
    local other = patch.apply(lines, file.hunks, opts.applied)
    local before, after = lines, other
    if opts.applied then
      before, after = other, lines
    end
    if not other then
      before, after = {}, {}
      for _, hunk in ipairs(file.hunks) do
        local old, new = patch.sides(hunk)
        vim.list_extend(before, old)
        vim.list_extend(after, new)
      end
    end
    M.show(file.path or 'diff', assert(before), assert(after))
  end
end

return M
