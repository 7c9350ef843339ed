import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errors, sandboxFor, until, version } from './sdk.js'

test(`${version}: a command's output, exit code and failure`, async (t) => {
  const sandbox = await sandboxFor(t)

  const good = await sandbox.commands.run('echo out; echo err >&2')
  assert.deepEqual([good.exitCode, good.stdout, good.stderr], [0, 'out\n', 'err\n'])

  await assert.rejects(sandbox.commands.run('echo seen; exit 3'), (error) => {
    assert.ok(error instanceof errors.CommandExitError)
    assert.deepEqual([error.exitCode, error.stdout], [3, 'seen\n'])
    return true
  })
})

test(`${version}: output streams while the command runs`, async (t) => {
  const sandbox = await sandboxFor(t)
  const seen = []
  let firstSeen
  const first = new Promise((resolve) => (firstSeen = resolve))

  const handle = await sandbox.commands.run('echo first; read line; echo "got $line"', {
    background: true,
    stdin: true,
    onStdout: (data) => {
      seen.push(data)
      firstSeen()
    },
  })
  await first
  assert.equal(seen.join(''), 'first\n')
  await sandbox.commands.sendStdin(handle.pid, 'déjà vu\n')
  const result = await handle.wait()

  assert.equal(result.stdout, 'first\ngot déjà vu\n')
  assert.equal(seen.join(''), result.stdout)
})

test(`${version}: closing stdin ends a reader`, async (t) => {
  const sandbox = await sandboxFor(t)
  const handle = await sandbox.commands.run('wc -c', { background: true, stdin: true })

  await sandbox.commands.sendStdin(handle.pid, '12345')
  await sandbox.commands.closeStdin(handle.pid)

  assert.equal((await handle.wait()).stdout.trim(), '5')
})

test(`${version}: background, list, connect, kill`, async (t) => {
  const sandbox = await sandboxFor(t)
  const handle = await sandbox.commands.run('sleep 600', { background: true })
  assert.ok((await sandbox.commands.list()).some((process) => process.pid === handle.pid))

  const second = await sandbox.commands.connect(handle.pid)
  assert.equal(await sandbox.commands.kill(handle.pid), true)

  await assert.rejects(handle.wait(), errors.CommandExitError)
  await assert.rejects(second.wait(), errors.CommandExitError)
  assert.equal(await sandbox.commands.kill(handle.pid), false)
})

test(`${version}: a timeout ends the process`, async (t) => {
  const sandbox = await sandboxFor(t)

  await assert.rejects(sandbox.commands.run('sleep 601', { timeoutMs: 1_000 }), errors.TimeoutError)

  await until(
    async () => !(await sandbox.commands.list()).some((process) => process.args.join(' ').includes('sleep 601')),
    'the process is gone',
  )
})

test(`${version}: user, cwd, env and large output`, async (t) => {
  const sandbox = await sandboxFor(t)

  assert.equal((await sandbox.commands.run('whoami; pwd')).stdout, 'user\n/home/user\n')
  assert.equal((await sandbox.commands.run('whoami', { user: 'root' })).stdout, 'root\n')
  assert.equal((await sandbox.commands.run('pwd', { cwd: '/tmp' })).stdout, '/tmp\n')
  assert.equal((await sandbox.commands.run('echo "$A b"', { envs: { A: 'ä' } })).stdout, 'ä b\n')
  await assert.rejects(sandbox.commands.run('true', { cwd: '/missing' }), errors.InvalidArgumentError)
  await assert.rejects(sandbox.commands.run('true', { user: 'nobody-here' }), errors.AuthenticationError)
  const large = await sandbox.commands.run('head -c 5000000 /dev/zero | tr "\\0" x')
  assert.equal(large.stdout.length, 5_000_000)
})

test(`${version}: a terminal`, async (t) => {
  const sandbox = await sandboxFor(t)
  let output = ''
  const terminal = await sandbox.pty.create({
    cols: 80,
    rows: 24,
    onData: (data) => (output += new TextDecoder().decode(data)),
  })

  await sandbox.pty.resize(terminal.pid, { cols: 101, rows: 33 })
  await sandbox.pty.sendInput(terminal.pid, new TextEncoder().encode('stty size; echo term=$TERM\n'))
  await until(() => output.includes('33 101') && output.includes('term=xterm-256color'), `size in ${output}`)
  await sandbox.pty.sendInput(terminal.pid, new TextEncoder().encode('exit\n'))

  assert.equal((await terminal.wait()).exitCode, 0)
})

test(`${version}: killing the sandbox fails what runs in it`, async (t) => {
  const sandbox = await sandboxFor(t)
  const handle = await sandbox.commands.run('sleep 600', { background: true })

  await sandbox.kill()

  await assert.rejects(handle.wait())
})

test(`${version}: git works in a sandbox`, async (t) => {
  const sandbox = await sandboxFor(t)

  const result = await sandbox.commands.run(
    'git init -q --initial-branch=main repo && cd repo && echo a > a && git add a && ' +
      'git -c user.name=a -c user.email=a@b commit -qm first && git log --format=%s',
  )

  assert.equal(result.stdout, 'first\n')
})
