"""The plugin repository that the mirror script writes, installed as a plugin manager does it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.editor

SCRIPT = Path(__file__).parents[3] / "scripts" / "neovim-mirror"
LOOK = """
local spec = dofile(vim.env.MIRROR .. '/lazy.lua')
assert(spec.lazy == false and type(spec.config) == 'function')
local rock = {}
setfenv(assert(loadfile(vim.fn.glob(vim.env.MIRROR .. '/*.rockspec'))), rock)()
assert(rock.package == 'mazu.nvim' and rock.version:find('^%d'), rock.version)
vim.cmd('packloadall')
assert(vim.fn.exists(':Mazu') == 2, 'there is no :Mazu')
assert(require('mazu').statusline() == '')
assert(vim.lsp.config.mazu_ls.root_dir, 'lsp/mazu_ls.lua is not found')
vim.cmd('helptags ALL')
vim.cmd('help mazu')
assert(vim.fn.maparg('<Plug>(mazu-allow)', 'n') ~= '')
io.stdout:write('installed')
"""


def test_the_mirror_can_be_installed(nvim: Path, tmp_path: Path):
    mirror = tmp_path / "site" / "pack" / "plugins" / "start" / "mazu.nvim"
    (mirror / "lua").mkdir(parents=True)
    (mirror / "lua" / "gone.lua").write_text("")
    subprocess.run([sys.executable, SCRIPT, mirror], check=True, capture_output=True)
    assert not (mirror / "lua" / "gone.lua").exists(), "what the plugin no longer has is removed"
    pictures = re.findall(r"]\((\S+\.svg)\)", (mirror / "README.md").read_text())
    assert pictures and all((mirror / name).is_file() for name in pictures), pictures
    story = tmp_path / "look.lua"
    story.write_text(LOOK)
    environment = {"HOME": str(tmp_path), "MIRROR": str(mirror), "PATH": "/usr/bin:/bin"}
    packpath = f"set packpath^={tmp_path / 'site'}"
    command = [nvim, "--clean", "--headless", "--cmd", packpath, "-c", f"luafile {story}", "-c", "qa!"]
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert "installed" in answer.stdout, answer.stderr
