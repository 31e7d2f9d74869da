import t from 'tap'
import { loadConfig } from '../../src/config/load.js'

const FCM = { FCM_CREDENTIALS: '/etc/fcm.json' }
const APNS = { APNS_KEY: '/etc/key.p8', APNS_KEY_ID: 'K', APNS_TEAM_ID: 'T', APNS_TOPIC: 'com.example.app' }

const pushOf = (env: Record<string, string>) => loadConfig({ env }).channels.push

const problemsWith = (env: Record<string, string>): string => {
  try {
    pushOf(env)
  } catch (error) {
    return String(error)
  }
  return ''
}

t.test('no more at once than the providers take', async (t) => {
  t.match(pushOf({}), { enabled: false, providers: { fcm: null, apns: null } })
  t.match(pushOf(FCM), { enabled: true, delivery: { slots: 40, timeoutMs: 37_000, tries: 1 } })
  t.match(pushOf({ ...FCM, ...APNS }), { delivery: { slots: 50 } })
})

t.test('half a provider is named, and not repeated', async (t) => {
  for (const [env, expected] of [
    [{ FCM_PROXY: 'http://proxy.example.com' }, /channels\.push\.fcm .*FCM_PROXY.*FCM_CREDENTIALS/],
    [
      { APNS_KEY_ID: 'KEYID', APNS_TOPIC: 'com.example' },
      /channels\.push\.apns .*APNS_KEY_ID.*APNS_TOPIC.*APNS_KEY\)/,
    ],
    [{ ...FCM, APNS_ENDPOINT: 'a.example.com:443' }, /channels\.push\.apns .*APNS_ENDPOINT.*APNS_KEY\)/],
    [{ APNS_KEY: '/etc/key.p8' }, /channels\.push\.apns .*APNS_KEY_ID, APNS_TEAM_ID, APNS_TOPIC/],
  ] as const) {
    const message = problemsWith(env)
    t.match(message, expected)
    t.notMatch(message, /example\.com|KEYID/)
  }
})
