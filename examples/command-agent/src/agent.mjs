/**
 * The agent: a program that knows nothing of AGL. It reads a question from its standard input, asks a model by the SDK of
 * OpenAI, which takes the model's address and key from the environment as everywhere, and prints the answer.
 */
import { text } from 'node:stream/consumers'
import OpenAI from 'openai'

const { question } = JSON.parse(await text(process.stdin))
const reply = await new OpenAI().chat.completions.create({
  model: 'capitals',
  messages: [{ role: 'user', content: question }],
})
console.log(reply.choices[0].message.content)
