declare module 'mailauth/lib/dkim/verify.js' {
  interface DkimResult {
    readonly signingDomain: string
    readonly selector: string
    readonly algo: string
    readonly status: { readonly result: string; readonly comment?: string }
    readonly signingHeaders: { readonly keys: string }
  }

  interface DkimOptions {
    /** Answers a query as `dns.promises.resolve` does. */
    readonly resolver: (name: string, type: string) => Promise<readonly (readonly string[])[]>
  }

  export function dkimVerify(
    message: Buffer,
    options: DkimOptions,
  ): Promise<{ readonly results: readonly DkimResult[] }>
}
