--- The lualine component `mazu`.
return function()
  return require('mazu').statusline()
end
