import type { Random } from '@agl/algorithms'
import { pick } from '../tasks.ts'
import { parsePhrase, type Phrase } from './phrase.ts'
import { type HarmfulRule, isKept, type UsefulRule } from './rules.ts'

/** What a critique says: which rule the prompt lacks, or which one it is better off without. */
export type Fault = Exclude<UsefulRule, 'lookup'> | HarmfulRule

const parts: Readonly<Record<string, string>> = {
  clerk: 'the clerk|it|the assistant|they',
  prompt: 'the prompt|the text|one sentence|a rule|one rule',
  drop: 'remove it|leave it out|take it out|delete it|it must go',
}

const wordings: Readonly<Record<Fault, readonly string[]>> = {
  stock: [
    '<clerk> [used|called|took|asked] the price tool for a stock question.',
    'the question was about [stock|what is left], but <clerk> looked up the price.',
    'the stock tool was not [called|used|asked].',
    'say when to use the stock tool.',
    '[how many are left|the stock level] was asked and <clerk> gave a price.',
    'the prompt does not [say|tell] how to find the stock.',
  ],
  several: [
    '<clerk> gave the unit price instead of the total for the [quantity|count].',
    'the [quantity|count|number of pieces] was [ignored|forgotten|not used][|: the price was not multiplied].',
    '<clerk> did not multiply the price by the [quantity|count|number of pieces].',
    'say to multiply the price by the [quantity|count].',
    'several pieces were wanted, but <clerk> gave the price of one.',
    'the prompt does not [say|tell] what to do with a quantity.',
  ],
  both: [
    '<clerk> looked up one item only and did not add the second [price|item].',
    'the prices of the two items were not added.',
    'the second [item|price] was [ignored|forgotten|not looked up].',
    'two items were named, but <clerk> gave one price.',
    'say to add both prices.',
    'the prompt does not [say|tell] what to do with two items.',
  ],
  times: [
    '<clerk> added instead of multiplying.',
    'calc was called with + for a times question.',
    'times needs *, but <clerk> used +.',
    'say to use * for times.',
    'the numbers were added, not multiplied.',
    'the prompt does not [say|tell] which sign times needs.',
  ],
  format: [
    'the [reply|last line|last message] did not [end|start|begin] with [answer|the word answer].',
    'the last [line|message] has the wrong form.',
    '<clerk> did not write answer and the number.',
    'the word answer [was missing|was left out|is missing].',
    'say to end with answer and the number.',
    'the prompt does not [say|tell] how to end.',
  ],
  guess: [
    '<clerk> guessed without [calling a tool|a tool|a call].',
    'no tool was [called|used], the number is [made up|invented].',
    '<clerk> made the number up.',
    '<prompt> tells <clerk> to [guess|answer without tools]: <drop>.',
    'the rule [about guessing|against tools] is [wrong|harmful|bad][|: <drop>].',
  ],
  single: [
    '<prompt> allows one call only[|: <drop>|, but more are needed].',
    'one call was not enough, yet <prompt> asks for it.',
    'the rule [about one call|about the first call] is [wrong|harmful|bad][|: <drop>].',
    '<clerk> stopped after the first call because <prompt> says so.',
  ],
  chat: [
    '<prompt> asks for a sentence[|: <drop>|, but the word answer is needed].',
    'the rule [about sentences|against the word answer|about words] is [wrong|harmful|bad][|: <drop>].',
    '<clerk> spoke in a sentence because <prompt> says so.',
    '<prompt> leaves out the word answer: <drop>.',
  ],
  plus: [
    '<prompt> tells <clerk> to [add|use +][|: <drop>|, but times is not plus].',
    'the rule [about +|about adding|against *] is [wrong|harmful|bad][|: <drop>].',
    '<clerk> added because <prompt> says so.',
    '<prompt> forbids to multiply: <drop>.',
  ],
  wrongTool: [
    '<prompt> sends stock questions to the price tool[|: <drop>].',
    'the rule [about the price tool|against the stock tool] is [wrong|harmful|bad][|: <drop>].',
    '<clerk> used the price tool because <prompt> says so.',
    '<prompt> forbids the stock tool: <drop>.',
  ],
}

const noFault: Phrase = parsePhrase('[nothing|no case] went wrong[|: keep the prompt|, the prompt is good].')

export const faults: readonly Fault[] = Object.freeze(Object.keys(wordings) as Fault[])

const phrases: ReadonlyMap<Fault, readonly Phrase[]> = new Map(
  faults.map((fault) => [fault, wordings[fault].map((source) => parsePhrase(source, parts))]),
)

/** A critique that names the fault; one in eight texts is kept from training, as in `drawSentence`. */
export function drawCritique(random: Random, fault: Fault | null, isHeldOut = false): string {
  if (fault === null) return noFault.draw(random)
  for (;;) {
    const critique = pick(random, phrases.get(fault)!).draw(random)
    if (isKept(critique) === isHeldOut) return critique
  }
}

/** The fault that a critique of the fragment names; undefined for a text that is none, null where nothing is wrong. */
export function faultOf(critique: string): Fault | null | undefined {
  if (noFault.matches(critique)) return null
  return faults.find((fault) => phrases.get(fault)!.some((phrase) => phrase.matches(critique)))
}
