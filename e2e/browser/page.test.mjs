// The split screen in a real browser. ATHENIC_URL: the running server; SCREENSHOTS: where pictures go.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { foreign, launch, open } from './chromium.mjs';

const url = process.env.ATHENIC_URL ?? 'http://127.0.0.1:4000';
const folder = process.env.SCREENSHOTS ?? 'screenshots';
const WAIT = { timeout: 60_000 };

const LINES = 40;
// Stands still in the middle until the file comes, so that a slow machine sees the middle too.
const PLOT = `import os, time
import matplotlib.pyplot as plt
for i in range(1, ${LINES + 1}):
    print('line', i, flush=True)
    while i == ${LINES / 2} and not os.path.exists('go'): time.sleep(0.01)
    time.sleep(0.02)
plt.plot([1, 4, 9, 16])
plt.title('Squares')
plt.show()`;
const ALL = Array.from({ length: LINES }, (_, i) => `line ${i + 1}`);

let browser;
let session;
const by = (id) => session.page.getByTestId(id);

before(async () => {
  mkdirSync(folder, { recursive: true });
  browser = await launch();
});
after(() => browser?.close());
beforeEach(async () => { session = await open(browser, url); });
afterEach(async (context) => {
  await session.page.screenshot({ path: `${folder}/${context.name.replaceAll(/[^a-z]+/gi, '-')}.png` });
  const { requests, complaints } = session;
  await session.context.close();
  assert.deepEqual(foreign(requests, url), [], 'requests that left the origin');
  assert.deepEqual(complaints, [], 'errors in the console');
});

async function send(text) {
  await by('composer-input').fill(text, WAIT);
  await by('composer-send').click();
}
const fenced = (code) => `Please run this:\n\`\`\`python\n${code}\n\`\`\``;

async function go() {
  const thread = new URL(session.page.url()).pathname.replace('/t/', '');
  const sent = await fetch(`${url}/api/threads/${thread}/files?name=go`, { method: 'POST', headers: { 'Content-Type': 'application/octet-stream' }, body: 'go' });
  assert.equal(sent.status, 201, await sent.text());
}

/** One look at the run's side: everything from the same moment. */
const look = () => session.page.evaluate(() => {
  const at = (id) => document.querySelector(`[data-testid="${id}"]`);
  return { status: at('run-status')?.dataset.status, lines: (at('run-output')?.querySelector('pre')?.textContent ?? '').split('\n').filter((line) => line !== '') };
});
async function until(what, wanted) {
  const end = Date.now() + WAIT.timeout;
  let seen;
  while (Date.now() < end) {
    seen = await look();
    if (wanted(seen)) return seen;
    await session.page.waitForTimeout(20);
  }
  assert.fail(`not seen: ${what}; last: ${JSON.stringify(seen)}`);
}
const ended = ({ status }) => ['completed', 'error', 'cancelled', 'timeout'].includes(status);

async function seePicture() {
  if (!await by('run-image').first().isVisible()) await by('results-tab').click();
  await by('run-image').first().waitFor(WAIT);
  const width = await by('run-image').first().evaluate((image) => image.decode().then(() => image.naturalWidth));
  assert.ok(width > 100, `the picture is ${width} pixels wide`);
}

test('output is live and the picture is shown', { timeout: 300_000 }, async () => {
  await send(fenced(PLOT));
  const first = await until('the first line', ({ lines }) => lines.includes('line 1'));
  assert.equal(first.status, 'running');
  assert.ok(!first.lines.includes(`line ${LINES}`), 'the last line is not there yet');
  await go();

  const last = await until('the end', ended);
  assert.equal(last.status, 'completed');
  await until('every line', ({ lines }) => lines.length === LINES);
  assert.deepEqual((await look()).lines, ALL);
  await seePicture();
});

test('reload in the middle misses nothing', { timeout: 300_000 }, async () => {
  await send(fenced(PLOT));
  await until('some lines', ({ lines }) => lines.length >= 3);

  await session.page.reload();

  const again = await until('the output again', ({ lines }) => lines.includes('line 1'));
  assert.equal(again.status, 'running');
  await go();
  assert.equal((await until('the end', ended)).status, 'completed');
  await until('every line', ({ lines }) => lines.length >= LINES);
  assert.deepEqual((await look()).lines, ALL);
  await seePicture();
});

test('stop ends an endless loop', { timeout: 300_000 }, async () => {
  await send(fenced('n = 0\nwhile True:\n    n += 1\n    print(n)'));
  await until('output', ({ lines }) => lines.length > 10);
  assert.equal((await look()).status, 'running');

  await by('run-stop').click();

  assert.equal((await until('the end', ended)).status, 'cancelled');
});

test('the next message finds the variables of the one before, and its file is listed', { timeout: 300_000 }, async () => {
  await send(fenced("x = 41\nopen('report.csv', 'w').write('a,b\\n1,2\\n')\nprint('first done')"));
  await until('the first end', (seen) => ended(seen) && seen.lines.includes('first done'));
  await send(fenced("print('and', x + 1)"));
  await until('the second end', (seen) => ended(seen) && seen.lines.includes('and 42'));

  await by('files-tab').click();
  await by('file-row').filter({ hasText: 'report.csv' }).waitFor(WAIT);
});

test('an error is shown with its cause', { timeout: 300_000 }, async () => {
  await send(fenced("print('before')\n{}['missing']"));
  assert.equal((await until('the end', ended)).status, 'error');
  await by('run-error').getByText('KeyError').first().waitFor(WAIT);
});

test('an example of the empty state works without a model', { timeout: 300_000 }, async () => {
  await by('example').first().waitFor(WAIT);
  assert.ok(await by('example').count() >= 3);
  await by('example').first().click();
  if (await by('composer-input').evaluate((input) => (input.value ?? input.textContent) !== '')) await by('composer-send').click();
  assert.equal((await until('the end', ended)).status, 'completed');
});

test('a thread stays in the list and has an address of its own', { timeout: 300_000 }, async () => {
  await send('$ echo kept-in-the-list');
  await until('the end', ended);
  const address = session.page.url();
  assert.match(address, /\/t\//);

  await session.page.goto(url);
  await by('thread-item').filter({ hasText: 'kept-in-the-list' }).first().click();

  await until('the output', ({ lines }) => lines.includes('kept-in-the-list'));
  assert.equal(session.page.url(), address);
});
