---@brief
---
--- mazu-ls hosts a coding agent that remembers and can be undone.
---
--- Install the server with `pipx install .` or `uv tool install .` in a clone of mazu-ls, then:
---
--- ```lua
--- vim.lsp.enable('mazu_ls')
--- ```
---
--- It attaches to every file below the nearest folder that holds `.mazu` or `.git`. `vim.g.mazu` sets the
--- command, the environment and the server's settings; `vim.lsp.config('mazu_ls', {...})` overrides anything.

local config = require('mazu.config').get()
local client = require('mazu.client')

---@type vim.lsp.Config
return {
  cmd = client.spawn,
  root_dir = function(bufnr, on_dir)
    local root = client.root(bufnr)
    if root then
      on_dir(root)
    end
  end,
  settings = { mazu = config.settings },
  -- Also here: these are the user's own, while a plugin may have mixed a project's files into the others.
  init_options = { mazu = config.settings },
  capabilities = {
    experimental = {
      mazu = { updates = true, permissions = true, save = true, context = config.lend },
    },
  },
  -- The server waits for each edit of its own to be told, and Neovim's default is to tell 150 ms later.
  flags = { debounce_text_changes = 30 },
  handlers = require('mazu.handlers'),
  commands = require('mazu.client_commands'),
  on_init = function(started)
    require('mazu.update').started(started.id)
  end,
  on_exit = function(_, _, client_id)
    local code, signal = client.last_exit()
    vim.schedule(function()
      require('mazu.update').ended(client_id, code, signal)
    end)
  end,
}
