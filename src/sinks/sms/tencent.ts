import type { DeliveryFailure } from '../../model/outcome.js'
import { call } from './call.js'
import type { Destination } from './connection.js'
import { fieldsOf } from './fields.js'
import type { SmsProvider, TextMessage } from './provider.js'
import { noTemplate, refusal } from './refusal.js'
import { TENCENT_CODES } from './tencent-codes.js'

export interface TencentOptions extends Destination {
  readonly secretId: string
  readonly secretKey: string
  /** `SmsSdkAppId`. */
  readonly appId: string
  readonly signName: string
  /** For texts without a code of their own: a template whose one parameter takes the text. Null: those are refused. */
  readonly templateId: string | null
  readonly region: string
}

const NAME = 'tencent'
const MAINLAND = '+86'

/** Tencent Cloud's short message service, `SendSms` of 2021-01-11. */
export class TencentSms implements SmsProvider {
  readonly name = NAME
  readonly #options: TencentOptions
  /** Loaded only where it is used: 18 MB. */
  readonly #sdk = import('tencentcloud-sdk-nodejs-sms')

  constructor(options: TencentOptions) {
    this.#options = options
  }

  async send(message: TextMessage, signal: AbortSignal): Promise<{ readonly providerId: string }> {
    const { endpoint, secretId, secretKey, appId, signName, region } = this.#options
    const request = {
      PhoneNumberSet: [message.number],
      SmsSdkAppId: appId,
      // Signatures are approved for the mainland and for abroad apart; abroad none is needed.
      ...(message.number.startsWith(MAINLAND) ? { SignName: signName } : {}),
      ...this.#template(message),
      SessionContext: message.id,
    }
    const { Client } = (await this.#sdk).default.sms.v20210111
    const providerId = await call(
      NAME,
      this.#options,
      signal,
      (agent) =>
        new Client({
          credential: { secretId, secretKey },
          region,
          profile: {
            httpProfile: {
              endpoint: endpoint.host,
              protocol: `${endpoint.protocol}//`,
              // None of its own: the signal bounds the call.
              reqTimeout: 0,
              // The SDK asks for gzip, and to unpack it waits for a thread: where those are busy, an answer that
              // is here would not be read in time.
              headers: { 'Accept-Encoding': 'identity' },
              agent,
            },
          },
        }).SendSms(request),
      readAnswer,
      refusalIn,
    )
    return { providerId }
  }

  /** @throws DeliveryFailure `template_refused` */
  #template({ text, vendorText }: TextMessage): { TemplateId: string; TemplateParamSet: string[] } {
    const code = vendorText?.codes[NAME]
    if (code !== undefined) {
      return { TemplateId: code, TemplateParamSet: (vendorText?.params ?? []).map(([, value]) => value) }
    }
    const { templateId } = this.#options
    if (templateId === null) throw noTemplate(NAME)
    return { TemplateId: templateId, TemplateParamSet: [text] }
  }
}

/** Null: it is none that the vendor documents. A number is refused in the answer of a call that went well. */
function readAnswer(answer: unknown): string | null {
  const { SendStatusSet } = fieldsOf(answer)
  const { Code, SerialNo } = fieldsOf(Array.isArray(SendStatusSet) ? SendStatusSet[0] : undefined)
  if (typeof Code !== 'string') return null
  if (Code !== 'Ok') throw refusal(NAME, Code, TENCENT_CODES)
  return typeof SerialNo === 'string' ? SerialNo : ''
}

/** The code of an answer; the SDK's errors about HTTP have none. */
function refusalIn(error: unknown): DeliveryFailure | null {
  const { code, requestId } = fieldsOf(error)
  return typeof code === 'string' && typeof requestId === 'string' && code !== ''
    ? refusal(NAME, code, TENCENT_CODES)
    : null
}
