import { writeFile } from 'node:fs/promises'
import { startDaemon } from './support/daemon.js'
import { Apple, KEY_ID, TEAM_ID, TOPIC } from './support/push/apple.js'
import { Google } from './support/push/google.js'
const downs: (() => unknown)[] = []
const tt = { teardown: (f: () => unknown) => { downs.unshift(f) } } as never
const google = await Google.start(tt)
const apple = await Apple.start(tt)
await writeFile('/tmp/zz-ca.pem', google.ca + '\n' + apple.ca)
const fcm = { FCM_CREDENTIALS: google.credentials, FCM_PROXY: google.proxy }
const apns = { APNS_KEY: apple.key, APNS_KEY_ID: KEY_ID, APNS_TEAM_ID: TEAM_ID, APNS_TOPIC: TOPIC, APNS_ENDPOINT: apple.endpoint }
for (let round = 0; round < 2; round++) for (const [name, env] of [['none', {}], ['fcm', fcm], ['apns', apns], ['both', {...fcm, ...apns}]] as const) {
  const b = performance.now()
  const d = await startDaemon(tt, { env: { ...env } as never })
  const up = performance.now() - b
  await new Promise((r) => setTimeout(r, 6000))
  console.error(name, Math.round(await d.residentMb()), 'MB', Math.round(up), 'ms to ready')
  await d.term()
}
for (const f of downs) await f()
process.exit()
