import assert from 'node:assert/strict'
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { CodeSandbox, e2bModule, errors, PlainSandbox, Template, version } from './sdk.js'

const name = `npm-${version.replace(/[^0-9]/g, '')}-${process.pid}`

/** As E2B's CLI does it: the SDK deletes snapshots by the same call. */
async function deleteTemplate(id) {
  const answer = await fetch(`${process.env.E2B_API_URL}/templates/${id}`, {
    method: 'DELETE',
    headers: { 'X-API-KEY': process.env.E2B_API_KEY }
  })
  return answer.status
}

// One version of the SDK is enough: both send the same, and every build costs seconds.
const only = version === 'e2b 2.51' ? test : () => {}

only(`${version}: a template is built with files, commands, environment and a start command`, async (t) => {
  const context = await mkdtemp(join(tmpdir(), 'athenic-template-'))
  t.after(() => rm(context, { recursive: true }))
  await mkdir(join(context, 'site'))
  await writeFile(join(context, 'site', 'index.html'), 'built here')
  const template = () =>
    Template({ fileContextPath: context })
      .fromBaseImage()
      .runCmd('rm -rf /usr/lib/gcc /usr/share/perl /usr/share/nodejs', { user: 'root' })
      .copy('site', '/srv/site')
      .setEnvs({ COLOUR: 'green' })
      .setWorkdir('/srv/site')
      .runCmd('echo $COLOUR > colour.txt')
      .setStartCmd('python3 -m http.server 8700', e2bModule.waitForPort(8700))
  t.after(() => deleteTemplate(name))

  assert.equal(await Template.exists(name), false)
  const logs = []
  const built = await Template.build(template(), name, { cpuCount: 1, memoryMB: 512, onBuildLogs: (entry) => logs.push(entry.message) })

  assert.equal(await Template.exists(name), true)
  assert.ok(logs.some((line) => line.includes('RUN echo $COLOUR')), logs.join('\n'))
  const status = await Template.getBuildStatus(built)
  assert.equal(status.status, 'ready')

  const sandbox = await CodeSandbox.create(name, { timeoutMs: 120_000 })
  t.after(() => sandbox.kill())
  assert.equal((await sandbox.commands.run('cat colour.txt; pwd; echo $COLOUR')).stdout, 'green\n/srv/site\ngreen\n')
  assert.equal((await sandbox.commands.run('curl -s http://127.0.0.1:8700/')).stdout, 'built here')
  assert.equal((await sandbox.runCode('import os; os.environ["COLOUR"]')).text, 'green')
  assert.equal((await sandbox.getInfo()).memoryMB, 512)

  const again = []
  await Template.build(template(), name, { onBuildLogs: (entry) => again.push(entry.message) })
  assert.equal(again.filter((line) => line.includes('CACHED')).length, 3, again.join('\n'))

  assert.equal(await deleteTemplate(name), 204)
  assert.equal(await deleteTemplate(name), 404)
  assert.equal(await Template.exists(name), false)
  await assert.rejects(PlainSandbox.create(name), /not found/)
})

test(`${version}: a build that fails says which step and why`, async () => {
  const logs = []
  const failing = Template().fromTemplate('code-interpreter').runCmd('echo because; false')

  await assert.rejects(
    Template.build(failing, `${name}-failing`, { onBuildLogs: (entry) => logs.push(entry.message) }),
    (error) => error instanceof errors.BuildError && /echo because/.test(error.message)
  )
  assert.ok(logs.some((line) => line.endsWith('because')))

  await assert.rejects(Template.build(Template().fromImage('alpine:3'), `${name}-image`), /fromTemplate\('code-interpreter'\)/)
  await assert.rejects(Template.build(Template().fromTemplate('nowhere'), `${name}-nowhere`), /no template 'nowhere'/)
  assert.equal(await Template.exists(`${name}-failing`), false)
})
