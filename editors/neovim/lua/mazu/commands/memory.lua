--- `:Mazu` remember, recall, memory.
local client = require('mazu.client')
local picker = require('mazu.picker')
local tell = require('mazu.tell')
local time = require('mazu.time')
local view = require('mazu.view')

local outcomes = {
  created = 'remembered',
  duplicate = 'already known',
  superseded = 'remembered',
}

local categories = { 'convention', 'decision', 'fact', 'mistake', 'task_outcome', 'user_preference' }

---@param memory mazu.Memory
---@return string
local function headline(memory)
  local marks = (memory.pinned and '* ' or '') .. (memory.state == 'current' and '' or ('[%s] '):format(memory.state))
  return ('%s%s: %s'):format(marks, memory.category, memory.title)
end

--- All that is known of a memory: its text, where it is anchored, how it was found.
---@param memory mazu.Memory
---@return string[]
local function page(memory)
  local lines = { '# ' .. memory.title, '' }
  if memory.body and memory.body ~= '' then
    vim.list_extend(lines, vim.split(memory.body, '\n', { plain = true }))
    lines[#lines + 1] = ''
  end
  lines[#lines + 1] = ('%s · %s · %s · %s'):format(memory.category, memory.scope, memory.state, time.clock(memory.createdAt))
  for _, anchor in ipairs(memory.anchors or {}) do
    local symbol = anchor.symbol and (' ' .. anchor.symbol) or ''
    lines[#lines + 1] = ('▣ %s%s (%s)'):format(anchor.path, symbol, anchor.state)
  end
  if memory.author or memory.shared then
    lines[#lines + 1] = memory.author and ('Shared by ' .. memory.author) or 'Shared with the team'
  end
  if memory.why then
    lines[#lines + 1] = 'Found because: ' .. memory.why
  end
  return lines
end

---@param memory mazu.Memory
local function show(memory)
  view.show('memory', page(memory))
end

--- The outcome of remembering, with the memory that it replaced and those that it is much like.
---@param result mazu.RememberResult
---@return string
local function remembered(result)
  local said = { ('%s: %s'):format(outcomes[result.outcome], headline(result.memory)) }
  if result.replaced then
    said[#said + 1] = ('instead of “%s”'):format(result.replaced.title)
  end
  for _, other in ipairs(result.alike or {}) do
    said[#said + 1] = ('much like “%s”: if that no longer holds, forget it in :Mazu memories'):format(other.title)
  end
  return table.concat(said, '; ')
end

---@param memory mazu.Memory
local function forget(memory)
  client.execute('mazu.memory.forget', { id = memory.id, scope = memory.scope }, function()
    tell.info('forgot "%s"', memory.title)
  end)
end

---@param memory mazu.Memory
local function toggle_pin(memory)
  local argument = { id = memory.id, scope = memory.scope, pinned = not memory.pinned }
  client.execute('mazu.memory.update', argument, function(result)
    tell.info('"%s" is %s', memory.title, result.memory.pinned and 'pinned' or 'no longer pinned')
  end)
end

---@param memory mazu.Memory
local function toggle_share(memory)
  local name = memory.shared and 'mazu.memory.unshare' or 'mazu.memory.share'
  client.execute(name, { ids = { memory.id } }, function(result)
    local refused = (result.refused or {})[1]
    if refused then
      return tell.warn('"%s" is not shared: %s', memory.title, refused.why)
    elseif memory.shared then
      return tell.info('"%s" is no longer shared', memory.title)
    end
    tell.info('"%s" is shared: %s', memory.title, result.remote and ':Mazu memory sync sends it' or 'commit the files in .mazu/shared')
  end)
end

--- Exchanges team memory with the remote that was named last, or with the folder .mazu/shared.
---@param remote string empty for the last one
local function sync(remote)
  client.execute('mazu.memory.sync', { remote = remote ~= '' and remote or nil }, function(result)
    local waiting = result.waiting > 0 and (', %d to review: :Mazu memory proposals'):format(result.waiting) or ''
    tell.info('%s: %d sent, %d received%s', result.place, result.sent, result.received, waiting)
    for _, problem in ipairs(result.problems) do
      tell.warn('%s', problem)
    end
  end)
end

---@param memory mazu.Memory
local function act_on(memory)
  show(memory)
  local acts = { { 'Keep as it is' }, { memory.pinned and 'Unpin' or 'Pin', toggle_pin }, { 'Forget', forget } }
  if memory.scope == 'project' then
    acts[#acts + 1] = { memory.shared and 'Stop sharing' or 'Share with the team', toggle_share }
  end
  picker.choose(acts, {
    prompt = memory.title .. ':',
    kind = 'mazu_memory_action',
    format = function(act)
      return act[1]
    end,
  }, function(act)
    if act[2] then
      act[2](memory)
    end
  end)
end

---@param memories mazu.Memory[]
---@param prompt string
---@param use fun(memory: mazu.Memory)
local function choose(memories, prompt, use)
  if #memories == 0 then
    return tell.info('no memory matches')
  end
  picker.choose(memories, {
    prompt = prompt,
    kind = 'mazu_memory',
    format = headline,
    preview = function(memory, show_page)
      show_page(page(memory))
    end,
  }, use)
end

--- "decision: use tabs" -> "decision", "use tabs"; a text without a known category is a plain title.
---@param text string
---@return string? category
---@return string title
local function categorised(text)
  local category, title = text:match('^([%a_]+):%s+(.+)$')
  if category and vim.list_contains(categories, category) then
    return category, title
  end
  return nil, text
end

---@type table<string, mazu.Subcommand>
return {
  remember = {
    about = 'remember a sentence, anchored to the given lines',
    complete = function()
      return vim.tbl_map(function(category)
        return category .. ':'
      end, categories)
    end,
    run = function(call)
      call:with_text('Remember: ', function(text)
        local category, title = categorised(text)
        client.execute('mazu.remember', function(server)
          return { title = title, category = category, anchors = call:attachments(server) }
        end, function(result)
          tell.info('%s', remembered(result))
        end)
      end)
    end,
  },
  recall = {
    about = 'search memories',
    run = function(call)
      call:with_text('Recall: ', function(text)
        client.execute('mazu.recall', { query = text }, function(result)
          choose(result.memories, result.onlyNearest and 'Nothing found; the nearest:' or 'Recalled:', show)
        end)
      end)
    end,
  },
  memory = {
    about = 'list memories; show, pin, share, forget; sync: exchange shared ones; proposals: found in notes of other agents; import: read them',
    words = true,
    complete = function(typed)
      local import = typed:match('^import%s+(.*)$')
      if import then
        return import:find('%s') and {} or vim.deepcopy(require('mazu.imports').agents)
      end
      return typed:find('%s') and {} or vim.list_extend({ 'import', 'proposals', 'sync' }, categories)
    end,
    run = function(call)
      local agent, path = call.text:match('^import%s+(%S+)%s*(.*)$')
      if agent then
        return require('mazu.imports').read(agent, path)
      elseif call.text == 'proposals' or call.text == 'import' then
        return require('mazu.imports').show()
      elseif call.text == 'sync' or vim.startswith(call.text, 'sync ') then
        return sync(vim.trim(call.text:sub(5)))
      end
      if call.text ~= '' and not vim.list_contains(categories, call.text) then
        return tell.error('there is no category `%s`: %s', call.text, table.concat(categories, ', '))
      end
      local argument = call.text ~= '' and { category = call.text } or nil
      client.execute('mazu.memory.list', argument, function(result)
        local count = result.total == 1 and '1 memory:' or ('%d memories:'):format(result.total)
        choose(result.memories, count, act_on)
      end)
    end,
  },
}
