import type { FieldError } from '../model/failure.js'
import type { JsonObject } from '../model/json.js'
import type { Channel, QueuedChannel } from '../model/notification.js'
import type { Clock, Relay, Sink } from '../streams/ports.js'
import type { Telemetry } from '../telemetry/telemetry.js'
import { checkEmailAddress, createEmailSink, type EmailOptions } from './email/index.js'
import { notConfigured } from './not-configured.js'
import { checkDevices, createPushSink, type PushOptions } from './push/index.js'
import { checkPhone, spelledPhone } from './sms/phone.js'
import { createSmsSink, type SmsOptions } from './sms/sink.js'
import { checkWebhookUrl, webhookUrlPolicy } from './webhook/url-policy.js'
import { type WebhookOptions, WebhookSink } from './webhook/webhook.js'
import { WebSocketSink } from './websocket/sink.js'

/** What is wrong with the address that a channel needs in the metadata; `prefix` is where they stand in the request. */
export type AddressCheck = (metadata: JsonObject, prefix: string) => FieldError | null

export interface Sinks {
  /** A channel that is delivered from a lane needs a line here. */
  readonly byChannel: Readonly<Record<QueuedChannel, Sink>>
  readonly addressChecks: Readonly<Record<Channel, AddressCheck>>
  /** The metadata with their addresses in the one spelling by which the rest of the service knows it. */
  readonly spelled: (metadata: JsonObject) => JsonObject
  close(): Promise<void>
}

export interface SinkOptions {
  readonly email: EmailOptions
  readonly sms: SmsOptions
  /** Null: no provider is configured. */
  readonly push: PushOptions | null
  readonly webhook: WebhookOptions
  readonly relay: Relay
  readonly clock: Clock
  readonly telemetry: Telemetry
}

export function openSinks({ email, sms, push, webhook, relay, clock, telemetry }: SinkOptions): Sinks {
  const mail = createEmailSink(email)
  const hooks = new WebhookSink(webhook)
  const pushes = push === null ? null : createPushSink(push)
  const urls = webhookUrlPolicy(webhook)
  const checkUrl = (url: unknown): string | null =>
    typeof url === 'string' ? checkWebhookUrl(url, urls) : 'must be the URL to post to'
  return {
    byChannel: {
      email: mail,
      sms: createSmsSink(sms, telemetry),
      websocket: new WebSocketSink(relay, clock),
      webhook: hooks,
      push: pushes ?? notConfigured('push'),
    },
    addressChecks: {
      email: (metadata, prefix) => refusal(`${prefix}/email`, checkEmailAddress(metadata.email)),
      webhook: (metadata, prefix) => refusal(`${prefix}/webhook_url`, checkUrl(metadata.webhook_url)),
      sms: (metadata, prefix) => refusal(`${prefix}/phone`, checkPhone(metadata, sms.defaultCountry)),
      push: checkDevices,
      // Reached by the user's id alone.
      websocket: () => null,
      in_app: () => null,
    },
    // On every channel: a fallback may go to it.
    spelled: (metadata) => spelledPhone(metadata, sms.defaultCountry),
    close: async () => {
      await Promise.all([mail.close(), hooks.close(), pushes?.close()])
    },
  }
}

const refusal = (field: string, message: string | null): FieldError | null =>
  message === null ? null : { field, message }
