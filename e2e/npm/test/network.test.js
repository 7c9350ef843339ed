import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PlainSandbox as Sandbox, sandboxFor, until, version } from './sdk.js'

// The product runs as it comes: its sandboxes have no network.

test(`${version}: a sandbox that asks for network starts without`, async (t) => {
  const sandbox = await sandboxFor(t, Sandbox, {
    network: { allowOut: ['example.com'], denyOut: ({ allTraffic }) => [allTraffic] },
  })

  const info = await sandbox.getInfo()
  assert.equal(info.allowInternetAccess, false)
  assert.deepEqual(info.network.allowOut, ['example.com'])
  assert.deepEqual(info.network.denyOut, ['0.0.0.0/0'])
  await assert.rejects(sandbox.commands.run('curl -sS --max-time 60 https://example.com/'), {
    exitCode: 6,
    stderr: /Could not resolve host/,
  })
})

test(`${version}: rules that restrict nothing are refused`, async (t) => {
  await assert.rejects(sandboxFor(t, Sandbox, { network: { allowOut: ['example.com'] } }), /0\.0\.0\.0\/0/)
  await assert.rejects(sandboxFor(t, Sandbox, { network: { denyOut: ['example.com'] } }), /denyOut/)
})

test(`${version}: an update says that this server gives no network`, async (t) => {
  const sandbox = await sandboxFor(t, Sandbox)

  await sandbox.updateNetwork({ allowInternetAccess: false })
  await assert.rejects(sandbox.updateNetwork({ allowInternetAccess: true }), /egress/)
})

test(`${version}: ports that are not public need the sandbox's token`, async (t) => {
  const sandbox = await sandboxFor(t, Sandbox, { network: { allowPublicTraffic: false } })
  const headers = { 'E2b-Sandbox-Id': sandbox.sandboxId, 'E2b-Sandbox-Port': '8000' }
  await sandbox.commands.run('python3 -m http.server 8000', { background: true })
  const ask = (token) => fetch(process.env.E2B_SANDBOX_URL, { headers: { ...headers, ...token } })

  assert.equal((await ask({})).status, 403)
  const token = { 'E2B-Traffic-Access-Token': sandbox.trafficAccessToken }
  await until(async () => (await ask(token)).status === 200, 'the server in the sandbox answers')
})
