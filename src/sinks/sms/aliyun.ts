import type { DeliveryFailure } from '../../model/outcome.js'
import { ALIYUN_CODES } from './aliyun-codes.js'
import { call } from './call.js'
import type { Destination } from './connection.js'
import { fieldsOf } from './fields.js'
import type { SmsProvider, TextMessage } from './provider.js'
import { noTemplate, refusal } from './refusal.js'

export interface AliyunOptions extends Destination {
  readonly accessKeyId: string
  readonly accessKeySecret: string
  readonly signName: string
  /** For one call. */
  readonly timeoutMs: number
  /** For texts without a code of their own: a template whose one parameter takes the text. Null: those are refused. */
  readonly templateCode: string | null
  readonly contentParam: string
  /** Where texts for numbers outside the mainland go as they are. Null: those need a template, too. */
  readonly global: { readonly endpoint: URL; readonly from: string | null } | null
}

const NAME = 'aliyun'
/** The SDK always has a limit of its own, this many times ours; the signal is what bounds the call. */
const SDK_PATIENCE = 2
const MAINLAND = '+86'
const MAINLAND_API = '2017-05-25'
const GLOBAL_API = '2018-05-01'

interface Request {
  readonly endpoint: URL
  readonly version: string
  readonly action: string
  readonly params: Readonly<Record<string, string>>
}

/** Aliyun's short message service: `SendSms` by template code, `SendMessageToGlobe` abroad. */
export class AliyunSms implements SmsProvider {
  readonly name = NAME
  readonly #options: AliyunOptions
  /** Loaded only where it is used: 12 MB. */
  readonly #sdk = import('@alicloud/pop-core')

  constructor(options: AliyunOptions) {
    this.#options = options
  }

  async send(message: TextMessage, signal: AbortSignal): Promise<{ readonly providerId: string }> {
    const { accessKeyId, accessKeySecret, timeoutMs, ca, lookup } = this.#options
    const { endpoint, version, action, params } = this.#request(message)
    const { default: RpcClient } = await this.#sdk
    const client = new RpcClient({
      endpoint: endpoint.origin,
      apiVersion: version,
      accessKeyId,
      accessKeySecret,
    })
    const providerId = await call(
      NAME,
      { endpoint, ca, lookup },
      signal,
      // In the body: a query, with the number in it, would stand in the logs of whatever is on the way.
      (agent) => client.request(action, params, { method: 'POST', agent, timeout: SDK_PATIENCE * timeoutMs }),
      readAnswer,
      refusalIn,
    )
    return { providerId }
  }

  /** @throws DeliveryFailure `template_refused` */
  #request({ id, number, text, vendorText }: TextMessage): Request {
    const { endpoint, signName, templateCode, contentParam, global } = this.#options
    const mainland = number.startsWith(MAINLAND)
    if (global !== null && !mainland) {
      const from = global.from === null ? {} : { From: global.from }
      const params = { To: number.slice(1), Message: text, TaskId: id, ...from }
      return { endpoint: global.endpoint, version: GLOBAL_API, action: 'SendMessageToGlobe', params }
    }
    const code = vendorText?.codes[NAME]
    const template =
      code !== undefined
        ? { TemplateCode: code, TemplateParam: JSON.stringify(Object.fromEntries(vendorText?.params ?? [])) }
        : templateCode !== null
          ? { TemplateCode: templateCode, TemplateParam: JSON.stringify({ [contentParam]: text }) }
          : null
    if (template === null) throw noTemplate(NAME)
    // Eleven digits in the mainland; elsewhere the country and the number, without a sign.
    const PhoneNumbers = number.slice(mainland ? MAINLAND.length : 1)
    const params = { PhoneNumbers, SignName: signName, ...template, OutId: id }
    return { endpoint, version: MAINLAND_API, action: 'SendSms', params }
  }
}

/** The vendor's own id of what it took; null when the answer is none that it documents. */
function readAnswer(answer: unknown): string | null {
  const { Code, ResponseCode, BizId, MessageId, RequestId } = fieldsOf(answer)
  const code = Code ?? ResponseCode
  if (typeof code !== 'string') return null
  if (code !== 'OK') throw refusal(NAME, code, ALIYUN_CODES)
  return [BizId, MessageId, RequestId].find((id) => typeof id === 'string') ?? ''
}

/** pop-core puts the answer into `data` of what it throws. */
function refusalIn(error: unknown, status: number | null): DeliveryFailure | null {
  const { Code } = fieldsOf(fieldsOf(error).data)
  return typeof Code === 'string' ? refusal(NAME, Code, ALIYUN_CODES, status) : null
}
