import type { ComponentChildren } from 'preact';
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { t } from './l10n';

/** Pixels around what is in sight that are drawn too. */
const MARGIN = 1500;
/** Height of a turn that was never drawn. */
const GUESS = 160;
const NEAR_END = 48;
/** Turns at the end that are drawn at once. */
const FIRST = 6;

interface RowProps {
  id: string;
  near: boolean;
  observe(element: HTMLElement): () => void;
  children(): ComponentChildren;
}

/** One row: its content while it is near what is in sight, else a space of the same height. */
function Row({ id, near, observe, children }: RowProps) {
  const element = useRef<HTMLDivElement>(null);
  const [shown, setShown] = useState(near);
  const height = useRef(GUESS);
  useEffect(() => {
    const it = element.current;
    if (!it) return undefined;
    const show = (event: Event) => {
      const wanted = (event as CustomEvent<boolean>).detail;
      if (!wanted && it.contains(document.activeElement)) return; // the keyboard is in it
      if (!wanted) height.current = it.offsetHeight || GUESS;
      setShown(wanted);
    };
    it.addEventListener('near', show);
    const stop = observe(it);
    return () => {
      it.removeEventListener('near', show);
      stop();
    };
  }, [observe]);
  return (
    <div ref={element} class="row" data-row={id} style={shown ? undefined : { height: `${height.current}px` }}>
      {shown && children()}
    </div>
  );
}

/** Draws rows as they come near: what is in sight at once, the rest one in a frame, so that no frame is long. */
class Drawing {
  private readonly waiting = new Set<Element>();
  private frame = 0;

  take({ target, isIntersecting, boundingClientRect: box, rootBounds: root }: IntersectionObserverEntry): void {
    const inSight = root && box.bottom > root.top + MARGIN && box.top < root.bottom - MARGIN;
    if (!isIntersecting || inSight) {
      this.waiting.delete(target);
      tell(target, isIntersecting);
    } else {
      this.waiting.add(target);
      this.next();
    }
  }

  private next(): void {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      const [first] = this.waiting;
      if (!first) return;
      this.waiting.delete(first);
      tell(first, true);
      this.next();
    });
  }
}

const tell = (row: Element, near: boolean): boolean => row.dispatchEvent(new CustomEvent('near', { detail: near }));

const endInSight = ({ scrollHeight, scrollTop, clientHeight }: HTMLElement): boolean =>
  scrollHeight - scrollTop - clientHeight < NEAR_END;

interface Props {
  rows: { id: string; draw(): ComponentChildren }[];
  /** Changes when the list shows something else altogether: then its end comes in sight. */
  of: string | null;
  /** Changes when the user sends something: then too. */
  sent: number;
  /** Output comes in. */
  grows: boolean;
  after: ComponentChildren;
}

/**
 * A list of which only what is near is in the document. It follows its end while that is in sight, and never moves
 * under the eyes of who reads above: there the browser's scroll anchoring holds what is in sight in its place.
 */
export function List({ rows, of, sent, grows, after }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const growing = useRef(grows);
  growing.current = grows;
  const height = useRef(0);
  const [away, setAway] = useState(false);
  const [news, setNews] = useState(false);
  const drawing = useRef(new Drawing());
  const observer = useRef<IntersectionObserver | null>(null);

  const toEnd = useCallback(() => {
    const it = scroller.current;
    if (it) it.scrollTop = it.scrollHeight;
  }, []);
  const observe = useCallback((element: HTMLElement) => {
    observer.current ??= new IntersectionObserver(
      (entries) => {
        for (const entry of entries) drawing.current.take(entry);
      },
      { root: scroller.current, rootMargin: `${MARGIN}px 0px` },
    );
    observer.current.observe(element);
    return () => observer.current?.unobserve(element);
  }, []);
  const onScroll = () => {
    const it = scroller.current;
    if (!it) return;
    // A list that became lower scrolls by itself; that is nobody who went away from its end.
    if (it.clientHeight !== height.current) return;
    follows.current = endInSight(it);
    setAway(!follows.current);
    if (follows.current) setNews(false);
  };

  useEffect(() => {
    const resized = new ResizeObserver((entries) => {
      const it = scroller.current;
      height.current = it?.clientHeight ?? 0;
      // What became shorter may have its end in sight again.
      if (it && endInSight(it)) {
        follows.current = true;
        setAway(false);
        setNews(false);
      }
      if (follows.current) toEnd();
      else if (growing.current && entries.some(({ target }) => target === content.current)) setNews(true);
    });
    if (content.current) resized.observe(content.current);
    if (scroller.current) resized.observe(scroller.current);
    return () => resized.disconnect();
  }, [toEnd]);
  useLayoutEffect(() => {
    follows.current = true;
    setAway(false);
    toEnd();
  }, [of, sent, toEnd]);

  return (
    <div class="list">
      <div ref={scroller} class="scroller" onScroll={onScroll} tabIndex={0} role="log" aria-label={t('Conversation')}>
        <div ref={content}>
          {rows.map(({ id, draw }, index) => (
            <Row key={id} id={id} near={index >= rows.length - FIRST} observe={observe}>
              {draw}
            </Row>
          ))}
          {after}
        </div>
      </div>
      {away && (
        <button
          type="button"
          class="to-end"
          onClick={() => {
            follows.current = true;
            toEnd();
          }}
        >
          {news ? t('↓ new output') : t('↓ to the end')}
        </button>
      )}
    </div>
  );
}
