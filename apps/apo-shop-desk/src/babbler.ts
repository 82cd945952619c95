import { type ChatModel, randomFor } from '@agl/algorithms'
import { handWrittenPrompt, seedPrompt } from '@agl/shop-desk'

const words = [...new Set(`${handWrittenPrompt} ${seedPrompt}`.split(/[^a-z*]+/))].filter((word) => word !== '')

/**
 * The control: a critic and an editor who say words at random, as many as a sentence has. The editor adds them to the prompt that it is
 * given, so that its prompts are new ones that can be run, and no better.
 */
export function createBabbler(): ChatModel {
  return {
    name: 'random words',
    async chat({ messages, seed = 0 }) {
      const request = messages.map(({ content }) => content).join('\n')
      const random = randomFor(seed, request.length)
      const sentence = `${Array.from({ length: 8 }, () => words[random.below(words.length)]!).join(' ')}.`
      const prompt = promptIn(request)
      return { text: prompt === null ? sentence : `${prompt} ${sentence}`, usage: null, finishReason: 'stop' }
    },
  }
}

/** The prompt in what an editor is asked, by the templates of the desk or of AGL; null = a critic is asked. */
function promptIn(request: string): string | null {
  const [, prompt = null] =
    /^rewrite this prompt: ([^]*?)\ncritique:/.exec(request) ??
    (request.includes('<experiment') ? null : /<prompt>\n([^]*?)\n<\/prompt>/.exec(request)) ??
    []
  return prompt
}
