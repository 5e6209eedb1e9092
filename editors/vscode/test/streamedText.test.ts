import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StreamedText } from '../src/streamedText';

function streamed(parts: (string | undefined)[], whole: string): string[] {
  const shown: string[] = [];
  const text = new StreamedText((part) => shown.push(part));
  parts.forEach((part) => text.take(part));
  text.end(whole);
  return shown;
}

test('parts are passed on as they come, and nothing twice at the end', () => {
  assert.deepEqual(streamed(['It ', 'rains.'], 'It rains.'), ['It ', 'rains.']);
  assert.deepEqual(streamed(['It rains.\n'], 'It rains.'), ['It rains.\n']);
});

test('what did not come in parts comes at the end', () => {
  assert.deepEqual(streamed([], 'It rains.'), ['It rains.']);
  assert.deepEqual(streamed(['It '], 'It rains.'), ['It ', 'rains.']);
  assert.deepEqual(streamed([], ''), []);
});

test('an answer that begins again is said once where it says the same', () => {
  assert.deepEqual(streamed(['It rai', undefined, 'It ', 'rains.'], 'It rains.'), ['It rai', 'ns.']);
});

test('an answer that begins again with other words is a new paragraph', () => {
  assert.deepEqual(streamed(['It rai', undefined, 'Rain ', 'falls.'], 'Rain falls.'), [
    'It rai',
    '\n\nRain ',
    'falls.',
  ]);
});
