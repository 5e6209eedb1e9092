import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { onPath } from '../src/programs';

test('what uv or pipx has just installed is found, also where no PATH names its folder; the PATH comes first', async () => {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'home-'));
  const { HOME, PATH } = process.env;
  const add = (folder: string) => {
    fs.mkdirSync(path.join(home, folder), { recursive: true });
    fs.writeFileSync(path.join(home, folder, 'a-server'), '', { mode: 0o755 });
    return path.join(home, folder, 'a-server');
  };
  try {
    Object.assign(process.env, { HOME: home, PATH: path.join(home, 'bin') });
    assert.equal(await onPath('a-server'), undefined);
    const installed = add('.local/bin');
    assert.equal(await onPath('a-server'), installed);
    assert.equal(await onPath('a-server'), installed);
    const named = add('bin');
    assert.equal(await onPath('a-server'), named);
  } finally {
    Object.assign(process.env, { HOME, PATH });
    fs.rmSync(home, { recursive: true });
  }
});
