import { useRef, type KeyboardEvent, type PointerEvent, type ReactElement, type RefObject } from 'react';
import { CHAT_MIN, DEFAULT_SPLIT, RUN_MIN } from '../app/layout';
import { useAthenic } from './context';

/** Between chat and run: drag, arrow keys (with Shift in larger steps), Home, End, double click for the default. */
export function Separator({ panes }: { readonly panes: RefObject<HTMLDivElement | null> }): ReactElement {
  const { layout } = useAthenic();
  const dragging = useRef(false);
  const bounds = (): { readonly low: number; readonly high: number; readonly left: number; readonly width: number } => {
    const box = panes.current?.getBoundingClientRect();
    const width = box?.width ?? innerWidth;
    return { low: CHAT_MIN / width, high: 1 - RUN_MIN / width, left: box?.left ?? 0, width };
  };
  const set = (share: number): void => {
    const { low, high } = bounds();
    layout.setSplit(Math.max(low, Math.min(high, share)));
  };
  const move = (event: PointerEvent): void => {
    if (!dragging.current) return;
    const { left, width } = bounds();
    set((event.clientX - left) / width);
  };
  const key = (event: KeyboardEvent): void => {
    const step = event.shiftKey ? 0.1 : 0.02;
    const to = { ArrowLeft: layout.split - step, ArrowRight: layout.split + step, Home: 0, End: 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    set(to);
  };
  return (
    <div className="separator" role="separator" tabIndex={0} aria-orientation="vertical" aria-label="Width of the chat"
      aria-valuenow={Math.round(layout.split * 100)} aria-valuemin={20} aria-valuemax={80} title="Drag to resize, double-click to reset"
      onPointerDown={(event) => { dragging.current = true; event.currentTarget.setPointerCapture(event.pointerId); event.preventDefault(); }}
      onPointerMove={move}
      onPointerUp={() => { dragging.current = false; }}
      onPointerCancel={() => { dragging.current = false; }}
      onDoubleClick={() => layout.setSplit(DEFAULT_SPLIT)}
      onKeyDown={key} data-testid="separator" />
  );
}
