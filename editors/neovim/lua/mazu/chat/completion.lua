--- Completion in the composer: `@` files and memories, `/` commands. One list of candidates, offered through
--- 'omnifunc' and through a language server inside Neovim, so that every completion plugin has it too.
local M = {}

local FILES = 200
local OMNI_MS = 2000

---@type table<string, string>
local commands = {
  ['/undo'] = 'undo the last turn',
  ['/redo'] = 'revert the last undo or rollback',
  ['/rewind'] = 'remove the last turn from the conversation; files stay',
  ['/compact'] = 'shorten the conversation',
  ['/checkpoint'] = 'take a checkpoint',
  ['/rollback'] = 'go back to a checkpoint',
  ['/remember'] = 'remember a sentence',
  ['/recall'] = 'find what is remembered',
  ['/model'] = 'choose the model',
  ['/mode'] = 'choose when you are asked',
  ['/usage'] = 'what was used, and what it cost',
}

---@class mazu.chat.Candidate
---@field word string
---@field menu string
---@field kind integer LSP's CompletionItemKind

local FILES_MS = 10000

---@type table<string, {at: integer, files: string[]}> by root
local cached = {}

---@type table<string, boolean> roots whose files are being listed
local listing = {}

--- Lists the files of a project, as git does, else those of its first folder; the keys that are typed meanwhile
--- do not wait for it.
---@param root string
---@param use fun()
local function list_files(root, use)
  if listing[root] then
    return
  end
  listing[root] = true
  local git = { 'git', '-c', 'core.fsmonitor=false', 'ls-files', '--cached', '--others', '--exclude-standard' }
  local function keep(answer)
    listing[root] = nil
    local found
    if answer and answer.code == 0 then
      found = vim.split(vim.trim(answer.stdout), '\n', { plain = true, trimempty = true })
    else
      found = {}
      for name, kind in vim.fs.dir(root) do
        found[#found + 1] = kind == 'file' and name or nil
      end
    end
    cached[root] = { at = vim.uv.now(), files = found }
    use()
  end
  local ok = pcall(vim.system, git, { cwd = root, text = true, timeout = 3000 }, vim.schedule_wrap(keep))
  if not ok then
    keep()
  end
end

--- Calls `use` when the files of a project are known; at once where they are.
---@param root string
---@param use fun()
function M.with_files(root, use)
  local known = cached[root]
  if known then
    use()
  end
  if not known or vim.uv.now() - known.at > FILES_MS then
    list_files(root, known and function() end or use)
  end
end

---@param root string
---@param typed string
---@return mazu.chat.Candidate[]
local function file_candidates(root, typed)
  local list = cached[root] and cached[root].files or {}
  if typed ~= '' then
    list = vim.fn.matchfuzzy(list, typed)
  end
  return vim.tbl_map(function(path)
    return { word = '@' .. path, menu = 'file', kind = 17 }
  end, vim.list_slice(list, 1, FILES))
end

---@param memories table[]
---@param typed string
---@return mazu.chat.Candidate[]
local function memory_candidates(memories, typed)
  local found = {}
  for _, memory in ipairs(memories) do
    if typed == '' or memory.title:lower():find(typed:lower(), 1, true) then
      found[#found + 1] = { word = memory.title, menu = memory.category, kind = 1 }
    end
  end
  return found
end

---@param before string the line up to the cursor
---@return integer? start zero-based byte where the word begins
local function start_of(before)
  local slash = before:match('^%s*()/[%w_]*$')
  if slash then
    return slash - 1
  end
  local at = before:match('^.*()@[^%s@]*$')
  if at and (at == 1 or before:sub(at - 1, at - 1):find('[%s(]')) then
    return at - 1
  end
  local hash = before:match('^.*()#[^#]*$')
  return hash and hash - 1 or nil
end

---@return string
local function root()
  local entry = require('mazu.chat.panel').shown()
  return entry and entry.root or assert(vim.uv.cwd())
end

--- Calls `use` with what completes a word, at once or when it is known.
---@param word string from where the word begins to the cursor
---@param use fun(candidates: mazu.chat.Candidate[])
function M.candidates(word, use)
  local sign, typed = word:sub(1, 1), word:sub(2)
  if sign == '/' then
    local found = {}
    for name, about in vim.spairs(commands) do
      if vim.startswith(name, word) then
        found[#found + 1] = { word = name, menu = about, kind = 14 }
      end
    end
    use(found)
  elseif sign == '@' then
    M.with_files(root(), function()
      use(file_candidates(root(), typed))
    end)
  elseif sign == '#' and require('mazu.client').get() then
    require('mazu.client').execute('mazu.memory.list', { limit = 100 }, function(result)
      use(memory_candidates(result.memories, typed))
    end, { on_error = function() use({}) end })
  else
    use({})
  end
end

--- 'omnifunc' of the composer: the user asked for it, so it waits.
---@param findstart integer
---@param base string
---@return integer|table
function M.omnifunc(findstart, base)
  if findstart == 1 then
    local column = vim.api.nvim_win_get_cursor(0)[2]
    return start_of(vim.api.nvim_get_current_line():sub(1, column)) or -3
  end
  local found
  M.candidates(base, function(candidates)
    found = candidates
  end)
  vim.wait(OMNI_MS, function()
    return found ~= nil
  end, 10)
  return vim.tbl_map(function(candidate)
    return { word = candidate.word, menu = candidate.menu }
  end, found or {})
end

---@param params lsp.CompletionParams
---@param use fun(list: lsp.CompletionList)
local function complete(params, use)
  local bufnr = vim.uri_to_bufnr(params.textDocument.uri)
  local line = vim.api.nvim_buf_get_lines(bufnr, params.position.line, params.position.line + 1, false)[1] or ''
  local before = line:sub(1, params.position.character)
  local start = start_of(before)
  if not start then
    return use({ isIncomplete = false, items = {} })
  end
  local range = {
    start = { line = params.position.line, character = start },
    ['end'] = params.position,
  }
  M.candidates(before:sub(start + 1), function(candidates)
    local items = vim.tbl_map(function(candidate)
      -- Neovim takes a plain text up to its first blank; a snippet is taken whole.
      local blanks = candidate.word:find('%s') ~= nil
      local text = blanks and candidate.word:gsub('[\\$}]', '\\%0') or candidate.word
      return {
        label = candidate.word,
        detail = candidate.menu,
        kind = candidate.kind,
        filterText = before:sub(start + 1), -- they were chosen for it here, memories by any of their words
        insertTextFormat = blanks and 2 or 1,
        textEdit = { range = range, newText = text },
      }
    end, candidates)
    use({ isIncomplete = true, items = items })
  end)
end

--- A language server inside Neovim that knows completion alone.
---@return vim.lsp.rpc.PublicClient
local function serve()
  local closing = false
  local request_id = 0
  return {
    request = function(method, params, callback)
      request_id = request_id + 1
      local result = vim.NIL
      if method == 'textDocument/completion' then
        complete(params, vim.schedule_wrap(function(list)
          callback(nil, list)
        end))
        return true, request_id
      elseif method == 'initialize' then
        local completion = { triggerCharacters = { '@', '/', '#' } }
        result = { capabilities = { completionProvider = completion, positionEncoding = 'utf-8' } }
      end
      vim.schedule(function()
        callback(nil, result)
      end)
      return true, request_id
    end,
    notify = function(method)
      closing = closing or method == 'exit'
      return true
    end,
    is_closing = function()
      return closing
    end,
    terminate = function()
      closing = true
    end,
  }
end

--- Whether a completion plugin is there that asks language servers itself: two menus would cover each other.
---@return boolean
local function has_engine()
  for _, name in ipairs({ 'blink.cmp', 'cmp', 'mini.completion', 'care', 'coq' }) do
    if package.loaded[name] then
      return true
    end
  end
  return false
end

--- Offers completion in the composer: as it is typed, by Neovim itself where no completion plugin is loaded when Insert mode is
--- entered first, which is when many of them are.
---@param bufnr integer
function M.attach(bufnr)
  M.with_files(root(), function() end)
  local id = vim.lsp.start({ name = 'mazu_composer', cmd = serve, root_dir = vim.uv.cwd() }, { bufnr = bufnr, silent = true })
  if id and vim.lsp.completion then
    vim.api.nvim_create_autocmd('InsertEnter', {
      buffer = bufnr,
      once = true,
      callback = vim.schedule_wrap(function()
        if not has_engine() then
          pcall(vim.lsp.completion.enable, true, id, bufnr, { autotrigger = true })
        end
      end),
    })
  end
end

return M
