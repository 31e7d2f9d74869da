// The import rules of the house: arrows point from the edges to the vocabulary, and only app.ts sees all.
const only = (name, from, allowed, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: { path: '^src/', pathNot: allowed },
})

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphans',
      comment: 'Delete what nothing uses.',
      severity: 'error',
      from: { orphan: true, path: '^src/', pathNot: '^src/(main|worker|cli)\\.ts$|\\.d\\.ts$' },
      to: {},
    },
    only('model', '^src/model/', '^src/model/', 'The vocabulary imports nothing of ours.'),
    only('telemetry', '^src/telemetry/', '^src/(telemetry|model)/', 'Telemetry knows the vocabulary only.'),
    only('config', '^src/config/', '^src/(config|model)/', 'Configuration knows the vocabulary only.'),
    only(
      'streams',
      '^src/streams/',
      '^src/(streams|model|telemetry)/',
      'Streams declare the ports they need.',
    ),
    only(
      'sources',
      '^src/sources/',
      '^src/(sources|model|telemetry)/|^src/streams/(envelope|ports)\\.ts$',
      'Sources know the envelope, never where it goes.',
    ),
    only(
      'sinks',
      '^src/sinks/',
      '^src/(sinks|model|telemetry)/|^src/streams/ports\\.ts$',
      'Sinks know what they are handed, never where it comes from.',
    ),
    only(
      'rendering',
      '^src/rendering/',
      '^src/(rendering|model|telemetry)/|^src/(streams|api)/ports\\.ts$',
      'Rendering implements ports.',
    ),
    only(
      'state',
      '^src/state/',
      '^src/(state|model|telemetry)/|^src/(streams|api)/ports\\.ts$',
      'State implements ports.',
    ),
    only(
      'api',
      '^src/api/',
      '^src/(api|model|telemetry)/|^src/streams/ports\\.ts$',
      'The API declares the ports it needs.',
    ),
    {
      name: 'opentelemetry-in-one-place',
      comment: 'The rest knows our own interface.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/telemetry/otlp/' },
      to: { path: 'node_modules/@opentelemetry' },
    },
    {
      name: 'tracing-only-when-wanted',
      comment: 'Who traces nothing does not load it.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/telemetry/otlp/' },
      to: { path: '^src/telemetry/otlp/', dynamic: false, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'state-knows-no-rxjs',
      severity: 'error',
      from: { path: '^src/(state|sinks|api|model)/' },
      to: { path: 'node_modules/rxjs' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
  },
}
