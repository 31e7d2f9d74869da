import t from 'tap'
import { loadConfig } from '../../src/config/load.js'
import { ConfigError } from '../../src/config/problem.js'

const BASE = { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector.example.com/otlp' }
const tracing = (env: Readonly<Record<string, string>>) => loadConfig({ env }).tracing

t.test('without an endpoint nothing is traced', async (t) => {
  t.equal(tracing({ OTEL_EXPORTER_OTLP_HEADERS: 'a=b', OTEL_SERVICE_NAME: 'x' }), null)
})

t.test('the standard variables', async (t) => {
  t.match(tracing(BASE), {
    endpoint: 'https://collector.example.com/otlp/v1/traces',
    headers: {},
    serviceName: 'notification-service',
    sampleRatio: 1,
    exportTimeoutMs: 10_000,
  })
  t.match(tracing({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318/' }), {
    endpoint: 'http://127.0.0.1:4318/v1/traces',
  })
  t.match(tracing({ ...BASE, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:4318/here' }), {
    endpoint: 'http://127.0.0.1:4318/here',
  })
  const others = {
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20a%2Cb==, x-team = notify ,empty=',
    OTEL_EXPORTER_OTLP_TIMEOUT: '2500',
    OTEL_SERVICE_NAME: 'notify',
    OTEL_TRACES_SAMPLER_ARG: '0.01',
  }
  const found = tracing({ ...BASE, ...others })
  t.match(found, { serviceName: 'notify', sampleRatio: 0.01, exportTimeoutMs: 2_500 })
  t.same(found?.headers, { authorization: 'Bearer a,b==', 'x-team': 'notify', empty: '' })
})

t.test('what is wrong is named, and headers are not shown', async (t) => {
  const wrong = {
    OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317',
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization: hunter2',
    OTEL_TRACES_SAMPLER_ARG: '1.5',
    OTEL_EXPORTER_OTLP_TIMEOUT: 'soon',
  }
  const found = t.throws(() => tracing(wrong), ConfigError)
  const text = String(found)
  for (const name of Object.keys(wrong)) t.match(text, name)
  t.notMatch(text, 'hunter2')
  t.throws(() => tracing({ ...BASE, OTEL_EXPORTER_OTLP_HEADERS: 'a=%zz' }), /percent-encoded/)
})
