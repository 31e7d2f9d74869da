import { createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Protocol, Taken } from './stand-in.js'

export const ALIYUN_KEY = { accessKeyId: 'LTAItestkey', accessKeySecret: 'aliyun-secret' }

const STALE_MS = 15 * 60_000
/** What the gateway answers with another status than 200; its own service says no with 200. */
const STATUS = new Map(
  Object.entries({
    SignatureDoesNotMatch: 400,
    SignatureNonceUsed: 400,
    'InvalidTimeStamp.Expired': 400,
    'InvalidAccessKeyId.NotFound': 404,
    'Throttling.User': 400,
    InternalError: 500,
    ServiceUnavailable: 503,
  }),
)

/** RPC of Aliyun, signature version 1.0 with HMAC-SHA1: `SendSms` and `SendMessageToGlobe`. */
export function aliyunProtocol(): Protocol {
  const nonces = new Set<string>()

  const check = (method: string, params: URLSearchParams): string | null => {
    const nonce = params.get('SignatureNonce') ?? ''
    if (params.get('AccessKeyId') !== ALIYUN_KEY.accessKeyId) return 'InvalidAccessKeyId.NotFound'
    const age = Math.abs(Date.now() - Date.parse(params.get('Timestamp') ?? ''))
    if (!(age < STALE_MS)) return 'InvalidTimeStamp.Expired'
    if (nonce === '' || nonces.has(nonce)) return 'SignatureNonceUsed'
    nonces.add(nonce)
    return same(signatureOf(method, params), params.get('Signature') ?? '') ? null : 'SignatureDoesNotMatch'
  }

  return {
    read: (request: IncomingMessage, body: string) => {
      if (request.headers['content-type'] !== 'application/x-www-form-urlencoded')
        return 'UnsupportedHTTPMethod'
      const params = new URLSearchParams(body)
      const wrong = check(request.method ?? '', params)
      if (wrong !== null) return wrong
      const action = `${params.get('Action')} ${params.get('Version')}`
      if (action === 'SendSms 2017-05-25') return readSendSms(params)
      if (action === 'SendMessageToGlobe 2018-05-01') return readGlobal(params)
      return 'InvalidAction.NotFound'
    },
    taken: ({ text, number }) => ({
      status: 200,
      body:
        text === null
          ? { Message: 'OK', RequestId: 'A-1', Code: 'OK', BizId: '9006195027^0' }
          : {
              ResponseCode: 'OK',
              ResponseDescription: 'accepted',
              RequestId: 'A-2',
              MessageId: '1008',
              To: number,
            },
    }),
    refused: (code, message) => {
      const told = `refused ${message?.number}`
      const status = STATUS.get(code) ?? 200
      return message?.text && status === 200
        ? { status, body: { ResponseCode: code, ResponseDescription: told, RequestId: 'A-3' } }
        : { status, body: { Code: code, Message: told, RequestId: 'A-3' } }
    },
  }
}

function readSendSms(params: URLSearchParams): Taken | string {
  const text = params.get('TemplateParam') ?? '{}'
  if (Object.values(JSON.parse(text)).some((value) => typeof value !== 'string'))
    return 'isv.INVALID_JSON_PARAM'
  const number = params.get('PhoneNumbers') ?? ''
  if (!/^(1\d{10}|[2-9]\d{6,14}|1[2-9]\d{9})$/.test(number)) return 'isv.MOBILE_NUMBER_ILLEGAL'
  const id = params.get('OutId') ?? ''
  if (id.length > 256) return 'isv.INVALID_PARAMETERS'
  return {
    number,
    template: params.get('TemplateCode'),
    params: text,
    text: null,
    sign: params.get('SignName'),
    id,
  }
}

function readGlobal(params: URLSearchParams): Taken | string {
  const number = params.get('To') ?? ''
  if (number.startsWith('86')) return 'isv.COUNTRY_RESTRICTED'
  if (!/^\d{7,15}$/.test(number)) return 'isv.MOBILE_NUMBER_ILLEGAL'
  const id = params.get('TaskId') ?? ''
  if (id.length > 255) return 'isv.INVALID_PARAMETERS'
  return { number, template: null, params: '', text: params.get('Message'), sign: params.get('From'), id }
}

/** Over every other parameter, sorted, each percent-encoded by RFC 3986, and the whole once more. */
function signatureOf(method: string, params: URLSearchParams): string {
  const sorted = [...params].filter(([name]) => name !== 'Signature').sort(([a], [b]) => (a < b ? -1 : 1))
  const canonical = sorted.map(([name, value]) => `${encoded(name)}=${encoded(value)}`).join('&')
  return createHmac('sha1', `${ALIYUN_KEY.accessKeySecret}&`)
    .update(`${method}&${encoded('/')}&${encoded(canonical)}`)
    .digest('base64')
}

const encoded = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)

const same = (a: string, b: string): boolean =>
  a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b))
