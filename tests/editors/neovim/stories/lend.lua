-- The agent's questions to the editor: saving, and what the other language servers know.
local bed = dofile(vim.env.MAZU_TEST_STORIES .. '/bed.lua')
bed.with_plugin()
vim.lsp.enable('mazu_ls')

local app = bed.open('app.py')
bed.wait('the server is attached', function()
  local client = bed.client()
  return client and client.initialized
end)

-- A language server of three answers, inside this process, that counts in UTF-16.
vim.api.nvim_buf_set_lines(app, 0, 1, false, { 'def total(a, b):  # 😀 sum' })
local uri = vim.uri_from_bufnr(app)
local place = { uri = uri, range = { start = { line = 0, character = 23 }, ['end'] = { line = 0, character = 26 } } }
local answers = {
  initialize = {
    capabilities = { definitionProvider = true, referencesProvider = true, documentSymbolProvider = true, positionEncoding = 'utf-16' },
  },
  ['textDocument/definition'] = place,
  ['textDocument/references'] = { place, place },
  ['textDocument/documentSymbol'] = {
    { name = 'total', kind = 12, range = place.range, selectionRange = place.range, children = {
      { name = 'a', kind = 13, range = place.range, selectionRange = place.range },
    } },
  },
}
vim.lsp.start({
  name = 'other',
  cmd = function()
    local closing, last = false, 0
    return {
      request = function(method, _, callback)
        vim.schedule(function()
          callback(nil, answers[method])
        end)
        last = last + 1
        return true, last
      end,
      notify = function()
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
bed.wait('the other server is attached', function()
  local other = vim.lsp.get_clients({ name = 'other', bufnr = app })[1]
  return other and other.initialized
end)
local encoding = bed.client().offset_encoding
local expected = ({ ['utf-8'] = 25, ['utf-16'] = 23, ['utf-32'] = 22 })[encoding]

local function ask(method, params)
  local answer
  coroutine.wrap(function()
    answer = bed.client().handlers[method](nil, params, { client_id = bed.client().id, method = method })
  end)()
  return bed.wait(method .. ' is answered', function()
    return answer
  end)
end

local at = { uri = uri, position = { line = 0, character = 5 } }
local definition = ask('mazu/editor/definition', at).locations
bed.check('in the encoding of mazu-ls', #definition == 1 and definition[1].range.start.character == expected, definition)
bed.check('each reference once', #ask('mazu/editor/references', at).locations == 1)
local symbols = ask('mazu/editor/symbols', { uri = uri }).symbols
bed.check('symbols are flat, with their container', #symbols == 2 and symbols[2].containerName == 'total', symbols)

local namespace = vim.api.nvim_create_namespace('linter')
vim.diagnostic.set(namespace, app, { { lnum = 0, col = 25, end_col = 28, message = 'odd name', severity = 2, source = 'linter' } })
local documents = ask('mazu/editor/diagnostics', { uri = uri }).documents
bed.check('diagnostics of every source', documents[1].diagnostics[1].message == 'odd name', documents)
bed.check('in that encoding too', documents[1].diagnostics[1].range.start.character == expected, documents)
bed.check('and of all documents', #ask('mazu/editor/diagnostics', {}).documents == 1)

vim.bo[app].fileencoding = ''
bed.check('a buffer is saved in UTF-8', ask('mazu/editor/encoding', { uri = uri }).encoding == 'utf-8')
vim.bo[app].fileencoding = 'cp932'
bed.check('or as it is set', ask('mazu/editor/encoding', { uri = uri }).encoding == 'cp932')
vim.bo[app].fileencoding = 'utf-8'
local unknown = ask('mazu/editor/encoding', { uri = uri .. '.not-open' }).encoding
bed.check('or it is not said', unknown == vim.NIL, unknown)

-- Saving: what is unsaved is written, what changed on disk too is not.
local saved = ask('mazu/documents/save', { uris = { uri } })
bed.check('the buffer is saved', saved.saved[1] == uri and not vim.bo[app].modified, saved)
vim.api.nvim_buf_set_lines(app, -1, -1, false, { 'mine' })
vim.fn.writefile({ 'theirs' }, 'app.py')
vim.uv.fs_utime('app.py', os.time() + 10, os.time() + 10)
local failed = ask('mazu/documents/save', { uris = { uri } })
bed.check('a conflict is reported', failed.failed[1] == uri, failed)
bed.check('and nothing is overwritten', vim.fn.readfile('app.py')[1] == 'theirs')
bed.wait_said('changed on disk too')
bed.finish()
