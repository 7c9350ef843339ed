import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errors, PlainSandbox, sandboxFor, Template, until, version } from './sdk.js'

test(`${version}: create, info, list, timeout, kill`, async (t) => {
  const tag = `smoke ${process.pid}&${Date.now()}`
  const sandbox = await sandboxFor(t, PlainSandbox, { metadata: { 'tag name': tag }, envs: { HELLO: 'world' } })

  assert.match(sandbox.sandboxId, /^[a-z0-9]+$/)
  assert.equal(await sandbox.isRunning(), true)
  const info = await sandbox.getInfo()
  assert.equal(info.sandboxId, sandbox.sandboxId)
  assert.equal(info.metadata['tag name'], tag)
  assert.equal(info.state, 'running')
  assert.ok(info.startedAt <= new Date() && info.endAt > new Date())

  const page = PlainSandbox.list({ query: { metadata: { 'tag name': tag } } })
  const found = await page.nextItems()
  assert.deepEqual(found.map((item) => item.sandboxId), [sandbox.sandboxId])
  assert.equal(page.hasNext, false)

  await sandbox.setTimeout(600_000)
  assert.ok((await sandbox.getInfo()).endAt - Date.now() > 500_000)

  assert.equal((await sandbox.commands.run('echo $HELLO')).stdout, 'world\n')

  assert.equal(await sandbox.kill(), true)
  assert.equal(await sandbox.kill(), false)
  assert.equal(await sandbox.isRunning(), false)
  await assert.rejects(PlainSandbox.connect(sandbox.sandboxId), errors.SandboxNotFoundError ?? errors.NotFoundError)
})

test(`${version}: two sandboxes share nothing`, async (t) => {
  const [one, two] = await Promise.all([sandboxFor(t), sandboxFor(t)])

  await one.files.write('/tmp/secret', 'of one')

  assert.notEqual(one.sandboxId, two.sandboxId)
  assert.equal(await two.files.exists('/tmp/secret'), false)
  assert.equal(await one.files.read('/tmp/secret'), 'of one')
})

test(`${version}: pages of a list`, async (t) => {
  const group = `pages-${process.pid}-${Date.now()}`
  const made = []
  for (let i = 0; i < 3; i++) made.push((await sandboxFor(t, PlainSandbox, { metadata: { group } })).sandboxId)

  const pages = PlainSandbox.list({ limit: 2, query: { metadata: { group }, state: ['running'] } })
  const first = await pages.nextItems()
  assert.equal(pages.hasNext, true)
  const second = await pages.nextItems()

  assert.equal(pages.hasNext, false)
  assert.deepEqual([...first, ...second].map((item) => item.sandboxId), made.toReversed())
})

test(`${version}: a sandbox ends at its timeout`, async (t) => {
  const sandbox = await sandboxFor(t, PlainSandbox, { timeoutMs: 2_000 })

  await until(async () => !(await sandbox.isRunning()), 'the sandbox ends')
})

test(`${version}: connect gives the same sandbox`, async (t) => {
  const sandbox = await sandboxFor(t)
  await sandbox.files.write('note', 'kept')

  const same = await PlainSandbox.connect(sandbox.sandboxId)

  assert.equal(await same.files.read('note'), 'kept')
})

test(`${version}: pause keeps processes, connect lets them go on`, async (t) => {
  const sandbox = await sandboxFor(t)
  const sleeper = await sandbox.commands.run('sleep 600', { background: true })

  assert.equal(await (sandbox.pause?.bind(sandbox) ?? sandbox.betaPause.bind(sandbox))() !== false, true)
  assert.equal(await sandbox.isRunning(), false)
  assert.equal((await PlainSandbox.getInfo(sandbox.sandboxId)).state, 'paused')
  const same = await sandbox.connect()

  assert.ok((await same.commands.list()).some((process) => process.pid === sleeper.pid))
  assert.equal((await same.commands.run('echo on')).stdout, 'on\n')
})

test(`${version}: wrong key, unknown template, metrics, template alias`, async (t) => {
  await assert.rejects(
    PlainSandbox.create({ apiKey: 'e2b_0000000000000000000000000000000000000000' }),
    errors.AuthenticationError,
  )
  await assert.rejects(PlainSandbox.create('no-such-template'), /404|not found/)
  const sandbox = await sandboxFor(t)
  const metrics = await until(async () => {
    const all = await sandbox.getMetrics()
    return all.length > 0 && all
  }, 'a metric')
  assert.ok(metrics[0].memTotal > 0 && metrics[0].cpuCount >= 1 && metrics[0].diskTotal > 0)
  assert.equal(await Template.exists('base'), true)
  assert.equal(await Template.exists('no-such-template'), false)
})
