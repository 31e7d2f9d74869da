/** Which text of a template a notification was made of. */
export interface TemplateUse {
  readonly version: number
  readonly variant: string
  readonly locale: string
}
