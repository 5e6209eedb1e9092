-- Remember from a selection, recall, list, pin, forget.
local bed = dofile(vim.env.MAZU_TEST_STORIES .. '/bed.lua')
bed.with_plugin()

-- Not enabled: the first command starts the server.
local app = bed.open('app.py')
vim.cmd('1,2Mazu remember decision: total adds its arguments')
bed.wait_said('remembered: decision: total adds its arguments')
bed.check('the server serves this buffer now', vim.lsp.buf_is_attached(app, bed.client().id))

vim.cmd('Mazu remember decision: total adds its arguments')
bed.wait_said('already known')

bed.will_answer('Remember: ', 'the tests live in tests/')
vim.cmd('Mazu remember')
bed.wait_said('remembered: fact: the tests live in tests/')

bed.will_answer('Recalled', 'total adds')
vim.cmd('Mazu recall what does total do')
local shown = bed.wait('the memory is shown', function()
  return require('mazu.buffer').named('mazu://memory')
end)
bed.check('with why it came', bed.text(shown):find('Found because', 1, true), bed.text(shown))

-- From Visual mode exactly what is selected is the anchor.
vim.cmd.buffer(app)
vim.api.nvim_win_set_cursor(0, { 6, 4 })
bed.will_answer('Remember: ', 'double returns twice')
vim.api.nvim_feedkeys(vim.keycode('vee<Plug>(mazu-remember)'), 'x', false)
bed.wait_said('remembered: fact: double returns twice')

local listed
require('mazu').execute('mazu.memory.list', nil, function(result)
  listed = result
end)
bed.wait('they are listed', function()
  return listed
end)
bed.check('as many as were remembered', listed.total == 3, listed)
local anchored = vim.iter(listed.memories):find(function(memory)
  return memory.category == 'decision'
end)
bed.check('the decision stands on the given lines', anchored.anchors[1].path == 'app.py', anchored)

bed.will_answer('3 memories', 'the tests live')
bed.will_answer('the tests live', 'Pin')
vim.cmd('Mazu memory')
bed.wait_said('is pinned')
bed.will_answer('3 memories', 'double returns twice')
bed.will_answer('double returns twice', 'Share with the team')
vim.cmd('Mazu memory')
bed.wait_said('is shared: commit the files in .mazu/shared')
bed.check('there is a file to commit', #vim.fn.glob('.mazu/shared/double-returns-twice-*.md', true, true) == 1)
vim.cmd('Mazu memory sync')
bed.wait_said('0 sent, 0 received')
bed.will_answer('3 memories', 'the tests live')
bed.will_answer('the tests live', 'Forget')
vim.cmd('Mazu memory')
bed.wait_said('forgot "the tests live in tests/"')
local recalled
require('mazu').execute('mazu.recall', { query = 'where do the tests live' }, function(result)
  recalled = result.memories
end)
bed.wait('it is recalled no more', function()
  return recalled
    and not vim.iter(recalled):any(function(memory)
      return memory.title:find('the tests live', 1, true)
    end)
end)

-- What another agent noted is proposed, and decided on one by one.
vim.fn.writefile({ '# Rules', '', '- Always use tabs in this project.', '- We decided to use sqlite.' }, 'CLAUDE.md')
vim.cmd('Mazu memory import markdown CLAUDE.md')
local proposed = bed.press('imports', 'r')
bed.check('with where it stands', proposed:find('CLAUDE.md:3', 1, true), proposed)
bed.wait_said('rejected 1; 1 left')
bed.press('imports', 'A')
bed.wait_said('remembered 1; 0 left')
bed.wait('nothing is left to decide', function()
  return not require('mazu.buffer').named('mazu://imports')
end)

-- A skill is picked by its name, and shown.
local saved
local source = {
  'def shout(text: str) -> str:',
  '    """Say it louder."""',
  '    return text.upper()',
  '',
  'def test_shout():',
  '    assert shout("a") == "A"',
  '',
}
require('mazu').execute('mazu.skills.save', { source = table.concat(source, '\n') }, function(result)
  saved = result
end)
bed.wait('its test passed, and it is kept', function()
  return saved
end)
bed.will_answer('Skills:', 'shout')
vim.cmd('Mazu skills')
local skill = bed.wait('the source of the skill is shown', function()
  return require('mazu.buffer').named('mazu://skill/shout')
end)
bed.check('all of it', bed.text(skill):find('return text.upper()', 1, true), bed.text(skill))

-- A typing error is told, not ignored.
require('mazu').execute('mazu.recall', { qeury = 'x' })
bed.wait_said('qeury')
bed.stop_server()
bed.finish()
