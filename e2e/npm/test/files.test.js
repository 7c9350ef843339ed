import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errors, PlainSandbox, sandboxFor, until, version } from './sdk.js'

test(`${version}: write and read`, async (t) => {
  const { files } = await sandboxFor(t)

  const info = await files.write('deep/in/note.txt', 'Grüße\n')
  assert.deepEqual([info.path, info.name, info.type], ['/home/user/deep/in/note.txt', 'note.txt', 'file'])
  assert.equal(await files.read('deep/in/note.txt'), 'Grüße\n')
  assert.equal(await files.read('~/deep/in/note.txt'), 'Grüße\n')

  await files.write('deep/in/note.txt', 'short')
  assert.equal(await files.read('/home/user/deep/in/note.txt'), 'short')

  await files.write('empty', '')
  assert.equal(await files.read('empty'), '')
  assert.equal((await files.read('empty', { format: 'bytes' })).length, 0)
})

test(`${version}: bytes, blobs, streams and several files`, async (t) => {
  const { files } = await sandboxFor(t)
  const bytes = new Uint8Array(3_000_000).map((_, i) => (i * 7) % 251)

  await files.write('big', bytes.buffer)
  assert.deepEqual(new Uint8Array(await files.read('big', { format: 'bytes' })), bytes)
  const blob = await files.read('big', { format: 'blob' })
  assert.equal(blob.size, bytes.length)
  let streamed = 0
  for await (const chunk of await files.read('big', { format: 'stream' })) streamed += chunk.length
  assert.equal(streamed, bytes.length)

  await files.write('from-stream', new Blob(['streamed']).stream())
  assert.equal(await files.read('from-stream'), 'streamed')

  const written = await files.write([
    { path: 'many/a.txt', data: 'A' },
    { path: 'many/b/c.txt', data: 'C' },
  ])
  assert.deepEqual(written.map((file) => file.path), ['/home/user/many/a.txt', '/home/user/many/b/c.txt'])
  assert.equal(await files.read('many/b/c.txt'), 'C')
})

test(`${version}: list, stat, exists, makeDir, rename, remove`, async (t) => {
  const { files } = await sandboxFor(t)

  assert.equal(await files.makeDir('dir/sub'), true)
  assert.equal(await files.makeDir('dir/sub'), false)
  await files.write('dir/file.txt', 'x')
  await files.write('dir/sub/inner.txt', 'yy')

  assert.deepEqual((await files.list('dir')).map((e) => [e.name, e.type]), [['file.txt', 'file'], ['sub', 'dir']])
  assert.deepEqual((await files.list('dir', { depth: 2 })).map((e) => e.path), [
    '/home/user/dir/file.txt',
    '/home/user/dir/sub',
    '/home/user/dir/sub/inner.txt',
  ])
  const info = await files.getInfo('dir/sub/inner.txt')
  assert.deepEqual([info.size, info.owner, info.type, info.permissions], [2, 'user', 'file', '-rw-r--r--'])
  assert.ok(Math.abs(info.modifiedTime - Date.now()) < 60_000)

  const moved = await files.rename('dir/file.txt', 'dir/renamed.txt')
  assert.equal(moved.name, 'renamed.txt')
  assert.equal(await files.exists('dir/file.txt'), false)
  assert.equal(await files.exists('dir/renamed.txt'), true)
  await files.remove('dir')
  assert.equal(await files.exists('dir'), false)
})

test(`${version}: missing files, directories and users are told apart`, async (t) => {
  const { files } = await sandboxFor(t)
  const missing = errors.FileNotFoundError ?? errors.NotFoundError

  await assert.rejects(files.read('missing'), missing)
  await assert.rejects(files.list('missing'), missing)
  await assert.rejects(files.rename('missing', 'b'), missing)
  await assert.rejects(files.read('/tmp'), errors.InvalidArgumentError)
  await assert.rejects(files.read('x', { user: 'nobody-here' }), errors.AuthenticationError)
  assert.equal(await files.exists('missing'), false)
})

test(`${version}: watching a directory`, async (t) => {
  const { files } = await sandboxFor(t)
  await files.makeDir('watched')
  const events = []

  const handle = await files.watchDir('watched', (event) => void events.push(event), { recursive: true })
  await files.write('watched/new.txt', '1')
  await until(() => events.some((e) => e.name === 'new.txt' && e.type === 'create'), 'create event')
  await until(() => events.some((e) => e.name === 'new.txt' && e.type === 'write'), 'write event')
  await files.remove('watched/new.txt')
  await until(() => events.some((e) => e.name === 'new.txt' && e.type === 'remove'), 'remove event')
  await handle.stop()

  await assert.rejects(files.watchDir('not-there', () => {}), errors.FileNotFoundError ?? errors.NotFoundError)
})

test(`${version}: signed file URLs`, async (t) => {
  const sandbox = await sandboxFor(t)
  await sandbox.files.write('shared.txt', 'for all')

  const url = await sandbox.downloadUrl('shared.txt', { useSignatureExpiration: 60 })
  const answer = await fetch(url)
  assert.equal(answer.status, 200)
  assert.equal(await answer.text(), 'for all')

  const forged = new URL(url)
  forged.searchParams.set('path', '/etc/passwd')
  assert.equal((await fetch(forged)).status, 401)
  const plain = new URL(url)
  plain.searchParams.delete('signature')
  assert.notEqual((await fetch(plain)).status, 200)

  const form = new FormData()
  form.append('file', new Blob(['uploaded']), 'ignored-name')
  const upload = await fetch(await sandbox.uploadUrl('up/loaded.txt'), { method: 'POST', body: form })
  assert.equal(upload.status, 200)
  assert.equal(await sandbox.files.read('up/loaded.txt'), 'uploaded')
})

test(`${version}: an insecure sandbox needs no token`, async (t) => {
  const sandbox = await sandboxFor(t, PlainSandbox, { secure: false })

  await sandbox.files.write('a', 'open')

  assert.equal(await sandbox.files.read('a'), 'open')
})
