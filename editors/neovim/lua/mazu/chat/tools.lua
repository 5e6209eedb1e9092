--- Tool calls in plain words: a sign, a verb, an object.
local M = {}

---@type table<string, string>
M.signs = { running = '•', done = '✓', failed = '✗', waiting = '?', not_run = '–', taken = '⟲' }

---@type table<string, string>
M.groups = {
  running = 'MazuRunning',
  done = 'MazuDone',
  failed = 'MazuFailed',
  waiting = 'MazuWaiting',
  not_run = 'MazuDim',
}

---@type table<string, string>
local verbs = {
  read_file = 'Read',
  list_dir = 'List',
  glob_files = 'Find',
  grep = 'Search',
  edit_file = 'Edit',
  write_file = 'Write',
  run_shell = 'Run',
  shell_output = 'Read output of',
  shell_stop = 'Stop',
  web_fetch = 'Fetch',
  remember = 'Remember',
  recall = 'Recall',
  memory_search = 'Search memory for',
  save_skill = 'Save skill',
  run_skill = 'Run skill',
  list_skills = 'List skills',
  diagnostics = 'Check problems',
  definition = 'Find definition of',
  references = 'Find uses of',
  symbols = 'List symbols of',
  wiki_read = 'Read page',
  wiki_write = 'Write page',
  wiki_list = 'List pages',
  wiki_search = 'Search pages for',
}

--- What a call does, such as "Edit app.py".
---@param tool string
---@param title? string what the server calls it, such as "edit_file app.py"
---@return string
function M.sentence(tool, title)
  title = title or tool
  local verb = verbs[tool]
  if not verb then
    return title
  elseif title == tool then
    return verb
  elseif vim.startswith(title, tool .. ' ') then
    return verb .. title:sub(#tool + 1)
  end
  return title
end

--- How many lines a unified diff adds and removes.
---@param diff string
---@return integer added
---@return integer removed
function M.count(diff)
  local added, removed = 0, 0
  for line in vim.gsplit(diff, '\n', { plain = true }) do
    if vim.startswith(line, '+') and not vim.startswith(line, '+++ ') then
      added = added + 1
    elseif vim.startswith(line, '-') and not vim.startswith(line, '--- ') then
      removed = removed + 1
    end
  end
  return added, removed
end

return M
