'use strict';
// Runs the cells of a JavaScript context. Started by javascript.py, which keeps the socket: cells come as JSON on descriptor 200, answers go
// to descriptor 201, each ended by a NUL byte. All of it stands in a function: what is declared in a script read from stdin is global.
(() => {

const fs = require('fs');
const net = require('net');
const path = require('path');
const util = require('util');
const vm = require('vm');
const { Writable } = require('stream');
const { createRequire, builtinModules } = require('module');
const { pathToFileURL } = require('url');
const { spawnSync } = require('child_process');
const acorn = require('acorn');

// Opened anew, which makes them private: descriptors 200 and 201 themselves would be inherited by every program that a cell starts.
const [COMMANDS, ANSWERS] = [[200, 'r'], [201, 'w']].map(([given, mode]) => {
  const own = fs.openSync(`/proc/self/fd/${given}`, mode);
  fs.closeSync(given);
  return own;
});
const NUL = Buffer.from([0]);
const MAX_NESTING = 48;
const LOADER = '$load_'; // as long as `import`
const INTERRUPTED = 'ERR_SCRIPT_EXECUTION_INTERRUPTED';
const PARSING = { ecmaVersion: 'latest', sourceType: 'module', allowAwaitOutsideFunction: true, allowReturnOutsideFunction: false, allowHashBang: true };

class Exit extends Error {
  constructor(code) { super(`process.exit(${code})`); this.name = 'Exit'; this.code = code; }
}

function give(name, value) {
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
}

let reject = null; // ends the wait for a cell's promise
let count = 0;
let current = 0; // the running cell's number, 0 when none runs

const clock = new Int32Array(new SharedArrayBuffer(4));

function writeAll(descriptor, data) {
  for (let at = 0; at < data.length;) {
    try {
      at += fs.writeSync(descriptor, data, at);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
      Atomics.wait(clock, 0, 0, 1); // a program of the cell has made the pipe non-blocking
    }
  }
}

function answer(message) {
  writeAll(ANSWERS, Buffer.concat([Buffer.from(JSON.stringify(message)), NUL]));
}

// node's own streams would make the pipes non-blocking, for every program that inherits them too. These write at once.
for (const [name, fd] of [['stdout', 1], ['stderr', 2]]) {
  const stream = new Writable({ decodeStrings: true, write: (chunk, _encoding, done) => { writeAll(fd, chunk); done(); } });
  stream.write = (chunk, encoding, done) => {
    writeAll(fd, typeof chunk === 'string' ? Buffer.from(chunk, typeof encoding === 'string' ? encoding : 'utf8') : chunk);
    const after = typeof encoding === 'function' ? encoding : done;
    if (typeof after === 'function') process.nextTick(after);
    return true;
  };
  Object.assign(stream, { fd, isTTY: false, _type: 'pipe', destroy: () => stream, end: () => stream });
  Object.defineProperty(process, name, { get: () => stream, configurable: true, enumerable: true });
}
give('console', new console.Console({ stdout: process.stdout, stderr: process.stderr, ignoreErrors: false }));

// --- what a cell finds ---------------------------------------------------------------------------------------------------------

function here() {
  return createRequire(path.join(process.cwd(), 'cell.js'));
}

function load(specifier) {
  if (/^\.{0,2}\//.test(specifier)) return import(pathToFileURL(path.resolve(process.cwd(), specifier)).href);
  if (builtinModules.includes(specifier) || /^[a-z]+:/.test(specifier)) return import(specifier);
  return import(specifier).catch((error) => {
    let found;
    try { found = here().resolve(specifier); } catch { throw error; }
    return import(pathToFileURL(found).href);
  });
}

give(LOADER, load);
const relative = (id) => here()(id);
Object.defineProperty(relative, 'resolve', { get: () => here().resolve });
Object.defineProperty(relative, 'cache', { get: () => require.cache });
give('require', relative);
give('module', { exports: {} });
give('exports', globalThis.module.exports);
Object.defineProperty(globalThis, '__dirname', { get: () => process.cwd(), configurable: true });
Object.defineProperty(globalThis, '__filename', { get: () => path.join(process.cwd(), 'cell.js'), configurable: true });
for (const name of builtinModules) {
  if (!name.includes('/') && !name.startsWith('_') && !(name in globalThis)) {
    Object.defineProperty(globalThis, name, {
      get: () => require(name),
      set: (value) => give(name, value),
      configurable: true,
      enumerable: false,
    });
  }
}
process.exit = (code = process.exitCode) => {
  const error = new Exit(code ?? 0);
  process.exitCode = undefined;
  if (reject) reject(error);
  throw error;
};

// A program that ends in setTimeout(...) is not over when its last line has run: the cell waits for its timers, if they are not too long.
// Servers and intervals are not waited for; they live on between cells.
const timers = new Set();
const LONGEST_TIMER = 10_000; // ms
const LONGEST_WAIT = 30_000; // ms
const original = { setTimeout, clearTimeout, setImmediate };
let timerEnded = () => {};

function forget(timer) {
  if (timers.delete(timer)) original.setImmediate(timerEnded); // later: what it has resolved may start another timer
}

const ownSetTimeout = (action, delay, ...values) => {
  if (typeof action !== 'function') return original.setTimeout(action, delay, ...values);
  const timer = original.setTimeout(() => {
    try { action(...values); } finally { forget(timer); }
  }, delay);
  if (!(delay > LONGEST_TIMER)) timers.add(timer);
  return timer;
};
Object.defineProperty(ownSetTimeout, util.promisify.custom, { get: () => original.setTimeout[util.promisify.custom] });
Object.defineProperty(ownSetTimeout, 'name', { value: 'setTimeout' });
give('setTimeout', ownSetTimeout);
give('clearTimeout', (timer) => {
  original.clearTimeout(timer);
  for (const known of timers) if (known === timer || known[Symbol.toPrimitive]() === timer) forget(known);
});

function timersOver() {
  return new Promise((resolve, rejected) => {
    const limit = original.setTimeout(resolve, LONGEST_WAIT);
    reject = (error) => {
      for (const timer of timers) original.clearTimeout(timer);
      timers.clear();
      original.clearTimeout(limit);
      rejected(error);
    };
    timerEnded = () => {
      if ([...timers].some((timer) => timer.hasRef())) return;
      original.clearTimeout(limit);
      resolve();
    };
    timerEnded();
  });
}

// --- from a cell to a script ---------------------------------------------------------------------------------------------------

function names(pattern, found) {
  switch (pattern && pattern.type) {
    case 'Identifier': found.push(pattern.name); break;
    case 'ObjectPattern': for (const property of pattern.properties) names(property.value || property.argument, found); break;
    case 'ArrayPattern': for (const element of pattern.elements) names(element, found); break;
    case 'AssignmentPattern': names(pattern.left, found); break;
    case 'RestElement': names(pattern.argument, found); break;
  }
  return found;
}

// Whether the code awaits outside of its functions.
function awaits(node) {
  if (!node || typeof node.type !== 'string') return false;
  if (node.type === 'AwaitExpression' || (node.type === 'ForOfStatement' && node.await)) return true;
  if (/Function/.test(node.type)) return false;
  return Object.values(node).some((value) => (Array.isArray(value) ? value.some(awaits) : value && typeof value === 'object' && awaits(value)));
}

function importing(node, hoisted) {
  const source = JSON.stringify(node.source.value);
  const parts = [];
  const picked = [];
  for (const specifier of node.specifiers) {
    const local = specifier.local.name;
    hoisted.push(local);
    if (specifier.type === 'ImportNamespaceSpecifier') parts.push(`${local} = __import;`);
    else if (specifier.type === 'ImportDefaultSpecifier') picked.push([local, 'default']);
    else picked.push([local, specifier.imported.name ?? specifier.imported.value]);
  }
  for (const [local, name] of picked) parts.push(`${local} = __import[${JSON.stringify(name)}];`);
  return `{ const __import = await ${LOADER}(${source}); ${parts.join(' ')} }`;
}

// `import(x)` inside of a script needs node's flag for vm modules; a function of the same length does it without, and moves nothing.
function importsToCalls(node, marks) {
  if (!node || typeof node.type !== 'string') return marks;
  if (node.type === 'ImportExpression') marks.push(node.start);
  for (const value of Object.values(node)) {
    if (Array.isArray(value)) value.forEach((item) => importsToCalls(item, marks));
    else if (value && typeof value === 'object') importsToCalls(value, marks);
  }
  return marks;
}

// Top-level names become properties of the global object, so later cells see them and may declare them again.
function rewrite(code) {
  const tree = acorn.parse(code, PARSING);
  for (const start of importsToCalls(tree, [])) code = code.slice(0, start) + LOADER + code.slice(start + LOADER.length);
  const hoisted = [];
  const functions = [];
  let waits = awaits(tree);
  let text = '';
  let at = 0;
  const replace = (node, by) => { text += code.slice(at, node.start) + by; at = node.end; };
  const slice = (node) => code.slice(node.start, node.end);
  tree.body.forEach((node, index) => {
    const last = index === tree.body.length - 1;
    if (node.type === 'ImportDeclaration') {
      waits = true;
      replace(node, importing(node, hoisted));
    } else if (node.type === 'ExportNamedDeclaration' || node.type === 'ExportDefaultDeclaration' || node.type === 'ExportAllDeclaration') {
      throw new SyntaxError('export has no meaning in a cell: what it declares is global already');
    } else if (node.type === 'VariableDeclaration') {
      const parts = node.declarations.map((declaration) => {
        names(declaration.id, hoisted);
        if (declaration.init) return `(${slice(declaration.id)} = ${slice(declaration.init)})`;
        return node.kind === 'var' ? 'void 0' : `(${slice(declaration.id)} = undefined)`;
      });
      replace(node, `void (${parts.join(', ')});`);
    } else if (node.type === 'ClassDeclaration') {
      hoisted.push(node.id.name);
      replace(node, `${node.id.name} = ${slice(node)};`);
    } else if (node.type === 'FunctionDeclaration') {
      functions.push(node.id.name);
    } else if (last && node.type === 'ExpressionStatement') {
      replace(node, `return (${slice(node.expression)});`);
    }
  });
  text += code.slice(at);
  const globals = functions.map((name) => `globalThis[${JSON.stringify(name)}] = ${name};`).join(' ');
  const variables = [...new Set(hoisted)];
  const declared = variables.length ? `var ${variables.join(', ')};` : '';
  // What is added stands on a line before the user's first, which the script's lineOffset takes back.
  return `${declared} (${waits ? 'async ' : ''}() => { ${globals}\n${text}\n})()`;
}

function script(code) {
  try {
    return rewrite(code);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const typed = spawnSync('esbuild', ['--loader=ts', '--target=esnext'], { input: code, encoding: 'utf8', timeout: 10000 });
    if (typed.status !== 0) throw error;
    return rewrite(typed.stdout.replace(/^export \{\s*\};?\s*$/gm, ''));
  }
}

// --- from values to results ----------------------------------------------------------------------------------------------------

function nesting(value, level) {
  if (level > MAX_NESTING || value === null || typeof value !== 'object') return level;
  let deepest = level;
  for (const item of Object.values(value)) deepest = Math.max(deepest, nesting(item, level + 1));
  return deepest;
}

function plain(value) {
  if (value === null || typeof value !== 'object' || (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype)) return undefined;
  try {
    const copy = JSON.parse(JSON.stringify(value));
    return nesting(copy, 0) > MAX_NESTING ? undefined : copy;
  } catch {
    return undefined;
  }
}

function result(value) {
  const found = { type: 'result', is_main_result: true, text: typeof value === 'string' ? value : util.inspect(value, { depth: 6, maxArrayLength: 1000 }) };
  const json = plain(value);
  if (json !== undefined) found.json = json;
  return { ...found, extra: {} };
}

// The value of a cell that ends in setTimeout(...) says nothing to anybody.
function isTimer(value) {
  return value !== null && typeof value === 'object' && typeof value.hasRef === 'function' && typeof value.refresh === 'function';
}

function failure(error) {
  if (error instanceof Exit) return error.code === 0 ? null : { type: 'error', name: 'Exit', value: String(error.code), traceback: error.message };
  if (error === null || typeof error !== 'object' || !('stack' in error)) {
    const text = util.inspect(error);
    return { type: 'error', name: 'Thrown', value: text, traceback: `Uncaught ${text}` };
  }
  const lines = String(error.stack).split('\n');
  const own = (line) => /^\s+at .*(\(|\s)(node:|\[stdin\]|.*\/nodejs\/acorn\/)/.test(line);
  const shown = lines.filter((line) => !own(line));
  if (error.place) shown.unshift(error.place);
  return { type: 'error', name: String(error.name ?? 'Error'), value: String(error.message ?? ''), traceback: shown.join('\n') };
}

function placed(error, code) {
  if (error instanceof SyntaxError && error.loc) {
    const line = code.split('\n')[error.loc.line - 1] ?? '';
    error.place = `${line}\n${' '.repeat(error.loc.column)}^`;
  }
  return error;
}

// --- running -------------------------------------------------------------------------------------------------------------------

async function evaluate(code) {
  count += 1;
  let text;
  try { text = script(code); } catch (error) { throw placed(error, code); }
  const made = new vm.Script(text, { filename: `Cell[${count}]`, lineOffset: -1 });
  const value = made.runInThisContext({ breakOnSigint: true });
  if (value === null || typeof value !== 'object' || typeof value.then !== 'function') return value;
  return new Promise((resolve, rejected) => {
    reject = rejected;
    value.then(resolve, rejected);
  });
}

async function run(cell) {
  current = cell.cell;
  const before = {};
  for (const [name, value] of Object.entries(cell.env)) {
    before[name] = process.env[name];
    process.env[name] = value;
  }
  timers.clear();
  // A pending promise alone does not keep node alive.
  const alive = setInterval(() => {}, 1 << 30);
  try {
    const value = await evaluate(cell.code);
    if (value !== undefined && !isTimer(value)) answer(result(value));
    await timersOver();
  } catch (error) {
    const told = error && error.code === INTERRUPTED ? { type: 'error', name: 'Interrupted', value: '', traceback: 'Interrupted' } : failure(error);
    if (told) answer(told);
  } finally {
    clearInterval(alive);
    reject = null;
    current = 0;
    timerEnded = () => {};
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
  answer({ type: 'end' });
}

// An interrupt comes twice. As SIGINT, for code that runs: only the vm's watchdog is to see it. It is started once and for good, since while
// a handler is exchanged for another the signal kills; and so listeners of cells must not make node exchange it.
for (const listener of process.listeners('newListener')) {
  process.removeListener('newListener', listener);
  process.on('newListener', (type, ...rest) => { if (type !== 'SIGINT') listener(type, ...rest); });
}
process.binding('contextify').startSigintWatchdog();

// And as a message that names its cell, for code that waits: it is read when nothing runs, so never before `reject` is set.
function interrupt(cell) {
  if (cell !== current) return;
  try { process.emit('SIGINT', 'SIGINT', 2); } catch (error) { if (!(error instanceof Exit)) process.emit('uncaughtException', error); }
  if (reject) reject(Object.assign(new Error('Interrupted'), { code: INTERRUPTED }));
}

process.on('uncaughtException', (error) => { if (!(error instanceof Exit)) process.stderr.write(`Uncaught ${error && error.stack ? error.stack : util.inspect(error)}\n`); });
process.on('unhandledRejection', (error) => { if (!(error instanceof Exit)) process.stderr.write(`Uncaught (in promise) ${error && error.stack ? error.stack : util.inspect(error)}\n`); });

let waiting = [];
new net.Socket({ fd: COMMANDS, readable: true, writable: false }).on('data', (data) => {
  for (let end = data.indexOf(0); end >= 0; end = data.indexOf(0)) {
    waiting.push(data.subarray(0, end));
    data = data.subarray(end + 1);
    const message = JSON.parse(Buffer.concat(waiting).toString());
    waiting = [];
    if (message.interrupt) interrupt(message.interrupt);
    else run(message);
  }
  waiting.push(data);
}).on('end', () => process.kill(process.pid, 'SIGKILL'));

// Compiles and warms what the first cell would wait for.
rewrite('import a from "fs"; const b = [1]; await b; b');
result({ a: [1] });
failure(new Error('warm'));

answer({ type: 'ready' });
})();
