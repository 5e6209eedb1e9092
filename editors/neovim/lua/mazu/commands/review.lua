--- `:Mazu` review, changes, quickfix, diff, accept, reject: hunks in the buffers themselves.
local tell = require('mazu.tell')

---@param what string
---@return fun(found: mazu.review.Hunk[])
local function shown(what)
  return function(found)
    if #found == 0 then
      return tell.info('%s', what)
    end
    if require('mazu.view').may_take_focus() then
      require('mazu.review').next()
    end
    local count = #found == 1 and '1 hunk' or ('%d hunks'):format(#found)
    tell.info('%s: ]h and [h move, gha accepts, ghr rejects, :Mazu quickfix lists', count)
  end
end

---@type table<string, mazu.Subcommand>
return {
  review = {
    about = 'show proposed edits inline, hunk by hunk; "clear" hides them',
    complete = function()
      return { 'clear' }
    end,
    run = function(call)
      if call.text == 'clear' then
        return require('mazu.review').clear()
      end
      require('mazu.review').proposals(shown('nothing is proposed'))
    end,
  },
  changes = {
    about = 'show what the last turn changed inline, to keep or to undo',
    run = function()
      require('mazu.review').changes(nil, shown('the last turn changed no file'))
    end,
  },
  quickfix = {
    about = 'list the hunks that are shown in the quickfix list',
    run = function()
      require('mazu.review').to_quickfix()
    end,
  },
  accept = {
    about = 'accept the hunk at the cursor',
    run = function()
      require('mazu.review').accept()
    end,
  },
  reject = {
    about = 'reject the hunk at the cursor',
    run = function()
      require('mazu.review').reject()
    end,
  },
  diff = {
    about = 'side by side in a tab: the open question, else the file that is reviewed',
    run = function()
      local question = require('mazu.question').current()
      if question and question.diff and question.diff ~= '' then
        return require('mazu.diff').open(question.diff, { applied = false })
      end
      require('mazu.review').side_by_side()
    end,
  },
}
