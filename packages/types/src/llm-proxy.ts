import type { JsonObject } from './json.ts'
import type { ProxyLlm } from './resources.ts'
import type { SpanSink } from './tracer.ts'

/** One entry of the gateway's routing table. */
export interface ProxiedModel {
  /** What agents ask for. */
  readonly name: string
  /** Base URL of the backend, ending in `/v1`. */
  readonly endpoint: string
  /** What the backend calls it. Default: `name`. */
  readonly model?: string
  readonly apiKey?: string | null
  /**
   * Ask the backend for token ids and log-probabilities (`return_token_ids` and `logprobs`; vLLM and the embedded model
   * give them, most hosted APIs refuse the first). Training on what the model sampled needs them. Default false.
   */
  readonly tokenIds?: boolean
}

/** A model endpoint that attributes every call to its attempt and records it. */
export interface LlmProxy extends AsyncDisposable {
  /** Starts serving; spans go to `sink`. Starting it again while it serves is a `conflict`, and changes nothing. */
  start(options: { readonly sink: SpanSink }): Promise<{ readonly url: string }>
  /** The routing table. */
  listModels(): Promise<readonly ProxiedModel[]>
  /** Adds entries, or replaces those of the same name, in one step; calls in flight finish on the entry they started with. */
  putModels(models: readonly ProxiedModel[]): Promise<void>
  /** Takes entries out; unknown names are left out. */
  removeModels(names: readonly string[]): Promise<void>
  /** The resource that agents get; `model` may be left out when the table has one entry. */
  asResource(options?: { readonly model?: string; readonly samplingParameters?: JsonObject }): Promise<ProxyLlm>
  close(): Promise<void>
}
