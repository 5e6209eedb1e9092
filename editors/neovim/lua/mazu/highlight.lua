--- Highlight groups: all are links to the theme's own, and a user's definition wins.
local M = {}

---@type table<string, string>
local links = {
  MazuUser = 'Title',
  MazuAgent = 'Title',
  MazuHeading = 'Title',
  MazuKey = 'Special',
  MazuDim = 'Comment',
  MazuThought = 'Comment',
  MazuOutput = 'Comment',
  MazuRunning = 'DiagnosticInfo',
  MazuDone = 'DiagnosticOk',
  MazuFailed = 'DiagnosticError',
  MazuWaiting = 'DiagnosticWarn',
  MazuDiffAdd = 'DiffAdd',
  MazuDiffDelete = 'DiffDelete',
}

function M.define()
  for group, target in pairs(links) do
    vim.api.nvim_set_hl(0, group, { link = target, default = true })
  end
  vim.api.nvim_set_hl(0, 'MazuTool', { default = true }) -- the text's own colour, in a float too
end

return M
