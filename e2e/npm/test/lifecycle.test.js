import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CodeSandbox, errors, PlainSandbox, sandboxFor, until, version } from './sdk.js'

test(`${version}: a pause without memory keeps the files`, async (t) => {
  const sandbox = await sandboxFor(t)
  await sandbox.files.write('note', 'kept')
  const sleeper = await sandbox.commands.run('sleep 600', { background: true })

  assert.equal(await sandbox.pause({ keepMemory: false }), true)
  assert.equal(await sandbox.pause(), false)
  assert.equal(await sandbox.isRunning(), false)
  assert.equal((await sandbox.getInfo()).state, 'paused')
  await sandbox.connect()

  assert.equal(await sandbox.files.read('note'), 'kept')
  assert.ok(!(await sandbox.commands.list()).some((process) => process.pid === sleeper.pid && process.args.includes('sleep 600')))
  assert.equal(await PlainSandbox.kill(sandbox.sandboxId), true)
  assert.equal(await PlainSandbox.kill(sandbox.sandboxId), false)
})

test(`${version}: paused at the timeout, resumed by traffic`, async (t) => {
  const sandbox = await sandboxFor(t, CodeSandbox, {
    timeoutMs: 5_000,
    lifecycle: { onTimeout: 'pause', autoResume: true },
  })
  await sandbox.runCode('x = 41')
  assert.deepEqual((await sandbox.getInfo()).lifecycle, { onTimeout: 'pause', autoResume: true })
  await until(async () => (await sandbox.getInfo()).state === 'paused', 'it is paused')

  const answer = await sandbox.runCode('x + 1')

  assert.equal(answer.text, '42')
  assert.equal((await sandbox.getInfo()).state, 'running')
})

test(`${version}: snapshots`, async (t) => {
  const sandbox = await sandboxFor(t)
  await sandbox.files.write('note', 'first')
  const name = `smoke-${process.pid}-${Date.now()}`
  const snapshot = await sandbox.createSnapshot({ name })
  t.after(() => PlainSandbox.deleteSnapshot(snapshot.snapshotId))
  await sandbox.files.write('note', 'second')

  const copies = [await sandboxFor(t, PlainSandbox), await PlainSandbox.create(snapshot.snapshotId), await PlainSandbox.create(name)]
  t.after(() => Promise.all(copies.map((copy) => copy.kill())))

  assert.equal(await copies[0].files.exists('note'), false)
  assert.equal(await copies[1].files.read('note'), 'first')
  assert.equal(await copies[2].files.read('note'), 'first')
  assert.equal(await sandbox.files.read('note'), 'second')
  const listed = await sandbox.listSnapshots().nextItems()
  assert.deepEqual(listed.map((each) => each.snapshotId), [snapshot.snapshotId])
  assert.ok(listed[0].names[0].startsWith(name))
  assert.equal(await PlainSandbox.deleteSnapshot(snapshot.snapshotId), true)
  assert.equal(await PlainSandbox.deleteSnapshot(snapshot.snapshotId), false)
  assert.equal(await copies[1].files.read('note'), 'first')
  await assert.rejects(PlainSandbox.create(snapshot.snapshotId), /404|not found/)
})

test(`${version}: forks`, async (t) => {
  const sandbox = await sandboxFor(t)
  await sandbox.files.write('note', 'shared')

  const forks = await sandbox.fork({ count: 2, timeoutMs: 60_000 })
  t.after(() => Promise.all(forks.map((fork) => fork.kill?.())))

  assert.equal(forks.length, 2)
  for (const fork of forks) assert.equal(await fork.files.read('note'), 'shared')
  await forks[0].files.write('note', 'own')
  assert.equal(await forks[1].files.read('note'), 'shared')
  await sandbox.kill()
  await assert.rejects(PlainSandbox.fork(sandbox.sandboxId), errors.SandboxNotFoundError)
})
