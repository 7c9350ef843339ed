import { Observable } from './observable';
import { memory } from './ports';

export const CHAT_MIN = 380;
export const RUN_MIN = 360;
/** Chat's share of the width that chat and run have together. */
export const DEFAULT_SPLIT = 0.44;
export const WIDE = 900;
/** From here on the thread list has room beside both panes. */
export const ROOMY = 1180;

export type Theme = 'system' | 'light' | 'dark';
export type RunTab = 'code' | 'output' | 'results' | 'files';

export class Layout extends Observable {
  #width = innerWidth;
  #split = clamp(Number(memory.get('split') ?? DEFAULT_SPLIT));
  #sidebar: boolean | undefined = flag(memory.get('sidebar'));
  #sidebarOver = false;
  #runOpen = false;
  #closedByUser = memory.get('run') === 'closed';
  #front: 'chat' | 'run' = 'chat';
  #tab: RunTab = 'output';
  #theme: Theme = theme(memory.get('theme'));

  constructor() {
    super();
    addEventListener('resize', () => { this.#width = innerWidth; this.changed(); });
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.changed());
  }

  get wide(): boolean { return this.#width >= WIDE; }
  get split(): number { return this.#split; }
  /** Beside the chat; where it does not fit it opens over it. */
  get sidebar(): boolean { return this.#width >= ROOMY && (this.#sidebar ?? true); }
  get sidebarOver(): boolean { return this.#sidebarOver && !this.sidebar; }
  get runOpen(): boolean { return this.#runOpen; }
  get front(): 'chat' | 'run' { return this.#front; }
  get tab(): RunTab { return this.#tab; }
  get theme(): Theme { return this.#theme; }
  get dark(): boolean {
    return this.#theme === 'dark' || (this.#theme === 'system' && matchMedia('(prefers-color-scheme: dark)').matches);
  }

  setSplit(share: number): void {
    this.#split = clamp(share);
    memory.set('split', this.#split.toFixed(4));
    this.changed();
  }

  toggleSidebar(): void {
    if (this.#width >= ROOMY) {
      this.#sidebar = !this.sidebar;
      memory.set('sidebar', this.#sidebar ? 'open' : 'closed');
    } else this.#sidebarOver = !this.#sidebarOver;
    this.changed();
  }

  closeSidebarOver(): void {
    if (!this.#sidebarOver) return;
    this.#sidebarOver = false;
    this.changed();
  }

  /** An execution began, or a thread that has some was opened: shown where there is room, unless the user closed the pane. */
  offerRun(): void {
    if (!this.#closedByUser) this.#runOpen = true;
    this.changed();
  }

  openRun(tab?: RunTab): void {
    this.#closedByUser = false;
    memory.set('run', undefined);
    this.#runOpen = true;
    this.#front = 'run';
    if (tab !== undefined) this.#tab = tab;
    this.changed();
  }

  closeRun(): void {
    this.#closedByUser = true;
    memory.set('run', 'closed');
    this.#runOpen = false;
    this.#front = 'chat';
    this.changed();
  }

  /** A thread without executions has nothing to show; that is not the user's wish to keep it closed. */
  hideRun(): void {
    this.#runOpen = false;
    this.#front = 'chat';
    this.changed();
  }

  setFront(front: 'chat' | 'run'): void {
    this.#front = front;
    if (front === 'run') this.#runOpen = true;
    this.changed();
  }

  setTab(tab: RunTab): void {
    this.#tab = tab;
    this.changed();
  }

  setTheme(theme: Theme): void {
    this.#theme = theme;
    memory.set('theme', theme === 'system' ? undefined : theme);
    if (theme === 'system') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = theme;
    this.changed();
  }
}

const clamp = (share: number): number => Number.isFinite(share) ? Math.min(0.8, Math.max(0.2, share)) : DEFAULT_SPLIT;
const flag = (value: string | undefined): boolean | undefined => value === undefined ? undefined : value === 'open';
const theme = (value: string | undefined): Theme => value === 'light' || value === 'dark' ? value : 'system';
