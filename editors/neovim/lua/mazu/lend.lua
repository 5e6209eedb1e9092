--- `mazu/editor/*`: the editor's other language servers, lent to the agent.
---
--- Parameters: `{uri?}` for diagnostics, `{uri, position}` for definition and references, `{uri}` or `{query}`
--- for symbols. Answers: `{documents: [{uri, version, diagnostics}]}`, `{locations}`, and
--- `{symbols: [{name, kind, containerName, uri, range}]}` with kinds by name. Positions count in the encoding
--- that was agreed with mazu-ls, whatever the other server uses.
local buffer = require('mazu.buffer')
local client = require('mazu.client')
local position = require('mazu.position')
local task = require('mazu.task')

local M = {}

local TIMEOUT_MS = 5000

---@param ctx lsp.HandlerContext
---@return mazu.Encoding
local function agreed(ctx)
  local mazu = vim.lsp.get_client_by_id(ctx.client_id)
  return mazu and mazu.offset_encoding or 'utf-16'
end

--- Whether a buffer belongs to the project of our client: another project that is open beside it is nobody's business there.
---@param bufnr integer
---@param ctx lsp.HandlerContext
---@return boolean
local function is_of_project(bufnr, ctx)
  local mazu = vim.lsp.get_client_by_id(ctx.client_id)
  local root = mazu and mazu.root_dir
  local inside = root and vim.startswith(vim.api.nvim_buf_get_name(bufnr), vim.fs.normalize(root) .. '/')
  return not root or inside or mazu.attached_buffers[bufnr] == true
end

---@param bufnr integer
---@param found vim.Diagnostic
---@param encoding mazu.Encoding
---@return lsp.Diagnostic
local function as_lsp(bufnr, found, encoding)
  ---@param line integer
  ---@param column integer
  local function place(line, column)
    local text = vim.api.nvim_buf_get_lines(bufnr, line, line + 1, false)[1] or ''
    return { line = line, character = position.to_units(text, column, encoding) }
  end
  return {
    range = {
      start = place(found.lnum, found.col),
      ['end'] = place(found.end_lnum or found.lnum, found.end_col or found.col),
    },
    message = found.message,
    severity = found.severity,
    source = found.source,
    code = found.code,
  }
end

--- What every source but mazu-ls says about one document, or about all open ones.
---@param params {uri?: string}
---@param ctx lsp.HandlerContext
function M.diagnostics(params, ctx)
  local only = params.uri and buffer.of_uri(params.uri)
  if params.uri and not only then
    return { documents = {} }
  end
  local encoding = agreed(ctx)
  local by_buffer = only and { [only] = {} } or {}
  for _, found in ipairs(vim.diagnostic.get(only)) do
    local shown = vim.api.nvim_buf_is_loaded(found.bufnr) and found.source ~= 'mazu'
    if shown and (only or is_of_project(found.bufnr, ctx)) then
      by_buffer[found.bufnr] = by_buffer[found.bufnr] or {}
      table.insert(by_buffer[found.bufnr], as_lsp(found.bufnr, found, encoding))
    end
  end
  local documents = {}
  for bufnr, diagnostics in vim.spairs(by_buffer) do
    documents[#documents + 1] = {
      uri = vim.uri_from_bufnr(bufnr),
      version = vim.lsp.util.buf_versions[bufnr],
      diagnostics = diagnostics,
    }
  end
  return { documents = documents }
end

