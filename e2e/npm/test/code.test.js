import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CodeSandbox, codeErrors as errors, sandboxFor, version } from './sdk.js'

test(`${version}: state, output and results`, async (t) => {
  const sandbox = await sandboxFor(t, CodeSandbox)

  const first = await sandbox.runCode('x = 20\nprint("hello")')
  assert.deepEqual(first.logs.stdout, ['hello\n'])
  assert.equal(first.error, undefined)
  const second = await sandbox.runCode('x += 1; x * 2')

  assert.equal(second.text, '42')
  assert.equal(second.results.length, 1)
  assert.equal(second.results[0].isMainResult, true)
  assert.equal(second.executionCount, first.executionCount + 1)
})

test(`${version}: callbacks come while the code runs`, async (t) => {
  const sandbox = await sandboxFor(t, CodeSandbox)
  const seen = []
  let sawFirst
  const first = new Promise((resolve) => (sawFirst = resolve))

  const run = sandbox.runCode(
    'import os, time, sys\nprint("one", flush=True)\nwhile not os.path.exists("/tmp/go"): time.sleep(0.01)\n' +
      'print("two")\nprint("bad", file=sys.stderr)\ndisplay(1)\n7',
    {
      onStdout: (m) => { seen.push(['out', m.line]); sawFirst() },
      onStderr: (m) => void seen.push(['err', m.line]),
      onResult: (r) => void seen.push(['result', r.text]),
    },
  )
  await first
  assert.deepEqual(seen, [['out', 'one\n']])
  await sandbox.files.write('/tmp/go', '')
  await run

  assert.deepEqual(seen, [['out', 'one\n'], ['out', 'two\n'], ['err', 'bad\n'], ['result', '1'], ['result', '7']])
})

test(`${version}: an error is data`, async (t) => {
  const sandbox = await sandboxFor(t, CodeSandbox)
  let told

  const execution = await sandbox.runCode('print("before")\nundefined_name', { onError: (e) => void (told = e) })

  assert.equal(execution.error.name, 'NameError')
  assert.equal(execution.error.value, "name 'undefined_name' is not defined")
  assert.match(execution.error.traceback, /undefined_name/)
  assert.equal(told.name, 'NameError')
  assert.deepEqual(execution.logs.stdout, ['before\n'])
})

test(`${version}: rich results`, async (t) => {
  const sandbox = await sandboxFor(t, CodeSandbox)

  const frame = await sandbox.runCode('import pandas as pd\npd.DataFrame({"a": [1, 2]})')
  assert.match(frame.results[0].html, /<table/)
  assert.match(frame.results[0].text, /a/)
  const plot = await sandbox.runCode('import matplotlib.pyplot as plt\nplt.plot([1, 2, 3])\nplt.show()')
  const image = plot.results.find((result) => result.png)
  assert.equal(Buffer.from(image.png, 'base64').subarray(1, 4).toString(), 'PNG')
  const dict = await sandbox.runCode('{"k": [1, 2]}')
  assert.deepEqual(dict.results[0].json, { k: [1, 2] })
})

test(`${version}: environment of an execution`, async (t) => {
  const sandbox = await sandboxFor(t, CodeSandbox, { envs: { OF_SANDBOX: 'yes' } })

  const run = await sandbox.runCode('import os; print(os.environ["OF_SANDBOX"], os.environ["ONCE"])', { envs: { ONCE: '1' } })
  assert.deepEqual(run.logs.stdout, ['yes 1\n'])
  const after = await sandbox.runCode('import os; os.environ.get("ONCE")')
  assert.equal(after.text, undefined)
})

test(`${version}: contexts`, async (t) => {
  const sandbox = await sandboxFor(t, CodeSandbox)
  const context = await sandbox.createCodeContext({ cwd: '/tmp' })
  assert.deepEqual([context.language, context.cwd], ['python', '/tmp'])

  await sandbox.runCode('y = 5', { context })
  assert.equal((await sandbox.runCode('y', { context })).text, '5')
  assert.equal((await sandbox.runCode('y')).error.name, 'NameError')
  assert.match((await sandbox.runCode('import os; os.getcwd()', { context })).text, /\/tmp/)
  assert.ok((await sandbox.listCodeContexts()).some((c) => c.id === context.id))

  await sandbox.restartCodeContext(context)
  assert.equal((await sandbox.runCode('y', { context })).error.name, 'NameError')
  await sandbox.removeCodeContext(context)
  // The SDK's own timer of a refused request keeps Node alive: a short one ends the test sooner.
  await assert.rejects(sandbox.runCode('1', { context, requestTimeoutMs: 6_000 }), errors.NotFoundError)
})

test(`${version}: other languages`, async (t) => {
  const sandbox = await sandboxFor(t, CodeSandbox)

  const bash = await sandbox.runCode('echo "from $0"; false || echo still', { language: 'bash' })
  assert.match(bash.logs.stdout.join(''), /still\n/)
  const js = await sandbox.runCode('const a = 6; console.log("log"); a * 7', { language: 'javascript' })
  assert.deepEqual([js.logs.stdout.join(''), js.text], ['log\n', '42'])
  assert.equal((await sandbox.runCode('a + 1', { language: 'js' })).text, '7')
})

test(`${version}: a timeout interrupts, the context lives on`, async (t) => {
  const sandbox = await sandboxFor(t, CodeSandbox)
  await sandbox.runCode('kept = 1')

  await assert.rejects(sandbox.runCode('import time\ntime.sleep(300)', { timeoutMs: 1_000 }), errors.TimeoutError)
  const next = await sandbox.runCode('kept + 1', { timeoutMs: 60_000 })

  assert.equal(next.text, '2')
})

test(`${version}: two executions at once in two contexts`, async (t) => {
  const sandbox = await sandboxFor(t, CodeSandbox)
  const other = await sandbox.createCodeContext()

  const waiting = sandbox.runCode('import os, time\nwhile not os.path.exists("/tmp/done"): time.sleep(0.01)\n"first"')
  await sandbox.runCode('open("/tmp/done", "w").close()', { context: other })

  assert.match((await waiting).text, /first/)
})

test(`${version}: five megabytes of output arrive whole`, async (t) => {
  const sandbox = await sandboxFor(t, CodeSandbox)

  const run = await sandbox.runCode('for i in range(50_000): print("x" * 99)')

  assert.equal(run.logs.stdout.join('').length, 5_000_000)
})
