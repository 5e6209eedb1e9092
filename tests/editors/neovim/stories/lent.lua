-- A turn whose edit another language server of the editor judges, and which asks that server itself.
local bed = dofile(vim.env.MAZU_TEST_STORIES .. '/bed.lua')
bed.with_plugin()
vim.lsp.enable('mazu_ls')

local app = bed.open('app.py')
bed.wait('the server is attached', function()
  local client = bed.client()
  return client and client.initialized and vim.lsp.buf_is_attached(app, client.id)
end)

-- A linter inside this process: it reports each line that multiplies, a moment after each change.
local uri = vim.uri_from_bufnr(app)
local LATER_MS = 50
vim.lsp.start({
  name = 'linter',
  cmd = function(dispatchers)
    local closing, last = false, 0
    local function judge(version)
      local found = {}
      for number, line in ipairs(bed.lines(app)) do
        if line:find('%*') then
          local place = { start = { line = number - 1, character = 0 }, ['end'] = { line = number - 1, character = #line } }
          table.insert(found, { range = place, severity = 1, source = 'linter', message = 'no multiplying' })
        end
      end
      dispatchers.notification('textDocument/publishDiagnostics', { uri = uri, version = version, diagnostics = found })
    end
    return {
      request = function(method, _, callback)
        local range = { start = { line = 0, character = 4 }, ['end'] = { line = 0, character = 9 } }
        local answers = {
          initialize = { capabilities = { textDocumentSync = 1, referencesProvider = true } },
          ['textDocument/references'] = { { uri = uri, range = range } },
        }
        vim.schedule(function()
          callback(nil, answers[method])
        end)
        last = last + 1
        return true, last
      end,
      notify = function(method, params)
        if method == 'textDocument/didChange' then
          vim.defer_fn(function()
            judge(params.textDocument.version)
          end, LATER_MS)
        end
        return true
      end,
      is_closing = function()
        return closing
      end,
      terminate = function()
        closing = true
      end,
    }
  end,
})
bed.wait('the linter is attached', function()
  local linter = vim.lsp.get_clients({ name = 'linter', bufnr = app })[1]
  return linter and linter.initialized
end)

local turns = bed.watch_turns()
bed.will_answer('Edit app.py', 'allow')
vim.cmd('Mazu chat multiply instead')
bed.wait('the turn ends', function()
  return turns.ended == 1
end)
bed.check('the edit is there', bed.text(app):find('return a * b', 1, true), bed.text(app))
bed.finish()
