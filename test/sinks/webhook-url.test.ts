import fc from 'fast-check'
import t from 'tap'
import { matchesUrlPattern, parseUrlPattern } from '../../src/sinks/webhook/url-pattern.js'
import { checkWebhookUrl, webhookUrlPolicy } from '../../src/sinks/webhook/url-policy.js'

const anyPublic = webhookUrlPolicy({ allowlist: [], allowPrivate: false })
const anything = webhookUrlPolicy({ allowlist: [], allowPrivate: true })

t.test('fine', async (t) => {
  for (const url of [
    'https://hooks.example.com',
    'http://example.com:8080/a/b?c=d#e',
    'HTTPS://EXAMPLE.COM/',
    'https://8.8.8.8/hook',
    'https://[2606:4700:4700::1111]:8443/',
    'https://bücher.example/',
    `https://example.com/${'x'.repeat(2028)}`,
  ]) {
    t.equal(checkWebhookUrl(url, anyPublic), null, url)
  }
})

t.test('not an absolute http or https URL', async (t) => {
  for (const url of [
    '',
    '/hook',
    'example.com/hook',
    '//example.com/hook',
    'https:/example.com',
    'https:example.com',
    'ftp://example.com',
    'file:///etc/passwd',
    'gopher://example.com',
    'javascript:alert(1)',
    'http://',
    'http://exa mple.com',
    'http://256.256.256.256/',
    'http://[::1/',
    ' https://example.com',
  ]) {
    t.match(checkWebhookUrl(url, anything), /absolute/, url)
  }
})

t.test('credentials, port 0, too long', async (t) => {
  t.match(checkWebhookUrl('https://user:pass@example.com/', anything), /credentials/)
  t.match(checkWebhookUrl('https://token@example.com/', anything), /credentials/)
  t.match(checkWebhookUrl('https://example.com:0/', anything), /port 0/)
  t.match(checkWebhookUrl(`https://example.com/${'x'.repeat(2029)}`, anything), /2048/)
})

t.test('private addresses are refused at once, and are fine where allowed', async (t) => {
  for (const host of [
    '127.0.0.1',
    '127.0.0.1.',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0x7f.1',
    '0177.0.0.1',
    '0',
    '0.0.0.0',
    '10.0.0.1',
    '169.254.169.254',
    '168.63.129.16',
    '①②⑦.0.0.1',
    '[::1]',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[64:ff9b::7f00:1]',
    '[fd00:ec2::254]',
    'localhost',
    'LOCALHOST.',
    'a.localhost',
  ]) {
    t.match(checkWebhookUrl(`http://${host}/`, anyPublic), /public address/, host)
    t.equal(checkWebhookUrl(`http://${host}/`, anything), null, host)
  }
})

const allowed = (allowlist: string[], url: string) =>
  checkWebhookUrl(url, webhookUrlPolicy({ allowlist, allowPrivate: false })) === null

t.test('the allowlist', async (t) => {
  const cases: [pattern: string, url: string, expected: boolean][] = [
    ['https://hooks.example.com', 'https://hooks.example.com/any/path?q', true],
    ['https://hooks.example.com', 'https://HOOKS.example.com./', true],
    ['https://hooks.example.com', 'http://hooks.example.com/', false],
    ['https://hooks.example.com', 'https://hooks.example.com:8443/', false],
    ['https://hooks.example.com', 'https://hooks.example.com.evil.test/', false],
    ['https://hooks.example.com', 'https://evil.test/https://hooks.example.com', false],
    ['https://hooks.example.com:443', 'https://hooks.example.com/', true],
    ['https://hooks.example.com:8443', 'https://hooks.example.com:8443/', true],
    ['https://hooks.example.com:*', 'https://hooks.example.com:9999/', true],
    ['https://*.example.com/hooks/*', 'https://a.example.com/hooks/1', true],
    ['https://*.example.com/hooks/*', 'https://a.b.example.com/hooks/1/2', true],
    ['https://*.example.com/hooks/*', 'https://example.com/hooks/1', false],
    ['https://*.example.com/hooks/*', 'https://notexample.com/hooks/1', false],
    ['https://*.example.com/hooks/*', 'https://a.example.com/other', false],
    ['https://*.example.com/hooks/*', 'https://a.example.com/hooks/../admin', false],
    ['https://*.example.com/hooks/*', 'https://a.example.com/hooks/%2e%2e/admin', false],
    ['https://*.example.com/hooks/*', 'https://a.example.com/hooks/..%2Fadmin', false],
    ['https://*.example.com/hooks/*', 'https://a.example.com/hooks/..%5cadmin', false],
    ['https://*.example.com/hooks/*', 'https://evil.test/?x=.example.com/hooks/1', false],
    ['https://*.example.com/hooks/*', 'https://evil.test/.example.com/hooks/1', false],
    ['https://*.example.com/hooks/*', 'https://evil.test\\.example.com/hooks/1', false],
    ['https://*', 'https://anywhere.test/x', true],
    ['https://example.com/', 'https://example.com/', true],
    ['https://example.com/', 'https://example.com/x', false],
    ['https://example.com/a', 'https://example.com/a?token=1', true],
    ['https://example.com/*/end', 'https://example.com/x/end', true],
    ['https://example.com/*/end', 'https://example.com/end', false],
    ['https://example.com/a*a', 'https://example.com/a', false],
    ['https://example.com/a*b*c', 'https://example.com/a1b2c', true],
    ['https://example.com/a*b*c', 'https://example.com/a1c2b', false],
    ['https://bücher.example', 'https://xn--bcher-kva.example/', true],
    ['http://[2606:4700::1]:8080', 'http://[2606:4700:0::1]:8080/', true],
    ['http://10.0.0.1', 'http://10.0.0.1/', false],
  ]
  for (const [pattern, url, expected] of cases)
    t.equal(allowed([pattern], url), expected, `${pattern} ${url}`)
  t.ok(allowed(['https://a.test', 'https://b.test'], 'https://b.test/'))
})

t.test('a pattern that cannot be read is refused at start', async (t) => {
  for (const pattern of [
    '',
    'example.com',
    '*',
    'ftp://example.com',
    'https://',
    'https://a*.test',
    'https://*.*',
  ]) {
    t.throws(() => parseUrlPattern(pattern), { message: /not a URL pattern/ }, pattern)
  }
})

t.test('a star in the path means what it means in a regular expression', async () => {
  const piece = fc.stringMatching(/^[ab*]{0,8}$/)
  fc.assert(
    fc.property(piece, fc.stringMatching(/^[ab]{0,12}$/), (glob, path) => {
      const pattern = parseUrlPattern(`https://example.com/${glob}`)
      const expected = new RegExp(`^/${glob.replaceAll('*', '.*')}$`).test(`/${path}`)
      return matchesUrlPattern(pattern, new URL(`https://example.com/${path}`)) === expected
    }),
    { numRuns: 2000 },
  )
})

t.test('no text makes the check throw', async () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.webUrl(),
        fc.string(),
        fc.string().map((text) => `http://${text}`),
      ),
      (text) => {
        const wrong = checkWebhookUrl(text, anyPublic)
        return wrong === null || wrong.startsWith('must ')
      },
    ),
    { numRuns: 2000 },
  )
})
