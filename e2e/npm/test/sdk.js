// The SDKs under test and the sandboxes that a test made, which are ended with it.
import assert from 'node:assert/strict'

for (const name of ['E2B_API_URL', 'E2B_SANDBOX_URL', 'E2B_API_KEY']) {
  assert.ok(process.env[name], `${name} is not set: take the values that "./athenic env" prints`)
}

const old = process.env.SDK === '2.45'
const e2b = await import(old ? 'e2b-2.45' : 'e2b')
const code = await import(old ? 'code-interpreter-2.7' : '@e2b/code-interpreter')

export const version = old ? 'e2b 2.45' : 'e2b 2.51'
export const PlainSandbox = e2b.Sandbox
export const CodeSandbox = code.Sandbox
export const errors = e2b
export const codeErrors = code
export const Template = e2b.Template
export const e2bModule = e2b

/** A sandbox for one test. */
export async function sandboxFor(t, Kind = PlainSandbox, options = {}) {
  const sandbox = await Kind.create({ timeoutMs: 120_000, ...options })
  t.after(() => sandbox.kill())
  return sandbox
}

/** Waits for a condition; the deadline fails the test. */
export async function until(condition, what, deadlineMs = 60_000) {
  const end = Date.now() + deadlineMs
  while (Date.now() < end) {
    const value = await condition()
    if (value) return value
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  assert.fail(`not within ${deadlineMs} ms: ${what}`)
}
