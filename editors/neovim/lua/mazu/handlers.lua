--- What the server may ask of this editor (docs/protocol.md, section 5), and those handlers of LSP itself that
--- would take the user's keys. All of them hold for our client alone. Loaded with the configuration, so each entry
--- requires its module only when it is called.

---@param module string
---@param name string
---@return lsp.Handler
local function lazily(module, name)
  return function(_, params, ctx)
    return require(module)[name](require('mazu.task').without_nulls(params), ctx)
  end
end

---@type table<string, lsp.Handler>
return {
  ['mazu/session/update'] = lazily('mazu.update', 'session'),
  ['mazu/changed'] = lazily('mazu.update', 'changed'),
  ['mazu/permission/request'] = lazily('mazu.question', 'permission'),
  ['mazu/permission/resolved'] = lazily('mazu.question', 'resolved'),
  ['mazu/documents/save'] = lazily('mazu.save', 'documents'),
  ['mazu/editor/diagnostics'] = lazily('mazu.lend', 'diagnostics'),
  ['mazu/editor/definition'] = lazily('mazu.lend', 'definition'),
  ['mazu/editor/references'] = lazily('mazu.lend', 'references'),
  ['mazu/editor/symbols'] = lazily('mazu.lend', 'symbols'),
  ['mazu/editor/encoding'] = lazily('mazu.lend', 'encoding'),
  ['window/showMessageRequest'] = lazily('mazu.question', 'message'),
  ['window/showMessage'] = lazily('mazu.update', 'message'),
  ['workspace/applyEdit'] = lazily('mazu.apply', 'edit'),
}
