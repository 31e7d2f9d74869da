import type { Failure } from '../model/failure.js'
import type { Channel } from '../model/notification.js'
import type { Group, QuietWindow } from '../model/recipient.js'
import type { UnsubscribeLinks } from '../model/unsubscribe-links.js'
import type { Presence, Renderer } from '../streams/ports.js'
import type { Telemetry } from '../telemetry/telemetry.js'
import type { CallerLimits } from './auth/caller-limit.js'
import type {
  Authenticator,
  Blocklist,
  Bounces,
  Broadcaster,
  CallerCounters,
  DeadLetters,
  Dependency,
  Directory,
  Jobs,
  Notifications,
  PersonalData,
  Preferences,
  Schedules,
  Stats,
  Suppressions,
  TemplateLibrary,
  TextInspector,
  WebhookEndpoints,
} from './ports.js'
import type { MessageRules } from './requests/message.js'
import type { Redriving } from './use-cases/redriving.js'
import type { Sending } from './use-cases/sending.js'

/** What a request may be, at most. */
export interface RequestLimits {
  readonly bodyLimitBytes: number
  /** Of those that name many users. */
  readonly batchBodyLimitBytes: number
  /** Until the whole request has come in, body included. */
  readonly requestTimeoutMs: number
}

/** Everything the HTTP server needs from the rest. */
export interface ServerOptions {
  readonly sending: Sending
  readonly notifications: Notifications
  readonly jobs: Jobs
  readonly deadLetters: DeadLetters
  readonly redriving: Redriving
  readonly stats: Stats
  readonly personalData: PersonalData
  readonly directory: Directory
  readonly preferences: Preferences
  readonly blocklist: Blocklist
  readonly suppressions: Suppressions
  readonly bounces: Bounces
  readonly webhookEndpoints: WebhookEndpoints
  readonly schedules: Schedules
  readonly templates: TemplateLibrary
  readonly inspector: TextInspector
  readonly renderer: Renderer
  readonly unsubscribeLinks: UnsubscribeLinks
  readonly broadcaster: Broadcaster
  readonly presence: Pick<Presence, 'online' | 'list'>
  readonly authenticator: Authenticator
  readonly dependencies: readonly Dependency[]
  readonly telemetry: Telemetry
  readonly rules: MessageRules
  readonly requestLimits: RequestLimits
  readonly limits: CallerLimits
  readonly callerCounters: CallerCounters
  /** The language of templates that do not name any. */
  readonly templateLocale: string
  /** Of types whose name does not tell it. */
  readonly groups: ReadonlyMap<string, Group>
  /** Of recipients who have chosen nothing. */
  readonly quietHours: { readonly windows: readonly QuietWindow[]; readonly timezone: string }
  /** Why nothing more may be submitted for a channel now; null while there is room. Asked once a request. */
  readonly admission: (channel: Channel, tenantId: string) => Failure | null
  /** Turns `/ready` to 503, so that a load balancer goes elsewhere while requests are still answered. */
  readonly isShuttingDown: () => boolean
  /** For the OpenAPI document. */
  readonly version: string
}
