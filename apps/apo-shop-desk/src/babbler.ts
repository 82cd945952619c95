import { type ChatModel, randomFor } from '@agl/algorithms'

/** With no meaning at a desk: words of prompts would be edits by chance, some of them good ones, and a search would rightly keep those. */
const words = (
  'apple autumn bicycle bird bridge cloud coffee evening forest garden green harbour island kitchen lake letter morning mountain music ' +
  'north ocean paper picture rain river road shadow silver song spring stone story summer train village weather window winter yellow'
).split(' ')

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
