import fc from 'fast-check'
import t from 'tap'
import { CHANNELS } from '../../src/model/notification.js'
import { preferenceFor } from '../../src/model/preference.js'
import { FREQUENCIES, GROUPS, type Subscription } from '../../src/model/recipient.js'

const TYPES = ['a', 'marketing', 'marketing.x', 'system']

const channel = fc.constantFrom(...CHANNELS, null)
const choice = { channel, enabled: fc.boolean(), frequency: fc.constantFrom(...FREQUENCIES) }
const rule: fc.Arbitrary<Subscription> = fc.oneof(
  fc.record({ scope: fc.constant('type' as const), name: fc.constantFrom(...TYPES), ...choice }),
  fc.record({ scope: fc.constant('group' as const), name: fc.constantFrom(...GROUPS), ...choice }),
  fc.record({ scope: fc.constant('all' as const), name: fc.constant(''), ...choice }),
)
const rules = fc.uniqueArray(rule, {
  maxLength: 12,
  selector: ({ scope, name, channel }) => `${scope} ${name} ${channel}`,
})

t.test('the most specific rule decides, whatever the order of the rules', async (t) => {
  fc.assert(
    fc.property(
      rules,
      fc.constantFrom(...TYPES),
      fc.constantFrom(...GROUPS),
      fc.constantFrom(...CHANNELS),
      (rules, type, group, channel) => {
        // The order of precedence, as the documentation lists it.
        const first = [
          rules.find((one) => one.scope === 'type' && one.name === type && one.channel === channel),
          rules.find((one) => one.scope === 'type' && one.name === type && one.channel === null),
          rules.find((one) => one.scope === 'group' && one.name === group && one.channel === channel),
          rules.find((one) => one.scope === 'group' && one.name === group && one.channel === null),
          rules.find((one) => one.scope === 'all' && one.channel === channel),
          rules.find((one) => one.scope === 'all' && one.channel === null),
        ].find((one) => one !== undefined)
        const expected =
          first === undefined || group === 'system'
            ? null
            : { enabled: first.enabled, frequency: first.frequency }
        t.same(preferenceFor(rules, type, group, channel), expected)
      },
    ),
    { numRuns: 2_000 },
  )
})

t.test('a type that is named like a group is not the group', async (t) => {
  const off = { scope: 'type', name: 'marketing', channel: null, enabled: false, frequency: 'daily' } as const
  t.equal(preferenceFor([off], 'marketing.sale', 'marketing', 'email'), null)
  t.same(preferenceFor([off], 'marketing', 'marketing', 'email'), { enabled: false, frequency: 'daily' })
})
