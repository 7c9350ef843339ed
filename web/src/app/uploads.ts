import type { Api } from '../core/api';
import { Observable } from './observable';

export const MAX_UPLOAD = 100 * 1024 * 1024;

export interface Attachment {
  readonly key: number;
  readonly file: File;
  readonly state: 'uploading' | 'ready' | 'failed';
  readonly path?: string;
  readonly error?: string;
}

/** Files of the message that is being written. They go up at once; sending waits for them. */
export class Uploads extends Observable {
  readonly #api: Api;
  readonly #threadId: () => Promise<string>;
  #items: readonly Attachment[] = [];
  readonly #going = new Map<number, Promise<void>>();
  #nextKey = 1;

  constructor(api: Api, threadId: () => Promise<string>) {
    super();
    this.#api = api;
    this.#threadId = threadId;
  }

  get items(): readonly Attachment[] { return this.#items; }

  add(files: Iterable<File>): void {
    for (const file of files) {
      const key = this.#nextKey++;
      this.#items = [...this.#items, { key, file, state: 'uploading' }];
      this.#start(key, file);
    }
    this.changed();
  }

  retry(key: number): void {
    const item = this.#items.find((known) => known.key === key);
    if (item === undefined) return;
    this.#replace(key, { key, file: item.file, state: 'uploading' });
    this.#start(key, item.file);
  }

  remove(key: number): void {
    this.#items = this.#items.filter((item) => item.key !== key);
    this.changed();
  }

  /** Waits until nothing is on its way any more; false when one failed (the message then stays where it is). */
  async settled(): Promise<boolean> {
    await Promise.all(this.#going.values());
    return this.#items.every((item) => item.state === 'ready');
  }

  take(): readonly string[] {
    const paths = this.#items.flatMap((item) => item.path === undefined ? [] : [item.path]);
    this.#items = [];
    this.changed();
    return paths;
  }

  #start(key: number, file: File): void {
    const going = this.#upload(key, file).finally(() => this.#going.delete(key));
    this.#going.set(key, going);
  }

  async #upload(key: number, file: File): Promise<void> {
    try {
      if (file.size > MAX_UPLOAD) throw new Error('It is larger than 100 MB, the most that can be sent at once. Split or compress it.');
      const { path } = await this.#api.upload(await this.#threadId(), file.name, file);
      this.#replace(key, { key, file, state: 'ready', path });
    } catch (error) {
      this.#replace(key, { key, file, state: 'failed', error: error instanceof Error ? error.message : String(error) });
    }
  }

  #replace(key: number, item: Attachment): void {
    this.#items = this.#items.map((known) => known.key === key ? item : known);
    this.changed();
  }
}
