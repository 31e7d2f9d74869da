import type { Notification } from '../model/notification.js'
import { digestTemplateId } from '../model/template-variables.js'
import type { Verdict } from '../model/verdict.js'
import { inPortions } from './portions.js'
import type { Collection, Digests } from './ports.js'
import type { Stage } from './stage.js'

const READ_AT_ONCE = 25

/** Reads what is in a digest, so that it can be rendered like everything else. Once rendered it stays as it is. */
export function gather(digests: Digests): Stage {
  return {
    name: 'gather',
    concerns: ({ notification: { digest, templateUse } }) => digest !== null && templateUse === null,
    check: async (subjects) => {
      const collections: Collection[] = []
      for (const some of inPortions(subjects, READ_AT_ONCE, () => 1))
        collections.push(...(await digests.collected(some.map(({ notification }) => notification.id))))
      return subjects.map(({ notification }, n): Verdict => {
        const collection = collections[n] ?? { count: 0, items: [] }
        return { kind: 'pass', notification: withContents(notification, collection) }
      })
    },
  }
}

function withContents(notification: Notification, { count, items }: Collection): Notification {
  return {
    ...notification,
    templateId: digestTemplateId(notification.channel),
    variables: {
      frequency: notification.digest,
      count,
      items: items.map(({ id, title, content, notificationType, createdAt }) => ({
        id,
        title,
        content,
        notification_type: notificationType,
        created_at: new Date(createdAt).toISOString(),
      })),
      since: new Date(items[0]?.createdAt ?? notification.createdAt).toISOString(),
      until: new Date(notification.createdAt).toISOString(),
    },
  }
}