--- Asks every other attached server that knows `method`; calls back with what came within the time limit.
---@param bufnr? integer nil asks the servers of all buffers of the project
---@param method string
---@param params fun(other: vim.lsp.Client): table
---@param done fun(answers: {client: vim.lsp.Client, result: any}[])
---@param ctx lsp.HandlerContext
local function ask_others(bufnr, method, params, done, ctx)
  local others = vim.tbl_filter(function(other)
    local asked = bufnr or vim.iter(pairs(other.attached_buffers)):any(function(one)
      return is_of_project(one, ctx)
    end)
    return asked and other.name ~= client.name and client.call(other, 'supports_method', method)
  end, vim.lsp.get_clients({ bufnr = bufnr }))
  local answers, pending, timer = {}, #others, assert(vim.uv.new_timer())
  local function finish()
    if timer and not timer:is_closing() then
      timer:close()
      done(answers)
    end
  end
  if pending == 0 then
    return finish()
  end
  timer:start(TIMEOUT_MS, 0, vim.schedule_wrap(finish))
  for _, other in ipairs(others) do
    client.call(other, 'request', method, params(other), function(_, result)
      answers[#answers + 1] = { client = other, result = task.without_nulls(result) }
      pending = pending - 1
      if pending == 0 then
        finish()
      end
    end, bufnr or 0)
  end
end

---@param uri string
---@param range lsp.Range
---@param from mazu.Encoding
---@param to mazu.Encoding
---@return lsp.Range
local function convert_range(uri, range, from, to)
  return {
    start = position.convert(uri, range.start, from, to),
    ['end'] = position.convert(uri, range['end'], from, to),
  }
end

--- Locations and location links of several servers as plain locations, each once.
---@param answers {client: vim.lsp.Client, result: any}[]
---@param encoding mazu.Encoding
---@return lsp.Location[]
local function locations(answers, encoding)
  local found, seen = {}, {}
  for _, answer in ipairs(answers) do
    local result = answer.result or {}
    for _, item in ipairs(vim.islist(result) and result or { result }) do
      local uri = item.uri or item.targetUri
      local range = item.range or item.targetSelectionRange
      local location = { uri = uri, range = convert_range(uri, range, answer.client.offset_encoding, encoding) }
      local key = vim.inspect(location)
      if not seen[key] then
        seen[key] = true
        found[#found + 1] = location
      end
    end
  end
  return found
end

---@param method string
---@param extra table
---@return fun(params: {uri: string, position: lsp.Position}, ctx: lsp.HandlerContext): table
local function lender(method, extra)
  return function(params, ctx)
    local bufnr, encoding = buffer.of_uri(params.uri), agreed(ctx)
    if not bufnr then
      return { locations = {} }
    end
    local answers = task.await(function(done)
      ask_others(bufnr, method, function(other)
        local place = position.convert(params.uri, params.position, encoding, other.offset_encoding)
        return vim.tbl_extend('error', { textDocument = { uri = params.uri }, position = place }, extra)
      end, done, ctx)
    end)
    return { locations = locations(answers, encoding) }
  end
end

M.definition = lender('textDocument/definition', {})
M.references = lender('textDocument/references', { context = { includeDeclaration = true } })

---@param into table[]
---@param items table[] DocumentSymbol, SymbolInformation or WorkspaceSymbol
---@param uri? string
---@param container? string
---@param convert fun(uri: string, range: lsp.Range): lsp.Range
local function flatten(into, items, uri, container, convert)
  for _, item in ipairs(items) do
    local where = uri or item.location.uri
    local range = item.selectionRange or (item.location and item.location.range)
    into[#into + 1] = {
      name = item.name,
      kind = vim.lsp.protocol.SymbolKind[item.kind],
      containerName = item.containerName or container,
      uri = where,
      range = range and convert(where, range),
    }
    flatten(into, item.children or {}, uri, item.name, convert)
  end
end

---@param params {uri?: string, query?: string}
---@param ctx lsp.HandlerContext
function M.symbols(params, ctx)
  local bufnr, encoding = params.uri and buffer.of_uri(params.uri), agreed(ctx)
  if params.uri and not bufnr then
    return { symbols = {} }
  end
  local method = params.uri and 'textDocument/documentSymbol' or 'workspace/symbol'
  local answers = task.await(function(done)
    ask_others(bufnr, method, function()
      return params.uri and { textDocument = { uri = params.uri } } or { query = params.query or '' }
    end, done, ctx)
  end)
  local symbols = {}
  for _, answer in ipairs(answers) do
    flatten(symbols, answer.result or {}, params.uri, nil, function(uri, range)
      return convert_range(uri, range, answer.client.offset_encoding, encoding)
    end)
  end
  return { symbols = symbols }
end

--- In which encoding a document is written.
---@param params {uri: string}
function M.encoding(params)
  local bufnr = buffer.of_uri(params.uri)
  local encoding = bufnr and vim.bo[bufnr].fileencoding
  return { encoding = encoding == '' and 'utf-8' or encoding or vim.NIL }
end

return M
