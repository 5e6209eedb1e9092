-- Driven by neovim_speed.py in a real terminal: measures, writes $MAZU_FIGURES as JSON, quits.
local figures = {}

---@param use fun()
---@return number milliseconds of the monotonic clock
local function clock(use)
  local start = vim.uv.hrtime()
  use()
  return (vim.uv.hrtime() - start) / 1e6
end

---@return number milliseconds of processor time, all threads
local function cpu()
  local used = vim.uv.getrusage()
  return (used.utime.sec + used.stime.sec) * 1e3 + (used.utime.usec + used.stime.usec) / 1e3
end

---@param name string
local function forget(name)
  for key in pairs(package.loaded) do
    if key == name or vim.startswith(key, name .. '.') then
      package.loaded[key] = nil
    end
  end
end

local function median(values)
  table.sort(values)
  return values[math.ceil(#values / 2)]
end

-- 1. require: ours, and the smallest plugin that can be.
vim.fn.mkdir(vim.env.MAZU_SCRATCH .. '/lua', 'p')
vim.fn.writefile({ 'return {}' }, vim.env.MAZU_SCRATCH .. '/lua/smallest.lua')
vim.opt.runtimepath:prepend(vim.env.MAZU_SCRATCH)
local ours, smallest, plugin = {}, {}, {}
for i = 1, 30 do
  forget('mazu')
  forget('smallest')
  vim.g.loaded_mazu = nil
  ours[i] = clock(function() require('mazu') end)
  smallest[i] = clock(function() require('smallest') end)
  plugin[i] = clock(function() vim.cmd('runtime plugin/mazu.lua') end)
end
figures.require_ms, figures.smallest_ms, figures.plugin_ms = median(ours), median(smallest), median(plugin)

-- A server inside Neovim that answers nothing but `initialize`: only the plugin is measured.
local function serve()
  return {
    request = function(method, _, callback)
      vim.schedule(function()
        callback(nil, method == 'initialize' and { capabilities = {} } or vim.empty_dict())
      end)
      return true, 1
    end,
    notify = function() return true end,
    is_closing = function() return false end,
    terminate = function() end,
  }
end

local id = vim.lsp.start({ name = 'mazu_ls', cmd = serve, root_dir = vim.uv.cwd() }, { attach = false })
vim.wait(2000, function()
  return vim.lsp.get_client_by_id(id).initialized
end)
local code = vim.api.nvim_get_current_win()
local chat, panel = require('mazu.chat'), require('mazu.chat.panel')
local entry = chat.entry(vim.uv.cwd())
entry.session.id, entry.client_id, entry.loaded = 's', id, 'yes'
panel.open(entry, {})
vim.cmd.redraw()

local drawn = {}
vim.api.nvim_set_decoration_provider(vim.api.nvim_create_namespace('mazu.benchmark'), {
  on_win = function(_, window)
    drawn[window] = (drawn[window] or 0) + 1
  end,
})

local transcript = vim.iter(vim.api.nvim_list_wins()):find(function(window)
  return vim.api.nvim_win_get_buf(window) == entry.buffer.bufnr
end)

local seq = 0
local function update(one)
  seq = seq + 1
  require('mazu.update').session({ sessionId = 's', turnId = 't', seq = seq, update = one }, { client_id = id })
end

-- 2. 5,000 updates, as they come: some at once, then the editor draws.
local COUNT, BATCH = 5000, 25
local text = { 'some words ', 'and `code` ', 'of a **reply**\n', '\n- a line of a list\n' }
update({ kind = 'turn', turnKind = 'chat', model = 'm', memories = {} })
update({ kind = 'user', text = 'go on', shown = 'go on', attachments = {} })

local function feed(count, use)
  local before, start, sent = cpu(), vim.uv.hrtime(), 0
  local function batch()
    for _ = 1, BATCH do
      sent = sent + 1
      use(sent)
    end
    if sent < count then
      return vim.schedule(batch)
    end
    vim.defer_fn(function()
      vim.cmd.redraw()
      figures.updates_ms = (vim.uv.hrtime() - start) / 1e6 - 80
      figures.updates_cpu_ms = cpu() - before
      figures.code_redraws_while_streaming = drawn[code] or 0
      figures.panel_redraws_while_streaming = drawn[transcript] or 0
      figures.lines = vim.api.nvim_buf_line_count(entry.buffer.bufnr)
      require('mazu_benchmark_next')()
    end, 80)
  end
  batch()
end

-- 3. The user types in the code while nothing is streamed: no other window is drawn.
package.loaded['mazu_benchmark_next'] = function()
  update({ kind = 'state', state = 'done', stopReason = 'end_turn', reply = '' })
  vim.defer_fn(function()
    vim.api.nvim_set_current_win(code)
    vim.cmd.redraw()
    drawn = {}
    figures.ready = true
    vim.fn.writefile({ '' }, vim.env.MAZU_FIGURES .. '.ready')
    vim.api.nvim_create_autocmd('InsertLeave', {
      callback = function()
        vim.defer_fn(function()
          figures.typed = #vim.api.nvim_buf_get_lines(0, 0, 1, false)[1]
          figures.code_redraws_while_typing = drawn[code] or 0
          figures.panel_redraws_while_typing = drawn[transcript] or 0
          vim.fn.writefile({ vim.json.encode(figures) }, vim.env.MAZU_FIGURES)
          vim.cmd('qa!')
        end, 50)
      end,
    })
  end, 300)
end

drawn = {}
vim.defer_fn(function()
  feed(COUNT, function(i)
    update({ kind = 'message', text = text[i % #text + 1] })
  end)
end, 50)
