import type { Channel } from '../model/notification.js'
import type { Template, TemplateText } from '../model/template.js'
import { digestTemplateId } from '../model/template-variables.js'

const TITLES = {
  zh: '您有 {{ count }} 条新通知',
  en: '{{ count }} new notifications',
} as const

const MORE = {
  zh: '另有 {{ count | minus: items.size }} 条',
  en: 'and {{ count | minus: items.size }} more',
} as const

/** Tags are taken out of the contents, which were HTML; what they escape stays escaped. */
const html = (more: string): string => `<ul>
{% for item in items %}<li><strong>{{ item.title }}</strong><br>{{ item.content | strip_html | truncate: 300 | raw }}</li>
{% endfor %}</ul>
{% if count > items.size %}<p>${more}</p>
{% endif %}`

const plain = (
  more: string,
): string => `{% for item in items %}{{ item.title }}: {{ item.content | truncate: 300 }}
{% endfor %}{% if count > items.size %}${more}
{% endif %}`

/** For tenants that have made none. */
export function builtInDigest(channel: Channel): Template {
  const content = channel === 'email' ? html : plain
  const text = (locale: keyof typeof TITLES): TemplateText => ({
    title: TITLES[locale],
    content: content(MORE[locale]),
  })
  return {
    id: digestTemplateId(channel),
    version: 0,
    channel,
    defaultLocale: 'zh',
    variables: [],
    variants: [{ name: 'default', weight: 1, texts: { zh: text('zh'), en: text('en') } }],
  }
}
