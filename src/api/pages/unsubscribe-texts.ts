import type { Channel } from '../../model/notification.js'
import type { LinkedGroup } from '../../model/unsubscribe-links.js'

export const LANGUAGES = ['en', 'zh'] as const
export type Language = (typeof LANGUAGES)[number]

interface Texts {
  readonly title: string
  /** Channels that are called otherwise than in the API. */
  readonly channels: Readonly<Partial<Record<Channel, string>>>
  readonly groups: Readonly<Record<LinkedGroup, string>>
  question(type: string, channel: string): string
  /** On the buttons. */
  ofType(type: string, channel: string): string
  ofGroup(group: string): string
  /** Under the button for the group. */
  readonly everyChannel: string
  readonly doneTitle: string
  typeDone(type: string, channel: string): string
  groupDone(group: string): string
  readonly usedTitle: string
  readonly used: string
  readonly refusedTitle: string
  readonly refused: string
  readonly laterTitle: string
  readonly later: string
}

export const TEXTS: Readonly<Record<Language, Texts>> = {
  en: {
    title: 'Unsubscribe',
    channels: { email: 'email', in_app: 'the inbox of the app', websocket: 'live message' },
    groups: { activity: 'activity', marketing: 'marketing' },
    question: (type, channel) => `Do you want no more messages of the type “${type}” by ${channel}?`,
    ofType: (type, channel) => `Stop “${type}” by ${channel}`,
    ofGroup: (group) => `Stop all ${group} messages`,
    everyChannel: 'This stops them by every channel, not by this one alone.',
    doneTitle: 'You are unsubscribed',
    typeDone: (type, channel) => `You will get no more messages of the type “${type}” by ${channel}.`,
    groupDone: (group) => `You will get no more ${group} messages.`,
    usedTitle: 'This link was used before',
    used: 'Nothing was changed now. If you still get these messages, use the link in the newest one.',
    refusedTitle: 'This link does not work',
    refused: 'Nothing was changed. A part of it may be missing: open it from the message itself.',
    laterTitle: 'This did not work now',
    later: 'Please try again in a minute.',
  },
  zh: {
    title: '退订',
    channels: { email: '电子邮件', in_app: '应用内收件箱', websocket: '实时消息', webhook: 'Webhook' },
    groups: { activity: '动态', marketing: '营销' },
    question: (type, channel) => `您是否不再希望通过${channel}接收“${type}”类型的消息？`,
    ofType: (type, channel) => `停止通过${channel}接收“${type}”`,
    ofGroup: (group) => `停止接收所有${group}消息`,
    everyChannel: '这将停止所有渠道的此类消息，而不仅是当前渠道。',
    doneTitle: '退订成功',
    typeDone: (type, channel) => `您将不再通过${channel}收到“${type}”类型的消息。`,
    groupDone: (group) => `您将不再收到${group}消息。`,
    usedTitle: '此链接已使用过',
    used: '本次未作任何更改。如果您仍收到此类消息，请使用最新消息中的链接。',
    refusedTitle: '此链接无效',
    refused: '未作任何更改。链接可能不完整，请直接从消息中打开。',
    laterTitle: '暂时无法处理',
    later: '请稍后再试。',
  },
}
