import { useLayoutEffect, useRef } from 'preact/hooks';
import type { Stop } from '../src/panels/messages';

/** Space at both ends, in CSS pixels. */
const EDGE = 8;

interface Tick {
  tall: boolean;
  marked: boolean;
  here: boolean;
}

/**
 * The checkpoints as ticks: those on the line to where things stand above, other branches below. However many there
 * are, one tick is drawn for each pixel and side; what is chosen, current or named wins over its neighbours.
 */
export function Track({ stops, at }: { stops: Stop[]; at: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const it = canvas.current;
    const context = it?.getContext('2d');
    if (!it || !context) return;
    const scale = window.devicePixelRatio;
    it.width = it.clientWidth * scale;
    it.height = it.clientHeight * scale;
    const style = getComputedStyle(it);
    const plain = style.color;
    const marked = style.getPropertyValue('--vscode-focusBorder') || plain;
    const middle = it.height / 2;
    for (const [x, tick] of ticks(stops, at, it.width - 2 * EDGE * scale)) {
      const height = it.height * (tick.tall ? 0.5 : 0.3);
      context.fillStyle = tick.marked ? marked : plain;
      context.globalAlpha = tick.here ? 1 : 0.4;
      const top = tick.here ? middle - height : middle;
      context.fillRect(EDGE * scale + Math.abs(x), top, Math.max(1, 2 * scale), height);
    }
  }, [stops, at]);
  return <canvas ref={canvas} class="track" aria-hidden="true" />;
}

/** One tick for each pixel; those of other branches are kept under negative keys. */
function ticks(stops: Stop[], at: number, width: number): Map<number, Tick> {
  const step = stops.length > 1 ? width / (stops.length - 1) : 0;
  const found = new Map<number, Tick>();
  for (const [index, { here, current, kind }] of stops.entries()) {
    const marked = index === at || current;
    const tall = marked || kind === 'manual';
    const x = Math.round(index * step);
    const key = here ? x : -x - 1;
    const before = found.get(key);
    if (!before || (marked && !before.marked) || (tall && !before.tall)) found.set(key, { tall, marked, here });
  }
  return found;
}
