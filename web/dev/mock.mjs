// A stand-in for the server while one works on the page: speaks docs/PROTOCOL.md sections 6 and 7 with scripted executions.
// Not shipped and not used by any test. `npm run mock` (port 4170), then `npm run dev` (port 4171).
import { createServer } from 'node:http';
import { randomBytes } from 'node:crypto';
import { deflateSync } from 'node:zlib';
import { readFile } from 'node:fs/promises';
import { WebSocketServer } from 'ws';

const port = Number(process.env.PORT ?? 4170);
const dist = new URL('../dist/', import.meta.url);
const id = () => randomBytes(6).toString('hex');
const now = () => new Date().toISOString();
const sleep = (millis) => new Promise((done) => setTimeout(done, millis));
const threads = new Map();
const executions = new Map();

// A real PNG, drawn here: two curves on paper.
function png(width, height) {
  const raw = Buffer.alloc((width * 3 + 1) * height, 255);
  const dot = (x, y, color) => {
    for (let dx = -1; dx <= 1; dx++) for (let dy = -1; dy <= 1; dy++) {
      const at = (y + dy) * (width * 3 + 1) + 1 + (x + dx) * 3;
      if (at > 0 && at + 3 < raw.length) color.forEach((c, i) => { raw[at + i] = c; });
    }
  };
  for (let y = 0; y < height; y++) raw[y * (width * 3 + 1)] = 0;
  for (let x = 40; x < width - 20; x++) {
    dot(x, height - 30, [120, 120, 120]);
    dot(x, Math.round(height / 2 - Math.sin(x / 50) * (height / 3)), [91, 107, 46]);
    dot(x, Math.round(height / 2 - Math.cos(x / 70) * (height / 4)), [182, 113, 33]);
  }
  for (let y = 20; y < height - 30; y++) dot(40, y, [120, 120, 120]);
  const table = Array.from({ length: 256 }, (_, n) => { let c = n; for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1; return c >>> 0; });
  const crc = (bytes) => { let c = 0xffffffff; for (const b of bytes) c = table[(c ^ b) & 255] ^ (c >>> 8); return (c ^ 0xffffffff) >>> 0; };
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const out = Buffer.alloc(8 + body.length);
    out.writeUInt32BE(data.length, 0); body.copy(out, 4); out.writeUInt32BE(crc(body), 4 + body.length);
    return out;
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0); head.writeUInt32BE(height, 4); head.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), chunk('IHDR', head), chunk('IDAT', deflateSync(raw)), chunk('IEND', Buffer.alloc(0))]).toString('base64');
}

