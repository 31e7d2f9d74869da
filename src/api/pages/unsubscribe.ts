import type { LinkedGroup } from '../../model/unsubscribe-links.js'
import type { UnsubscribeLink } from '../../model/unsubscribe-token.js'
import { escapeHtml, page } from './page.js'
import { type Language, TEXTS } from './unsubscribe-texts.js'

export type Scope = 'type' | 'group'

/** What is to be turned off, without a word about who it is that asks. */
export interface Unsubscribing {
  readonly link: UnsubscribeLink
  readonly group: LinkedGroup
}

/** Asks what is to be turned off. A form without a target goes to where the page came from, the token with it. */
export function questionPage(language: Language, { link, group }: Unsubscribing): string {
  const texts = TEXTS[language]
  const { type, channel } = names(language, link)
  return page(
    language,
    texts.title,
    paragraph(texts.question(type, channel)) +
      form(button('type', texts.ofType(type, channel)) + groupButton(language, group)),
  )
}

export function donePage(language: Language, { link, group }: Unsubscribing, scope: Scope): string {
  const texts = TEXTS[language]
  const { type, channel } = names(language, link)
  if (scope === 'group') return page(language, texts.doneTitle, status(texts.groupDone(texts.groups[group])))
  return page(
    language,
    texts.doneTitle,
    status(texts.typeDone(type, channel)) + form(groupButton(language, group)),
  )
}

export function usedPage(language: Language): string {
  const { usedTitle, used } = TEXTS[language]
  return page(language, usedTitle, status(used))
}

/** @param retry the same request may succeed later */
export function refusalPage(language: Language, retry: boolean): string {
  const { refusedTitle, refused, laterTitle, later } = TEXTS[language]
  return page(language, retry ? laterTitle : refusedTitle, paragraph(retry ? later : refused))
}

const names = (language: Language, { notificationType, channel }: UnsubscribeLink) => ({
  type: notificationType,
  channel: TEXTS[language].channels[channel] ?? channel,
})

function groupButton(language: Language, group: LinkedGroup): string {
  const { groups, ofGroup, everyChannel } = TEXTS[language]
  return `${button('group', ofGroup(groups[group]))}<small>${escapeHtml(everyChannel)}</small>`
}

const form = (fields: string): string => `<form method="post">${fields}</form>`

const button = (scope: Scope, text: string): string =>
  `<button name="scope" value="${scope}">${escapeHtml(text)}</button>`

const paragraph = (text: string): string => `<p>${escapeHtml(text)}</p>`

const status = (text: string): string => `<p role="status">${escapeHtml(text)}</p>`
