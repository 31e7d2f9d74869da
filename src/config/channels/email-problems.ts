import type { Problem } from '../problem.js'
import type { EmailConfig } from './email.js'

type SmtpConfig = Extract<EmailConfig['transport'], { kind: 'smtp' }>

/** RFC 1035 labels, and the selectors of RFC 6376 §3.1, which are made of them. */
const NAME = /^(?:[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?$/i
const ADDRESS = /^[^\s@<>()[\]\\,;:"]+@[^\s@<>()[\]\\,;:"]+\.[^\s@<>()[\]\\,;:".]+$/
const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]'])

/** What is wrong with the settings of email, as far as no single one shows it. */
export function emailProblems({ transport, delivery, dkim, bounceAddress }: EmailConfig): readonly Problem[] {
  const problems = [...dkimProblems(dkim), ...(transport.kind === 'smtp' ? loginProblems(transport) : [])]
  if (bounceAddress !== null && !ADDRESS.test(bounceAddress)) {
    const message = '(SMTP_BOUNCE_ADDRESS) must be one bare address, such as bounces@example.com'
    problems.push({ key: 'channels.email.bounce_address', message })
  }
  if (transport.kind === 'smtp' && delivery.slots > 2 * transport.poolSize) {
    problems.push({
      key: 'channels.email.slots',
      message:
        'must be at most twice channels.email.smtp.pool_size: more would wait in the process, not in the queue',
    })
  }
  return problems
}

function loginProblems({ username, password, oauth2 }: SmtpConfig): Problem[] {
  const problem = (key: string, message: string): Problem[] => [{ key: `channels.email.${key}`, message }]
  if (oauth2 === null) {
    if ((username === null) === (password === null)) return []
    return problem('smtp', 'needs both username and password (SMTP_USERNAME, SMTP_PASSWORD), or neither')
  }
  if (password !== null) return problem('smtp', 'must have either a password or oauth2, not both')
  if (username === null)
    return problem('smtp', 'needs username (SMTP_USERNAME) too: whose mailbox oauth2 is for')
  if (oauth2.tokenUrl === '' || oauth2.clientId === '') {
    return problem(
      'smtp.oauth2',
      'needs token_url and client_id (SMTP_OAUTH2_TOKEN_URL, SMTP_OAUTH2_CLIENT_ID)',
    )
  }
  if (oauth2.refreshToken === null && oauth2.clientSecret === null) {
    return problem(
      'smtp.oauth2',
      'needs refresh_token (SMTP_OAUTH2_REFRESH_TOKEN), or client_secret for a token in its own name',
    )
  }
  const { protocol, hostname } = new URL(oauth2.tokenUrl)
  if (protocol === 'https:' || LOOPBACK.has(hostname)) return []
  return problem(
    'smtp.oauth2.token_url',
    '(SMTP_OAUTH2_TOKEN_URL) must begin with https://: a secret goes there',
  )
}

function dkimProblems(dkim: EmailConfig['dkim']): Problem[] {
  if (dkim === null) return []
  const { domain, selector, privateKey, keyProblem } = dkim
  if (keyProblem !== null) {
    return [{ key: 'channels.email.dkim.private_key', message: `(DKIM_PRIVATE_KEY) ${keyProblem}` }]
  }
  if (domain === '' || selector === '' || privateKey === '') {
    const message =
      'needs domain, selector and private_key (DKIM_DOMAIN, DKIM_SELECTOR, DKIM_PRIVATE_KEY), or none'
    return [{ key: 'channels.email.dkim', message }]
  }
  const names = [
    { key: 'channels.email.dkim.domain', name: domain, message: '(DKIM_DOMAIN) must be a domain name' },
    {
      key: 'channels.email.dkim.selector',
      name: selector,
      message: '(DKIM_SELECTOR) must be a selector, such as s1',
    },
  ]
  return names.flatMap(({ key, name, message }) => (NAME.test(name) ? [] : [{ key, message }]))
}
