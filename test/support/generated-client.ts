import { execFile } from 'node:child_process'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import type { DescFile } from '@bufbuild/protobuf'
import type { Test } from 'tap'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** The messages of google/rpc/error_details.proto that clients look for. */
const ERROR_DETAILS = `syntax = "proto3";
package google.rpc;
import "google/protobuf/duration.proto";
message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }
message RetryInfo { google.protobuf.Duration retry_delay = 1; }
message BadRequest {
  message FieldViolation { string field = 1; string description = 2; }
  repeated FieldViolation field_violations = 1;
}
`

const isFile = (value: unknown): value is DescFile =>
  typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'file'

/** What protoc-gen-es makes of the proto files: the descriptors that clients are made of. */
export async function generated(t: Pick<Test, 'teardown'>): Promise<readonly DescFile[]> {
  const folder = await mkdtemp(join(tmpdir(), 'notification-proto-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  await writeFile(join(folder, 'details.proto'), ERROR_DETAILS)
  const out = join(folder, 'gen')
  await generate(folder, join(ROOT, 'proto'), out)
  await generate(folder, `${join(folder, 'details.proto')}`, out)
  return Promise.all([
    load(join(out, 'notification/v1/notification_service_pb.js')),
    load(join(out, 'details_pb.js')),
  ])
}

async function generate(folder: string, input: string, out: string): Promise<void> {
  const plugin = join(ROOT, 'node_modules/.bin/protoc-gen-es')
  const template = JSON.stringify({
    version: 'v2',
    plugins: [{ local: plugin, out, opt: ['target=js', 'import_extension=js'] }],
  })
  await promisify(execFile)(
    join(ROOT, 'node_modules/.bin/buf'),
    ['generate', input, '--template', template],
    {
      cwd: folder,
    },
  )
}

async function load(path: string): Promise<DescFile> {
  const module: object = await import(pathToFileURL(path).href)
  const file = Object.values(module).find(isFile)
  if (file === undefined) throw new Error(`${path} describes no file`)
  return file
}