class Execution {
  constructor(thread, language, code) {
    Object.assign(this, { executionId: `ex${id()}`, clientId: `cl${id()}`, thread, language, code, status: 'starting', log: [], readers: new Set(), startedAt: Date.now(), cancelled: false });
    executions.set(this.executionId, this);
  }
  add(type, fields) {
    const message = { type, sequence: this.log.length + 1, timestamp: now(), executionId: this.executionId, ...fields };
    this.log.push(JSON.stringify(message));
    for (const wake of this.readers) wake();
    return message;
  }
  set(status, message, more = {}) { this.status = status; this.add('status', { status, message, sandboxId: this.thread.sandbox.sandboxId, ...more }); }
  async run() {
    const results = [];
    const result = (data) => { results.push(data); this.add('result', { data: { is_main_result: true, ...data } }); };
    this.set('starting', 'Waiting for the sandbox');
    await sleep(120);
    this.set('running', 'Running');
    const c = this.code;
    let failed = false;
    if (/while True/.test(c)) {
      for (let n = 0; !this.cancelled;) {
        let lines = '';
        for (let i = 0; i < 4000; i++) lines += `${n++}\n`;
        this.add('stdout', { data: lines });
        await sleep(1);
        if (this.log.length > 20000) break;
      }
    } else if (/1\/0|raise/.test(c)) {
      this.add('stdout', { data: 'about to divide\n' });
      await sleep(200);
      failed = true;
      this.add('error', {
        error: 'ZeroDivisionError: division by zero', name: 'ZeroDivisionError', value: 'division by zero',
        traceback: '\u001b[31m---------------------------------------------------------------------------\u001b[39m\n\u001b[31mZeroDivisionError\u001b[39m                         Traceback (most recent call last)\n\u001b[36mCell\u001b[39m\u001b[36m \u001b[39m\u001b[32mIn[1]\u001b[39m\u001b[32m, line 2\u001b[39m\n\u001b[32m      1\u001b[39m \u001b[38;5;28mprint\u001b[39m(\u001b[33m"about to divide"\u001b[39m)\n\u001b[32m----> \u001b[39m\u001b[32m2\u001b[39m \u001b[32;43m1\u001b[39;49m\u001b[32;43m/\u001b[39;49m\u001b[32;43m0\u001b[39;49m\n\n\u001b[31mZeroDivisionError\u001b[39m: division by zero',
      });
    } else if (/plot|plt/.test(c)) {
      for (let i = 1; i <= 5 && !this.cancelled; i++) { this.add('stdout', { data: `step ${i} of 5\n` }); await sleep(400); }
      if (!this.cancelled) result({ text: '<Figure size 640x400 with 1 Axes>', png: png(640, 400) });
    } else if (/pandas|read_csv/.test(c)) {
      this.add('stdout', { data: 'Rows: 6\n' });
      await sleep(150);
      const rows = [['north', 'tea', 1240.5], ['north', 'coffee', 980], ['south', 'tea', 312.25], ['south', 'coffee', 2210], ['west', 'tea', 45], ['west', 'coffee', 1333.1]];
      result({
        text: '   region  product  revenue',
        html: `<div><table border="1" class="dataframe"><thead><tr style="text-align: right;"><th></th><th>region</th><th>product</th><th>revenue</th></tr></thead><tbody>${rows.map((r, i) => `<tr><th>${i}</th>${r.map((v) => `<td>${v}</td>`).join('')}</tr>`).join('')}</tbody></table></div>`,
      });
      result({ json: { total: 6120.85, best: { region: 'south', product: 'coffee' }, rows: [1, 2, 3], empty: null, done: true } });
      result({ markdown: '**South** sells the most *coffee*.\n\n- one\n- two' });
      result({ svg: '<svg xmlns="http://www.w3.org/2000/svg" width="240" height="80"><rect x="10" y="20" width="40" height="50" fill="#5b6b2e"/><rect x="70" y="40" width="40" height="30" fill="#b67121"/><rect x="130" y="10" width="40" height="60" fill="#5b6b2e"/></svg>' });
      result({ latex: '$$\\int_0^1 x^2\\,dx = \\frac{1}{3}$$' });
      result({ html: '<h2>Report</h2><p>HTML in a <b>frame</b>.</p><script>parent.document.title = "broken out"</script>' });
      result({ javascript: 'alert(1)' });
    } else if (/tqdm|progress/.test(c)) {
      for (let i = 0; i <= 20 && !this.cancelled; i++) { this.add('stderr', { data: `\r${String(i * 5).padStart(3)}%|${'█'.repeat(i)}${' '.repeat(20 - i)}| ${i}/20` }); await sleep(150); }
      this.add('stderr', { data: '\n' });
      this.add('stdout', { data: '\u001b[32mdone\u001b[0m \u001b[1mbold\u001b[0m\n' });
    } else if (this.language === 'bash') {
      this.add('stdout', { data: 'total 12\ndrwxr-xr-x 1 user user   60 Nov 22 23:11 \u001b[1;34m.\u001b[0m\ndrwxr-xr-x 1 root root   80 Nov 22 23:11 \u001b[1;34m..\u001b[0m\n-rw-r--r-- 1 user user  220 Nov 22 23:11 .bashrc\n-rw-r--r-- 1 user user 3100 Nov 22 23:11 sales.csv\n' });
    } else {
      this.add('stdout', { data: '42\n' });
      result({ text: '42' });
    }
    const duration = Date.now() - this.startedAt;
    if (this.cancelled) this.set('cancelled', 'Stopped by an interrupt', { duration });
    else {
      this.add('result', { data: { message: 'Execution completed', duration, results }, duration });
      this.set(failed ? 'error' : 'completed', failed ? 'ZeroDivisionError: division by zero' : 'Completed', { duration });
    }
  }
}

