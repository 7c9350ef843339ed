import { Api } from '../core/api';
import { fence } from '../core/format';
import { isFinal, type ExecuteMode, type ServerStatus, type Thread } from '../core/protocol';
import { Follower, type FollowedExecution } from './follower';
import { Layout } from './layout';
import { Observable } from './observable';
import { browserFetch, memory } from './ports';
import { ThreadSession } from './session';
import { Uploads } from './uploads';

export interface Problem { readonly key: number; readonly text: string }
export type Threads =
  | { readonly state: 'loading' }
  | { readonly state: 'ready'; readonly list: readonly Thread[] }
  | { readonly state: 'failed'; readonly error: string };

/** The page: which thread and execution are shown, and what the user can do. */
export class Athenic extends Observable {
  readonly api = new Api(browserFetch);
  readonly layout = new Layout();
  readonly follower = new Follower(this.api);
  uploads = new Uploads(this.api, () => this.#ensureThread());
  #threads: Threads = { state: 'loading' };
  #status: ServerStatus | undefined;
  #statusFailed = false;
  #session: ThreadSession | undefined;
  #unsubscribe: (() => void) | undefined;
  #creating: Promise<string> | undefined;
  #selected: string | undefined;
  #newest: string | undefined;
  #problems: readonly Problem[] = [];
  #nextKey = 1;
  #execute: ExecuteMode = mode(memory.get('execute'));

  get threads(): Threads { return this.#threads; }
  get status(): ServerStatus | undefined { return this.#status; }
  get statusFailed(): boolean { return this.#statusFailed; }
  get session(): ThreadSession | undefined { return this.#session; }
  get problems(): readonly Problem[] { return this.#problems; }
  get execute(): ExecuteMode { return this.#execute; }
  /** The execution that the run side shows. */
  get selected(): string | undefined { return this.#selected; }

  start(): void {
    addEventListener('popstate', () => this.#route());
    addEventListener('online', () => this.#wake());
    addEventListener('focus', () => this.#wake());
    let hiding: ReturnType<typeof setTimeout> | undefined;
    document.addEventListener('visibilitychange', () => {
      clearTimeout(hiding);
      // A browser has six connections for a host: pages that nobody looks at give theirs back.
      if (document.hidden) hiding = setTimeout(() => this.#session?.pause(), 60_000);
      else this.#wake();
    });
    this.#route();
    void this.refreshThreads();
    void this.refreshStatus();
  }

  #wake(): void {
    this.#session?.wake();
    this.follower.wake();
    void this.refreshThreads();
    if (this.#statusFailed || this.#status?.engine.status !== 'ready') void this.refreshStatus();
  }

  // ---- where we are

  #route(): void {
    const [, first, thread, second, execution] = location.pathname.split('/').map(decodeURIComponent);
    if (first !== 't' || thread === undefined || thread === '') {
      this.#show(undefined);
      return;
    }
    this.#show(thread);
    if (second === 'e' && execution !== undefined) {
      this.#selected = execution;
      this.layout.openRun();
    }
    this.changed();
  }

  open(thread: string | undefined): void {
    this.layout.closeSidebarOver();
    if (this.#session?.id === thread && thread !== undefined) return;
    history.pushState(null, '', thread === undefined ? '/' : `/t/${encodeURIComponent(thread)}`);
    this.#show(thread);
  }

  #show(thread: string | undefined): void {
    if (this.#session?.id === thread && thread !== undefined) return;
    this.#leave();
    this.uploads = new Uploads(this.api, () => this.#ensureThread());
    if (thread === undefined) this.layout.hideRun();
    else this.#enter(thread);
    this.changed();
  }

  #leave(): void {
    this.#unsubscribe?.();
    this.#session?.close();
    this.follower.close();
    this.#session = undefined;
    this.#selected = undefined;
    this.#newest = undefined;
    this.#creating = undefined;
  }

  #enter(thread: string): void {
    const session = new ThreadSession(thread, this.api, (changed) => this.#threadChanged(changed));
    this.#session = session;
    this.#unsubscribe = session.subscribe(() => this.#follow(session));
    void session.load();
  }

  /** Whenever a new execution appears it is the one that is shown. */
  #follow(session: ThreadSession): void {
    for (const { part } of session.executions) if (isFinal(part.status)) this.follower.peek(part.executionId)?.takeBack();
    const newest = session.executions.at(-1)?.part.executionId;
    if (newest !== undefined && newest !== this.#newest) {
      const first = this.#newest === undefined;
      this.#newest = newest;
      const named = session.executions.some((ref) => ref.part.executionId === this.#selected);
      if (!first || !named) this.#selected = newest;
      // The address named an older one, which is no longer what is shown.
      if (!first && location.pathname.includes('/e/')) history.replaceState(null, '', `/t/${encodeURIComponent(session.id)}`);
      if (!first || session.state?.run !== undefined) this.layout.setTab('output');
      this.layout.offerRun();
    } else if (newest === undefined && session.loading === 'ready' && this.layout.runOpen && this.layout.tab !== 'files') {
      this.layout.hideRun();
    }
    const thread = session.state?.thread;
    document.title = thread === undefined || thread.title === '' ? 'Athenic' : `${thread.title} – Athenic`;
    this.changed();
  }

  select(executionId: string): void {
    const session = this.#session;
    if (session === undefined) return;
    this.#selected = executionId;
    history.replaceState(null, '', `/t/${encodeURIComponent(session.id)}/e/${encodeURIComponent(executionId)}`);
    this.layout.openRun(this.layout.tab === 'files' ? 'output' : this.layout.tab);
    this.changed();
  }

  /** What is shown on the run side, followed from its beginning. */
  followed(): FollowedExecution | undefined {
    const ref = this.#session?.executions.find((known) => known.part.executionId === this.#selected);
    return ref === undefined ? undefined : this.follower.follow(ref);
  }

  // ---- threads

  async refreshThreads(): Promise<void> {
    try {
      this.#threads = { state: 'ready', list: await this.api.threads() };
    } catch (error) {
      if (this.#threads.state !== 'ready') this.#threads = { state: 'failed', error: text(error) };
    }
    this.changed();
  }

  async refreshStatus(): Promise<void> {
    try {
      this.#status = await this.api.status();
      this.#statusFailed = false;
    } catch {
      this.#statusFailed = true;
    }
    this.changed();
  }

  #threadChanged(thread: Thread): void {
    if (this.#threads.state !== 'ready') return;
    const others = this.#threads.list.filter((known) => known.id !== thread.id);
    this.#threads = { state: 'ready', list: [thread, ...others].sort((a, b) => b.updatedAt - a.updatedAt) };
    this.changed();
  }

  async rename(id: string, title: string): Promise<void> {
    const wanted = title.trim();
    if (wanted === '') return;
    await this.#attempt('The thread was not renamed.', async () => this.#threadChanged(await this.api.rename(id, wanted)));
  }

  async remove(id: string): Promise<void> {
    await this.#attempt('The thread was not deleted.', async () => {
      await this.api.deleteThread(id);
      if (this.#session?.id === id) this.open(undefined);
      if (this.#threads.state === 'ready') this.#threads = { state: 'ready', list: this.#threads.list.filter((thread) => thread.id !== id) };
    });
  }

  /** The thread of the page, made when the first message or file needs one. */
  async #ensureThread(): Promise<string> {
    if (this.#session !== undefined) return this.#session.id;
    this.#creating ??= this.api.createThread().then((thread) => {
      history.pushState(null, '', `/t/${encodeURIComponent(thread.id)}`);
      this.#threadChanged(thread);
      this.#enter(thread.id);
      return thread.id;
    }).finally(() => { this.#creating = undefined; });
    return this.#creating;
  }

  // ---- messages

  setExecute(execute: ExecuteMode): void {
    this.#execute = execute;
    memory.set('execute', execute);
    this.changed();
  }

  /** False: nothing was sent, the text stays in the composer. */
  async send(message: string, execute: ExecuteMode = this.#execute): Promise<boolean> {
    const uploads = this.uploads;
    if (!await uploads.settled()) {
      this.report('A file could not be uploaded. Try it again or remove it, then send.');
      return false;
    }
    try {
      await this.#ensureThread();
    } catch (error) {
      this.report(`The message was not sent. ${text(error)}`);
      return false;
    }
    const files = uploads.take();
    void this.#session?.send(message, files, execute);
    return true;
  }

  /** Runs code as a message of its own: what was run before stays. */
  async run(language: string, code: string): Promise<void> {
    await this.send(fence(language, code), 'always');
  }

  async stopRun(): Promise<void> {
    const session = this.#session;
    const run = session?.state?.run;
    if (session === undefined || run === undefined) return;
    const followed = this.followed();
    if (followed !== undefined && this.#selected === this.#newest) followed.stopping(Date.now());
    await this.#attempt('It was not stopped.', () => this.api.cancelRun(session.id, run.runId));
  }

  async stopExecution(followed: FollowedExecution): Promise<void> {
    followed.stopping(Date.now());
    // Both ways: the socket is faster, HTTP also works while the socket is being opened again.
    followed.stream.cancel();
    try {
      await this.api.cancelExecution(followed.executionId);
    } catch (error) {
      followed.stopping(undefined);
      this.report(`It was not stopped. ${text(error)}`);
    }
  }

  // ---- problems

  report(problem: string): void {
    const key = this.#nextKey++;
    this.#problems = [...this.#problems.slice(-2), { key, text: problem }];
    this.changed();
  }

  dismiss(key: number): void {
    this.#problems = this.#problems.filter((problem) => problem.key !== key);
    this.changed();
  }

  async #attempt(failure: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.report(`${failure} ${text(error)}`);
    }
    this.changed();
  }
}

const text = (error: unknown): string => error instanceof Error ? error.message : String(error);
const mode = (value: string | undefined): ExecuteMode => value === 'always' || value === 'never' ? value : 'auto';
