import { createHash, createHmac } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Protocol, Taken } from './stand-in.js'

export const TENCENT_KEY = { secretId: 'AKIDtest', secretKey: 'tencent-secret' }

const STALE_S = 300
const AUTHORIZATION =
  /^TC3-HMAC-SHA256 Credential=([^/]+)\/(\d{4}-\d{2}-\d{2})\/([^/]+)\/tc3_request, SignedHeaders=([a-z;-]+), Signature=([0-9a-f]{64})$/
/** What concerns the call and not the number. */
const OF_THE_CALL =
  /^(AuthFailure|RequestLimitExceeded|InternalError|ServiceUnavailable|InvalidAction|UnauthorizedOperation)/

interface SendSms {
  readonly PhoneNumberSet: readonly string[]
  readonly SmsSdkAppId: string
  readonly TemplateId: string
  readonly TemplateParamSet: readonly string[]
  readonly SignName?: string
  readonly SessionContext: string
}

/** API 3.0 of Tencent Cloud, signed by TC3-HMAC-SHA256: `SendSms` of 2021-01-11. Everything is answered with 200. */
export function tencentProtocol(): Protocol {
  return {
    read: (request, body) => {
      const wrong = check(request, body)
      if (wrong !== null) return wrong
      const { headers } = request
      if (headers['x-tc-action'] !== 'SendSms' || headers['x-tc-version'] !== '2021-01-11')
        return 'InvalidAction'
      if (headers['x-tc-region'] === undefined) return 'MissingParameter'
      const sent: SendSms = JSON.parse(body)
      const {
        SessionContext: id,
        TemplateId: template,
        TemplateParamSet: params,
        SignName: sign = null,
      } = sent
      const [number = ''] = sent.PhoneNumberSet
      if (Buffer.byteLength(id) >= 512) return 'InvalidParameter'
      if (!/^\+\d{7,15}$/.test(number)) return 'InvalidParameterValue.IncorrectPhoneNumber'
      return { number, template, params: JSON.stringify(params), text: null, sign, id }
    },
    taken: (message) => ({ status: 200, body: status(message, 'Ok', '5000:1045710669157053657849499619') }),
    refused: (code, message) => ({
      status: 200,
      body:
        message === null || OF_THE_CALL.test(code)
          ? { Response: { Error: { Code: code, Message: `refused ${message?.number}` }, RequestId: 'T-1' } }
          : status(message, code, ''),
    }),
  }
}

const status = ({ number, id }: Taken, Code: string, SerialNo: string): object => ({
  Response: {
    SendStatusSet: [
      {
        SerialNo,
        PhoneNumber: number,
        Fee: 1,
        SessionContext: id,
        Code,
        Message: `said of ${number}`,
        IsoCode: 'CN',
      },
    ],
    RequestId: 'T-2',
  },
})

function check({ method, url, headers }: IncomingMessage, body: string): string | null {
  const [, id, date = '', service = '', signed = '', signature] =
    AUTHORIZATION.exec(headers.authorization ?? '') ?? []
  if (id !== TENCENT_KEY.secretId) return 'AuthFailure.SecretIdNotFound'
  const timestamp = `${headers['x-tc-timestamp']}`
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) < STALE_S)) return 'AuthFailure.SignatureExpire'
  if (new Date(Number(timestamp) * 1000).toISOString().slice(0, 10) !== date)
    return 'AuthFailure.SignatureFailure'
  // Vendors are at port 443, where no port is in it.
  const host = headers.host?.replace(/:\d+$/, '') ?? ''
  // The product: at the vendor's, `sms`. The SDK takes what stands before the first dot.
  if (service !== headers.host?.split('.', 1)[0] || !signed.split(';').includes('host'))
    return 'AuthFailure.SignatureFailure'
  const lines = signed.split(';').map((name) => `${name}:${name === 'host' ? host : headers[name]}\n`)
  const canonical = [method, url, '', lines.join(''), signed, hashed(body)].join('\n')
  const scope = `${date}/${service}/tc3_request`
  const key = [service, 'tc3_request'].reduce<Buffer | string>(
    hmac,
    hmac(`TC3${TENCENT_KEY.secretKey}`, date),
  )
  const right = hmac(key, `TC3-HMAC-SHA256\n${timestamp}\n${scope}\n${hashed(canonical)}`).toString('hex')
  return right === signature ? null : 'AuthFailure.SignatureFailure'
}

const hmac = (key: Buffer | string, text: string): Buffer => createHmac('sha256', key).update(text).digest()
const hashed = (text: string): string => createHash('sha256').update(text).digest('hex')
