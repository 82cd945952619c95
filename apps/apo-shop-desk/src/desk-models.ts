import { type ApoTemplates, type ChatModel, createOpenAiModel } from '@agl/algorithms'
import { createEmbeddedModel } from '@agl/embedded-model'
import { createModelServer } from '@agl/embedded-model/server'
import { createPromptedClerk, critiqueTemplate, deskInstructions, editTemplate, loadPromptModel } from '@agl/shop-desk'
import { createTracedFetch } from '@agl/tracer-otel'
import type { Llm, PromptTemplate } from '@agl/types'
import type { RemoteModels } from './settings.ts'

/** The models of a run, wherever they are. */
export interface DeskModels {
  readonly agent: ReturnType<typeof createPromptedClerk>
  readonly llm: Llm
  /** Critic and editor. */
  readonly optimizer: ChatModel
  /** Of the model that was made for this desk; those of AGL for any other. */
  readonly templates: Partial<ApoTemplates>
  /** Customers served at the same time. */
  readonly concurrency: number
  /** What to say of them on the screen. */
  readonly description: string
  close(): Promise<void>
}

/** One small model in this process that is clerk, critic and editor. */
export async function openEmbeddedModels(): Promise<DeskModels> {
  const model = createEmbeddedModel({ checkpoint: await loadPromptModel() })
  await model.start()
  const server = createModelServer({ model })
  const { url } = await server.start()
  const { parameters } = await model.describe()
  return {
    agent: createPromptedClerk({ fetch: createTracedFetch() }),
    llm: llmOf(url, model.name, null, { temperature: 0.7 }),
    optimizer: createOpenAiModel({ baseUrl: url, model: model.name }),
    templates: {
      critique: [critiqueTemplate],
      edit: [editTemplate],
      repair: [asEdit('problem')],
      merge: [asEdit('other_template')],
    },
    concurrency: 64,
    description:
      `clerk, critic and editor are one language model of ${Math.round(parameters / 1000)} thousand parameters in this process: ` +
      'a specialist, taught these roles by lessons in a fragment of English',
    async close() {
      await server.close()
      await model.close()
    },
  }
}

/** Any model behind Chat Completions. */
export function openRemoteModels(
  { baseUrl, model, optimizerModel, concurrency }: RemoteModels,
  apiKey: string | null,
): DeskModels {
  return {
    agent: createPromptedClerk({ preface: deskInstructions, fetch: createTracedFetch() }),
    llm: llmOf(baseUrl, model, apiKey, {}),
    optimizer: createOpenAiModel({ baseUrl, model: optimizerModel, apiKey }),
    templates: {},
    concurrency,
    description: `the clerk is ${model}, critic and editor are ${optimizerModel}, at ${baseUrl}`,
    close: async () => {},
  }
}

/** The model knows one way to be asked for a prompt. @param critique the variable that stands for the critique */
function asEdit(critique: string): PromptTemplate {
  return { ...editTemplate, template: editTemplate.template.replace('{{ critique }}', `{{ ${critique} }}`) }
}

function llmOf(endpoint: string, model: string, apiKey: string | null, parameters: Llm['sampling_parameters']): Llm {
  return { resource_type: 'llm', endpoint, model, api_key: apiKey, sampling_parameters: parameters }
}