const view = ({ listeners: _l, log: _e, messages: _m, files: _f, run: _r, ...rest }) => rest;
function emit(thread, event) {
  const item = { id: thread.log.length + 1, event: { threadId: thread.id, at: now(), ...event } };
  thread.log.push(item);
  for (const send of thread.listeners) send(item);
}
function newThread(title) {
  const thread = { id: `t${id()}`, title: title || 'New thread', createdAt: now(), updatedAt: now(), log: [], listeners: new Set(), messages: [], files: new Map(), run: null };
  threads.set(thread.id, thread);
  return thread;
}

async function answer(thread, user, runId) {
  const base = { runId };
  const message = { id: `m${id()}`, threadId: thread.id, role: 'assistant', createdAt: now(), status: 'running', parts: [] };
  thread.run = { runId, messageId: message.id, status: 'deciding' };
  const state = (status, detail) => { thread.run.status = status; emit(thread, { type: 'run', ...base, messageId: message.id, status, ...(detail ? { detail } : {}) }); };
  thread.messages.push(message);
  emit(thread, { type: 'message', message });
  state('deciding');
  await sleep(150);
  const text = user.parts.find((part) => part.type === 'text')?.text ?? '';
  const fenced = /(`{3,})(\w*)\n([\s\S]*?)\n?\1/.exec(text);
  const shell = /^\$ (.+)/m.exec(text);
  if (fenced || shell) {
    thread.sandbox ??= { sandboxId: `sb${id()}`, state: 'running' };
    const execution = new Execution(thread, fenced ? fenced[2] || 'python' : 'bash', fenced ? fenced[3] : shell[1]);
    const part = { type: 'execution', executionId: execution.executionId, clientId: execution.clientId, language: execution.language, code: execution.code, status: 'starting', reason: fenced ? 'The message contains a Python block to run.' : 'The message is a command.' };
    message.parts.push(part);
    const url = process.env.WS_URL ?? `ws://localhost:${port}`;
    message.data = { requiresE2B: true, e2bWebSocketUrl: url, clientId: part.clientId, executionId: part.executionId, initialStatus: 'starting' };
    const event = () => emit(thread, { type: 'execution', messageId: message.id, e2bWebSocketUrl: url, ...part, type: 'execution' });
    state('starting'); event(); state('running');
    await execution.run();
    part.status = execution.status;
    part.summary = `Ran in ${Date.now() - execution.startedAt} ms`;
    event();
    if (/plot/.test(execution.code)) { thread.files.set('/home/user/plot.png', Buffer.from(png(640, 400), 'base64')); emit(thread, { type: 'files' }); }
    state('answering');
    const words = execution.status === 'completed' ? 'Done. The code ran **without an error**; its output is on the right.\n\nYou can:\n\n1. change it with `Edit and run`\n2. download the file' : execution.status === 'cancelled' ? 'The execution was stopped.' : 'The code failed: it divides by zero in line 2.';
    const index = message.parts.length;
    message.parts.push({ type: 'text', text: '' });
    for (const word of words.split(/(?<= )/)) { message.parts[index].text += word; emit(thread, { type: 'delta', messageId: message.id, part: index, text: word }); await sleep(25); }
    message.status = execution.status === 'cancelled' ? 'cancelled' : 'complete';
    state(execution.status === 'cancelled' ? 'cancelled' : 'complete');
  } else {
    message.parts.push({ type: 'notice', level: 'info', text: 'No model is configured, so there is no one to answer in words. Send code in a fenced block, or a command as `$ ls -la`. To get answers, set ANTHROPIC_API_KEY or OPENAI_API_KEY and start Athenic again.' });
    message.status = 'complete';
    state('complete');
  }
  emit(thread, { type: 'message', message });
  thread.run = null;
}

