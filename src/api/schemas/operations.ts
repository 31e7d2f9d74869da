import { type Static, Type } from 'typebox'
import { Content, TenantId, Title, Window } from './text.js'
import { AnyObject, Channel, Counts, NullableNumber, oneOf, Priority } from './values.js'

export const BroadcastBody = Type.Object(
  {
    tenant_id: TenantId,
    title: Title,
    content: Content,
    priority: Type.Optional(Priority),
    metadata: Type.Optional(AnyObject({ description: 'At most 16 KB of JSON.' })),
  },
  {
    additionalProperties: false,
    examples: [{ tenant_id: 'tenant_abc', title: '系统公告', content: '今晚 22:00 升级' }],
  },
)

export const BroadcastAnswer = Type.Object({
  tenant_id: Type.String(),
  status: oneOf(['broadcast']),
})

export const StatsQuery = Type.Object({ window: Type.Optional(Window) }, { additionalProperties: false })

const ChannelStats = Type.Object({
  channel: Channel,
  total: Type.Integer(),
  success_rate: NullableNumber,
  statuses: Counts,
  latency_p50_ms: NullableNumber,
  latency_p99_ms: NullableNumber,
})

export const StatsAnswer = Type.Object({
  tenant_id: Type.String(),
  window: Type.String(),
  since: Type.String({ format: 'date-time' }),
  total: Type.Integer(),
  success_rate: Type.Unsafe<number | null>({
    type: ['number', 'null'],
    description: 'Sent, of those that were sent, failed or are uncertain; null when there are none.',
  }),
  statuses: Counts,
  channels: Type.Array(ChannelStats),
})
export type StatsAnswer = Static<typeof StatsAnswer>

export const HealthAnswer = Type.Object({ status: oneOf(['ok']) })

export const ReadyAnswer = Type.Object({
  status: oneOf(['ready', 'degraded', 'unavailable']),
  checks: Type.Unsafe<Readonly<Record<string, string>>>({
    type: 'object',
    additionalProperties: { type: 'string', enum: ['up', 'down'] },
  }),
})
