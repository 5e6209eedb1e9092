import { useLayoutEffect, useRef, useState } from 'preact/hooks';

interface Choice {
  id: string;
  label: string;
  detail: string;
  current: boolean;
}

interface Props {
  label: string;
  name: string;
  hint: string;
  items: Choice[];
  opened?(): void;
  choose(id: string): void;
}

/** A button that opens a list above itself; arrows move, Enter chooses, Escape closes. */
export function Menu({ label, name, hint, items, opened, choose }: Props) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const toggle = () => {
    if (!open) opened?.();
    setOpen(!open);
  };
  const rows = () => [...(root.current?.querySelectorAll<HTMLElement>('[role=menuitemradio]') ?? [])];
  const currentRow = (all: HTMLElement[]) => all.find((row) => row.ariaChecked === 'true') ?? all[0];
  // In the same task as the rows are drawn: a key that comes right after them must find the focus where it stays. Rows that
  // arrive later leave it where the user has moved it.
  useLayoutEffect(() => {
    if (!open) return;
    const all = rows();
    if (!all.includes(document.activeElement as HTMLElement)) currentRow(all)?.focus();
  }, [open, items.length]);
  useLayoutEffect(() => {
    if (!open) return undefined;
    const outside = (event: Event) => !root.current?.contains(event.target as Node) && setOpen(false);
    document.addEventListener('pointerdown', outside);
    return () => document.removeEventListener('pointerdown', outside);
  }, [open]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (!open) return;
    const all = rows();
    const at = all.indexOf(document.activeElement as HTMLElement);
    if (event.key === 'Escape') {
      setOpen(false);
      button.current?.focus();
    } else if (event.key === 'ArrowDown') all[(at + 1) % all.length]?.focus();
    else if (event.key === 'ArrowUp') all[at < 0 ? all.length - 1 : (at - 1 + all.length) % all.length]?.focus();
    else if (event.key === 'Tab') setOpen(false);
    else return;
    if (event.key !== 'Tab') event.preventDefault();
  };
  return (
    <div ref={root} class="menu" onKeyDown={onKeyDown}>
      <button
        ref={button}
        type="button"
        class="picker"
        title={hint}
        aria-label={`${name}: ${label}`}
        aria-haspopup="menu"
        aria-expanded={open}
        onClick={toggle}
      >
        {label} ▾
      </button>
      {open && (
        <div class="menu-items" role="menu" aria-label={name}>
          {items.map((item) => (
            <button
              key={item.id}
              type="button"
              role="menuitemradio"
              aria-checked={item.current}
              class={item.current ? 'current' : ''}
              onClick={() => {
                setOpen(false);
                button.current?.focus();
                choose(item.id);
              }}
            >
              <span>{item.label}</span>
              <span class="detail">{item.detail}</span>
            </button>
          ))}
        </div>
      )}
    </div>
  );
}