const json = (response, status, value) => { response.writeHead(status, { 'content-type': 'application/json' }); response.end(JSON.stringify(value)); };
const fail = (response, status, code, error) => json(response, status, { error, code });
const body = async (request) => { const parts = []; for await (const part of request) parts.push(part); return Buffer.concat(parts); };

const server = createServer(async (request, response) => {
  const url = new URL(request.url, 'http://mock');
  const path = url.pathname.split('/').slice(1).map(decodeURIComponent);
  const at = `${request.method} ${path.map((p, i) => (path[0] === 'api' && i === 2) || (path[0] === 'executions' && i === 1) || (path[3] === 'runs' && i === 4) ? '*' : p).join('/')}`;
  const thread = threads.get(path[2]);
  if (path[0] === 'api' && path[1] === 'threads' && path[2] && !thread) return fail(response, 404, 'not_found', `No thread ${path[2]}: it was deleted, or the address is wrong`);
  switch (at) {
    case 'GET api/status': return json(response, 200, { version: '0.1.0-mock', engine: { status: process.env.ENGINE ?? 'ready', detail: 'pool 3 of 3' }, model: { status: process.env.MODEL ?? 'absent', detail: 'Set ANTHROPIC_API_KEY, OPENAI_API_KEY or OLLAMA_URL' } });
    case 'GET api/threads': return json(response, 200, { threads: [...threads.values()].map(view).sort((a, b) => b.updatedAt.localeCompare(a.updatedAt)) });
    case 'POST api/threads': return json(response, 201, view(newThread(JSON.parse((await body(request)).toString() || '{}').title)));
    case 'GET api/threads/*': return json(response, 200, { ...view(thread), messages: thread.messages, lastEvent: thread.log.length, ...(thread.run ? { activeRun: thread.run } : {}) });
    case 'PATCH api/threads/*': thread.title = JSON.parse(await body(request)).title; emit(thread, { type: 'thread', thread: view(thread) }); return json(response, 200, view(thread));
    case 'DELETE api/threads/*': threads.delete(thread.id); response.writeHead(204); return response.end();
    case 'POST api/threads/*/messages': {
      const { text, files = [] } = JSON.parse(await body(request));
      if (!text) return fail(response, 400, 'invalid_request', 'text: a text was expected');
      if (text.includes('FAIL')) return fail(response, 503, 'sandbox_unavailable', 'The engine is not up yet. Try again in a moment.');
      if (thread.run) return fail(response, 409, 'conflict', 'A run of this thread is still active');
      const message = { id: `m${id()}`, threadId: thread.id, role: 'user', createdAt: now(), status: 'complete', parts: [{ type: 'text', text }, ...files.map((f) => ({ type: 'file', path: f, size: thread.files.get(f)?.length ?? 0 }))] };
      thread.messages.push(message);
      thread.updatedAt = now();
      const runId = `r${id()}`;
      emit(thread, { type: 'message', message });
      if (thread.title === 'New thread') { thread.title = text.replace(/[`#]/g, '').trim().split('\n')[0].slice(0, 60); emit(thread, { type: 'thread', thread: view(thread) }); }
      answer(thread, message, runId);
      return json(response, 202, { messageId: message.id, runId });
    }
    case 'GET api/threads/*/events': {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      const send = (item) => response.write(`id: ${item.id}\ndata: ${JSON.stringify(item.event)}\n\n`);
      response.write(': hello\n\n');
      thread.log.slice(Number(url.searchParams.get('after') ?? 0)).forEach(send);
      thread.listeners.add(send);
      return request.on('close', () => thread.listeners.delete(send));
    }
    case 'POST api/threads/*/runs/*/cancel':
    case 'POST executions/*/cancel': for (const execution of executions.values()) if (execution.executionId === path[1] || (thread && execution.thread === thread)) setTimeout(() => { execution.cancelled = true; }, 300); return json(response, 202, {});
    case 'GET api/threads/*/files': {
      const folder = url.searchParams.get('path') || '/home/user';
      const entries = [...thread.files].filter(([p]) => p.slice(0, p.lastIndexOf('/')) === folder).map(([p, b]) => ({ name: p.slice(p.lastIndexOf('/') + 1), path: p, type: 'file', size: b.length, modified: now() }));
      if (folder === '/home/user' && thread.sandbox) entries.unshift({ name: 'data', path: '/home/user/data', type: 'directory', size: 4096, modified: now() });
      return json(response, 200, { path: folder, entries });
    }
    case 'POST api/threads/*/files': { const data = await body(request); const p = `/home/user/${url.searchParams.get('name')}`; thread.files.set(p, data); await sleep(400); emit(thread, { type: 'files' }); return json(response, 201, { path: p, size: data.length }); }
    case 'GET api/threads/*/files/content': { const data = thread.files.get(url.searchParams.get('path')); if (!data) return fail(response, 404, 'not_found', 'No such file'); response.writeHead(200, { 'content-disposition': 'attachment' }); return response.end(data); }
    case 'GET executions/*': { const e = executions.get(path[1]); return e ? json(response, 200, { executionId: e.executionId, status: e.status, lastSequence: e.log.length }) : fail(response, 404, 'not_found', 'No such execution'); }
    case 'GET executions/*/output': response.writeHead(200, { 'content-type': 'text/plain' }); return response.end(executions.get(path[1])?.log.map((l) => JSON.parse(l)).filter((m) => m.type.startsWith('std')).map((m) => m.data).join('') ?? '');
    default: {
      const file = url.pathname === '/' || url.pathname.startsWith('/t/') ? 'index.html' : url.pathname.slice(1);
      const types = { html: 'text/html', js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml', woff2: 'font/woff2' };
      try {
        const data = await readFile(new URL(file, dist));
        response.writeHead(200, { 'content-type': types[file.split('.').at(-1)] ?? 'application/octet-stream', 'content-security-policy': CSP });
        return response.end(data);
      } catch { return fail(response, 404, 'not_found', 'Nothing here'); }
    }
  }
});
const CSP = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self' ws://localhost:*; frame-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const sockets = new WebSocketServer({ noServer: true });
const clients = new Map();
server.on('upgrade', (request, socket, head) => sockets.handleUpgrade(request, socket, head, (ws) => {
  const query = new URL(request.url, 'http://mock').searchParams;
  const clientId = query.get('clientId');
  if (!clientId) return ws.close(1008, 'Client ID is required');
  clients.get(clientId)?.close(4409, 'taken over');
  clients.set(clientId, ws);
  ws.send(JSON.stringify({ type: 'status', status: 'connected', clientId, id: id(), message: 'Connected', timestamp: now() }));
  const execution = executions.get(query.get('executionId'));
  if (!execution) return ws.send(JSON.stringify({ type: 'error', error: 'No such execution' }));
  let next = Number(query.get('after') ?? 0);
  const pump = () => { while (next < execution.log.length && ws.bufferedAmount < 1 << 20 && ws.readyState === 1) ws.send(execution.log[next++]); };
  execution.readers.add(pump);
  const timer = setInterval(pump, 5);
  ws.on('close', () => { execution.readers.delete(pump); clearInterval(timer); });
  ws.on('message', (data) => { const message = JSON.parse(data); if (message.type === 'ping') ws.send('{"type":"pong"}'); if (message.type === 'cancel') setTimeout(() => { execution.cancelled = true; }, 300); });
  pump();
}));
server.listen(port, '127.0.0.1', () => console.log(`mock on http://127.0.0.1:${port}`));
