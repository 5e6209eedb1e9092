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

--- Gives a buffer of ours its name. Another buffer of that name, such as the empty one that a session file makes, is
--- removed.
---@param bufnr integer
---@param name string `mazu://...`
function M.set_name(bufnr, name)
  local stale = M.named(name)
  if stale and stale ~= bufnr then
    pcall(vim.api.nvim_buf_delete, stale, { force = true })
  end
  vim.api.nvim_buf_set_name(bufnr, name)
end

--- The loaded buffer of a document.
---@param uri string
---@return integer? bufnr
function M.of_uri(uri)
  local bufnr = M.named(vim.uri_to_fname(uri))
  return bufnr and vim.api.nvim_buf_is_loaded(bufnr) and bufnr or nil
end

local endings = { unix = '\n', dos = '\r\n', mac = '\r' }

--- Whether a buffer, written now, would make its file what it is already. False where that is not easily told.
---@param bufnr integer
---@return boolean
local function same_as_file(bufnr)
  local options = vim.bo[bufnr]
  local file = io.open(vim.api.nvim_buf_get_name(bufnr), 'rb')
  if not file or not vim.list_contains({ '', 'utf-8' }, options.fileencoding) then
    return false
  end
  local on_disk, ending = file:read('*a'), endings[options.fileformat]
  file:close()
  local last = (options.endofline or options.fixendofline) and ending or ''
  local text = table.concat(vim.api.nvim_buf_get_lines(bufnr, 0, -1, false), ending) .. last
  return on_disk == (options.bomb and '\239\187\191' or '') .. text
end

--- Takes note of files that changed, in those buffers that have no unsaved text of their own.
function M.catch_up_with_files()
  for _, bufnr in ipairs(vim.api.nvim_list_bufs()) do
    local of_file = vim.api.nvim_buf_is_loaded(bufnr) and vim.bo[bufnr].buftype == ''
    if of_file and vim.api.nvim_buf_get_name(bufnr) ~= '' then
      if vim.bo[bufnr].modified and same_as_file(bufnr) then
        vim.bo[bufnr].modified = false
      end
      if not vim.bo[bufnr].modified then
        vim.cmd.checktime(bufnr)
      end
    end
  end
end

--- Whether the file changed since Neovim last looked at it. Neovim then takes it as known, and asks nothing by itself.
---@param bufnr integer
---@return boolean
function M.changed_outside(bufnr)
  local changed = false
  local id = vim.api.nvim_create_autocmd('FileChangedShell', {
    buffer = bufnr,
    callback = function()
      changed = true
      vim.v.fcs_choice = ''
    end,
  })
  vim.cmd.checktime(bufnr)
  vim.api.nvim_del_autocmd(id)
  return changed
end

---@param path string
---@return string
local function stamp(path)
  local stat = vim.uv.fs_stat(path)
  return stat and ('%d.%d'):format(stat.mtime.sec, stat.mtime.nsec) or ''
end

---@type table<integer, integer> autocommands for the next write of a buffer
local expected = {}

--- mazu-ls changed the file of a buffer that has unsaved text: the next `:write` does not ask whether to write over that
--- change, which is known. It asks about any later one.
---@param bufnr integer
local function expect_write(bufnr)
  local path = vim.api.nvim_buf_get_name(bufnr)
  local known = stamp(path)
  if expected[bufnr] then
    pcall(vim.api.nvim_del_autocmd, expected[bufnr])
  end
  expected[bufnr] = vim.api.nvim_create_autocmd('BufWriteCmd', {
    buffer = bufnr,
    nested = true,
    desc = 'Write over what mazu-ls changed',
    callback = function(args)
      pcall(vim.api.nvim_del_autocmd, expected[bufnr])
      expected[bufnr] = nil
      local own = vim.fn.fnamemodify(args.match, ':p') == path
      local bang = vim.v.cmdbang == 1 or (own and stamp(path) == known)
      -- As it was typed: `++ff=dos` and `++enc=` are of this one write.
      local name = own and '' or vim.fn.fnameescape(args.file)
      vim.cmd(('write%s %s %s'):format(bang and '!' or '', vim.v.cmdarg, name))
    end,
  })
end

--- Takes note of files that mazu-ls wrote, in buffers that have unsaved text.
---@param paths string[] absolute, or relative to `root`
---@param root string
function M.expect_files(paths, root)
  for _, path in ipairs(paths) do
    local bufnr = M.named(vim.startswith(path, '/') and path or vim.fs.joinpath(root, path))
    if bufnr and vim.api.nvim_buf_is_loaded(bufnr) and vim.bo[bufnr].modified and M.changed_outside(bufnr) then
      expect_write(bufnr)
    end
  end
end

---@type table<integer, boolean> chat documents that are saved when they rest
local kept = {}

---@param bufnr integer
local function save(bufnr)
  if vim.api.nvim_buf_is_loaded(bufnr) and vim.bo[bufnr].modified then
    vim.api.nvim_buf_call(bufnr, function()
      vim.cmd('silent! noautocmd lockmarks update')
    end)
  end
end

--- Chat documents belong to mazu-ls and are never a reason for `:qa` to stop: they are saved after the server's
--- edits, and before Neovim quits.
---@param bufnr integer
function M.keep_chat_saved(bufnr)
  local is_chat = vim.api.nvim_buf_get_name(bufnr):find('/%.mazu/chats/[^/]+%.md$')
  if not is_chat or kept[bufnr] then
    return
  end
  kept[bufnr] = true
  vim.api.nvim_create_autocmd('QuitPre', {
    desc = 'Save chat documents of mazu',
    callback = function()
      save(bufnr)
    end,
  })
end

return M
