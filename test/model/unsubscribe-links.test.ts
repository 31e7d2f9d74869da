import t from 'tap'
import { UnsubscribeLinks } from '../../src/model/unsubscribe-links.js'
import { aNotification } from '../support/notification.js'
import { PUBLIC_URL, tokenIn, unsubscribeLinks } from '../support/unsubscribe.js'

t.test('marketing and activity get a link, digests among them; billing and system get none', async (t) => {
  const links = unsubscribeLinks({
    newsletter: 'marketing',
    password_changed: 'system',
    'activity.bill': 'billing',
  })
  const linkOf = (notificationType: string) => links.linkFor(aNotification({ notificationType }))
  for (const type of ['marketing', 'marketing.sale', 'newsletter', 'activity', 'digest', 'comment.reply'])
    t.match(linkOf(type), `${PUBLIC_URL}/unsubscribe?token=`, type)
  for (const type of [
    'system',
    'system.password',
    'billing',
    'billing.invoice',
    'password_changed',
    'activity.bill',
  ])
    t.equal(linkOf(type), null, type)
})

t.test('the link says whose it is and what it is about', async (t) => {
  const links = unsubscribeLinks()
  const notification = aNotification({ channel: 'email', notificationType: 'marketing.sale' })
  t.same(links.read(tokenIn(links.linkFor(notification))), {
    tenantId: 'acme',
    userId: 'ada',
    notificationType: 'marketing.sale',
    channel: 'email',
    notificationId: notification.id,
  })
  t.equal(links.groupOf('marketing.sale'), 'marketing')
  t.equal(links.groupOf('billing'), null)
})

t.test('the address is asked for each time: at first nobody knows where the server listens', async (t) => {
  let url = ''
  const links = new UnsubscribeLinks({ secret: 'x', publicUrl: () => url, groups: new Map() })
  url = 'http://127.0.0.1:12345'
  t.match(links.linkFor(aNotification()), /^http:\/\/127\.0\.0\.1:12345\/unsubscribe\?token=/)
})
