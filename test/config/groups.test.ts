import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { loadConfig } from '../../src/config/load.js'
import { ConfigError, type Problem } from '../../src/config/problem.js'

async function file(t: Test, text: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'notification-config-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const path = join(directory, 'mine.yaml')
  await writeFile(path, text)
  return path
}

function problems(path: string): readonly Problem[] {
  try {
    loadConfig({ path, env: {} })
    return []
  } catch (err) {
    if (err instanceof ConfigError) return err.problems
    throw err
  }
}

t.test('types are put into groups', async (t) => {
  const path = await file(t, 'consent: {groups: {marketing: [weekly_offer, news], system: security}}')
  t.same(
    [...loadConfig({ path, env: {} }).consent.groups],
    [
      ['security', 'system'],
      ['weekly_offer', 'marketing'],
      ['news', 'marketing'],
    ],
  )
  t.equal(loadConfig({ env: {} }).consent.groups.size, 0)
})

t.test('what cannot be is named', async (t) => {
  for (const [text, key, message] of [
    [
      '{groups: {marketing: [news], billing: [invoice, news]}}',
      'consent.groups.marketing',
      /news.*consent\.groups\.billing/,
    ],
    ['{groups: {billing: [a, a]}}', 'consent.groups.billing', /lists a/],
    ['{groups: {spam: [a]}}', 'consent.groups.spam', /not a known key/],
    ['{opt_in_types: [marketing, system]}', 'consent.opt_in_types', /system.*sent to everybody/],
    ['{opt_in_types: [security], groups: {system: [security]}}', 'consent.opt_in_types', /security/],
  ] as const) {
    t.match(problems(await file(t, `consent: ${text}`)), [{ key, message }], text)
  }
  t.match(problems(await file(t, 'recipients: {cache_size: 0}')), [{ key: 'recipients.cache_size' }])
})
