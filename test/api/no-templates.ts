import type { TemplateLibrary, TextInspector } from '../../src/api/ports.js'
import type { Renderer } from '../../src/streams/ports.js'

/** For servers of whose templates a test wants nothing: there are none, and texts are taken as they are. */
export function noTemplates(): {
  readonly templates: TemplateLibrary
  readonly inspector: TextInspector
  readonly renderer: Renderer
} {
  const none = async (): Promise<null> => null
  const unexpected = async (): Promise<never> => {
    throw new Error('no template is written here')
  }
  return {
    templates: {
      create: unexpected,
      find: none,
      list: async () => ({ items: [], nextCursor: null }),
      update: none,
      remove: async () => false,
      versions: none,
      findVersion: none,
      approve: none,
      reject: none,
      activate: none,
      stats: none,
    },
    inspector: { inspect: async (_, texts) => texts.map(() => ({ variables: [], failure: null })) },
    renderer: { render: async (jobs) => jobs.map(({ title, content }) => ({ title, content })) },
  }
}
