import fc from 'fast-check'
import t from 'tap'
import { isPublicAddress } from '../../src/sinks/outbound/public-address.js'

const PRIVATE: Record<string, readonly string[]> = {
  'this host': ['0.0.0.0', '0.1.2.3', '::', '::0'],
  loopback: ['127.0.0.1', '127.255.255.254', '::1', '0:0:0:0:0:0:0:1'],
  'private (RFC 1918)': ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.0.1'],
  'link-local and cloud metadata': ['169.254.0.1', '169.254.169.254', 'fe80::1', 'fe80::1%eth0', 'febf::1'],
  'other cloud metadata': [
    '100.100.100.200',
    '168.63.129.16',
    '192.0.0.192',
    'fd00:ec2::254',
    'fd20:ce::254',
  ],
  'unique local': ['fc00::1', 'fdff:ffff::1'],
  'site-local': ['fec0::1', 'feff::1'],
  'carrier-grade NAT': ['100.64.0.1', '100.127.255.255'],
  multicast: ['224.0.0.1', '239.255.255.255', 'ff02::1', 'ff0e::1'],
  broadcast: ['255.255.255.255'],
  reserved: ['240.0.0.1', '192.0.0.1', '192.88.99.1', '4000::1', 'e000::1', '200::1'],
  benchmarking: ['198.18.0.1', '198.19.255.255', '2001:2::1'],
  documentation: ['192.0.2.1', '198.51.100.1', '203.0.113.1', '2001:db8::1', '3fff::1'],
  discard: ['100::1'],
  'IPv4-mapped': ['::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:8.8.8.8', '0:0:0:0:0:ffff:a9fe:a9fe'],
  'IPv4-compatible': ['::127.0.0.1', '::7f00:1', '::8.8.8.8'],
  'IPv4-translated': ['::ffff:0:127.0.0.1'],
  NAT64: [
    '64:ff9b::7f00:1',
    '64:ff9b::127.0.0.1',
    '64:ff9b::8.8.8.8',
    '64:ff9b:1::a00:1',
    '64:ff9b:1:ffff::1',
  ],
  '6to4': ['2002:7f00:1::', '2002:a9fe:a9fe::1'],
  Teredo: ['2001::1', '2001:0:4136:e378:8000:63bf:3fff:fdd2'],
  ISATAP: ['2606:4700::5efe:127.0.0.1', '2606:4700::200:5efe:10.0.0.1', 'fe80::5efe:192.168.0.1'],
  ORCHID: ['2001:10::1', '2001:20::1'],
  'segment routing': ['5f00::1'],
  'no address at all': [
    '',
    'localhost',
    'example.com',
    '127.1',
    '0x7f.1',
    '0177.0.0.1',
    '2130706433',
    '[::1]',
    '8.8.8.8 ',
  ],
}

for (const [what, addresses] of Object.entries(PRIVATE)) {
  t.test(`not public: ${what}`, async (t) => {
    for (const address of addresses) t.equal(isPublicAddress(address), false, address)
  })
}

t.test('public', async (t) => {
  for (const address of [
    '1.1.1.1',
    '8.8.8.8',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '126.255.255.255',
    '128.0.0.0',
    '169.253.255.255',
    '172.15.255.255',
    '172.32.0.0',
    '192.167.255.255',
    '192.169.0.0',
    '223.255.255.255',
    '2606:4700:4700::1111',
    '2a00:1450:4001:81b::200e',
    '2001:4860:4860::8888',
    '2400:cb00:2048:1::c629:d7a2',
  ]) {
    t.equal(isPublicAddress(address), true, address)
  }
})

/** Private IPv4 blocks as numbers, written down a second time, without the library. */
const BLOCKS: readonly (readonly [number, number])[] = [
  [0x00000000, 8],
  [0x0a000000, 8],
  [0x64400000, 10],
  [0x7f000000, 8],
  [0xa9fe0000, 16],
  [0xac100000, 12],
  [0xc0000000, 24],
  [0xc0000200, 24],
  [0xc0a80000, 16],
  [0xc6120000, 15],
  [0xc6336400, 24],
  [0xcb007100, 24],
  [0xe0000000, 3],
]

const dotted = (n: number): string => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255].join('.')
const hextets = (n: number): string => `${(n >>> 16).toString(16)}:${(n & 0xffff).toString(16)}`

t.test('no address of a private block is public, in whatever form it is carried', async () => {
  fc.assert(
    fc.property(fc.constantFrom(...BLOCKS), fc.nat({ max: 0xffffffff }), ([base, bits], random) => {
      const address = (base | (random >>> bits)) >>> 0
      const forms = [
        dotted(address),
        `::ffff:${dotted(address)}`,
        `::ffff:${hextets(address)}`,
        `::${hextets(address)}`,
        `64:ff9b::${dotted(address)}`,
        `64:ff9b:1::${hextets(address)}`,
        `2002:${hextets(address)}::1`,
        `2001:0:${hextets(address)}::1`,
        `2a00:1450::5efe:${hextets(address)}`,
      ]
      return forms.every((form) => !isPublicAddress(form))
    }),
    { numRuns: 2000 },
  )
})

t.test('every IPv4 address outside the blocks of the registry is public', async () => {
  const special = [...BLOCKS, [0xc0586300, 24], [0xc01fc400, 24], [0xc034c100, 24], [0xc0af3000, 24]] as const
  const inBlock = (n: number) => special.some(([base, bits]) => n >>> (32 - bits) === base >>> (32 - bits))
  fc.assert(
    fc.property(
      fc.nat({ max: 0xffffffff }),
      (n) => n === 0xa83f8110 || isPublicAddress(dotted(n)) === !inBlock(n),
    ),
    { numRuns: 5000 },
  )
})

t.test('nothing outside 2000::/3 is public', async () => {
  fc.assert(
    fc.property(fc.ipV6(), fc.integer({ min: 0, max: 0xffff }), (tail, head) => {
      const address = `${head.toString(16)}:${tail.split(':').slice(-1)}::1`
      return head >> 13 === 1 || !isPublicAddress(address)
    }),
  )
})
