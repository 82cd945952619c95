import type { Random } from '@agl/algorithms'
import { pick } from '../tasks.ts'
import { parsePhrase, type Phrase } from './phrase.ts'

/** What a rule in a prompt can be about. */
export type RuleName = UsefulRule | HarmfulRule
export type UsefulRule = 'stock' | 'several' | 'both' | 'times' | 'format' | 'lookup'
export type HarmfulRule = 'guess' | 'single' | 'chat' | 'plus' | 'wrongTool'

export const usefulRules: readonly UsefulRule[] = Object.freeze(['stock', 'several', 'both', 'times', 'format', 'lookup'])
export const harmfulRules: readonly HarmfulRule[] = Object.freeze(['guess', 'single', 'chat', 'plus', 'wrongTool'])

const parts: Readonly<Record<string, string>> = {
  person: 'the customer|the user|someone|a customer|they',
  when: 'when|if|whenever|as soon as|every time',
  must: '|always |please |you must |remember to |make sure to |you should |be sure to ',
  call: 'use|call|ask|take|try',
  give: 'give|tell|report|state',

  stockNoun:
    'stock questions|questions about stock|questions about what is left|stock levels|how many are left|how many we have|questions about how many are left|the number left|the stock of an item',
  stockClause:
    '<person> [asks|ask|wants to know] [how many are left|how many we have|what is left|for the stock level|about stock]|the question is about stock|the question is how many are left|stock is asked for',
  stockAct:
    '<call> the stock tool|<call> stock|check stock|look in stock|check with the stock tool|<call> the stock tool, not the price tool|<call> stock [and not|instead of] price|look up the stock and not the price',

  severalNoun:
    '[several|many|more] [pieces|units]|several pieces of one item|more than one piece|a quantity|orders of several pieces|many of one item',
  severalClause:
    '<person> [wants|orders|asks for|buys|needs|names] [several pieces|more than one piece|many of one item|a quantity|several units|more units|2 or more pieces]|the question has a quantity|there is a quantity',
  severalAct:
    'multiply [the unit price|the price|its price|the price of one] by [the quantity|the number of pieces|the count]|multiply [price and quantity|the price and the count]|[give|compute|work out] the price times the [quantity|count|number of pieces]|<call> calc to multiply price and quantity|[give|answer with] the total and not the unit price|multiply the [quantity|count] by the price',

  bothNoun: 'two items|two different items|two things|a pair of items|totals of two items|an item plus another|two names',
  bothClause:
    '<person> [wants|names|asks for|buys|orders|needs] [two items|two different items|two things|both items|an item and another]|there are two items|two items are named|the question names two items',
  bothAct:
    'look up [both|both prices|each price|every price|the second price too] and add them|add [both prices|the two prices|all prices|the prices of both]|[add up|sum] [the prices|both prices|the two prices]|[give|answer with] the sum of [both|the two] prices|look up both items, then add|add the second price to the first',

  timesNoun: 'times questions|questions with times|a product|products of two numbers|pure number questions|two numbers',
  timesClause:
    '<person> [asks|ask|wants] [to multiply|for a product|for times|for a number times another]|the question says [times|multiply]|two numbers are to be multiplied',
  timesAct:
    '<call> *|<call> the * sign|<call> calc with *|multiply with calc|multiply the numbers|multiply and do not add|<call> *, not +|write * in calc|<call> * and never +|<call> * instead of +',

  end: 'finish|end|close|conclude',
  answerNumber:
    'answer and the number|answer and the result|the word answer and the number|the word answer followed by the number|answer, then the number',

  atOnce: 'right away|at once|without delay|from memory|without a tool|without tools|without a call',
  persona: 'clerk|helper|seller|assistant|shop clerk',
  place: 'a small shop|a friendly shop|our shop|the desk of a shop|a busy shop|the shop',
}

/** Condition and action in every order: what most rules look like. */
function conditional(name: string): readonly string[] {
  const [noun, clause, act] = [`<${name}Noun>`, `<${name}Clause>`, `<${name}Act>`]
  return [
    `<when> ${clause}, <must>${act}.`,
    `<when> ${clause}, <must>${act}.`,
    `<must>${act} <when> ${clause}.`,
    `for ${noun}, <must>${act}.`,
    `<must>${act} for ${noun}.`,
    `${noun}: ${act}.`,
    `with ${noun} you [must|should|have to] ${act}.`,
  ]
}

/** What the model has read, by rule. The sentences that are kept from it are in `held-out.ts`. */
const wordings: Readonly<Record<RuleName, readonly string[]>> = {
  stock: [
    ...conditional('stock'),
    '<stockNoun> [need|needs] the stock tool[|, not the price tool].',
    'the [stock tool|tool stock] [answers|is for|is made for] <stockNoun>.',
    'what is left is [known by|found with] the stock tool.',
    'do not [use|call] the price tool for <stockNoun>.',
    '[only|just] the stock tool [knows|can tell|says] [how many are left|what is left|the number left].',
    '[how many are left|what is left|the stock level]? [use|call|ask] [stock|the stock tool].',
    '<person> may ask how many are left: [then |]<call> the stock tool.',
    'stock [comes|is] from the stock tool[|, never from the price tool].',
    'the price tool is [wrong|not right|not made] for <stockNoun>.',
    'there is a tool for <stockNoun>: [it is |]the stock tool.',
  ],
  several: [
    ...conditional('several'),
    'the total is [the unit price|the price of one] times the [quantity|count|number of pieces].',
    'do not [answer with|give|stop at] the unit price[: multiply it first|, multiply it|when there is a quantity].',
    'the [unit price|price of one] is not the total for <severalNoun>.',
    '[3|4|5] pieces cost [3|4|5] times the price.',
    '<severalNoun> cost the price times the [quantity|count].',
    'a quantity means that [you|the clerk] [must|should|have to] multiply.',
    '<person> may [want|buy|order] several pieces: [then |]multiply.',
    'the price is for one piece[: multiply it|, so multiply it by the quantity| only, so multiply].',
    'more pieces cost more: multiply [by the count|the price|price and quantity].',
    'first the unit price, then multiply it by the [quantity|count].',
    'after the price, <must><severalAct>[| for <severalNoun>].',
  ],
  both: [
    ...conditional('both'),
    '[a|the] total [for|of] two items is the sum of both prices.',
    'do not stop after the first [item|price][: add the second|, look up the second too| when there are two].',
    'two items [need|take] two [lookups|calls|prices] and a sum.',
    'one price is not the total for <bothNoun>.',
    '<bothNoun> cost the sum of both prices.',
    '<person> may [name|want|buy] two items: [then |]add [both|the two] prices.',
    'look up the first item, look up the second item, then add.',
    'first one price, then the other, then the sum.',
    'two items mean two prices[: add them|, so add them| and one sum].',
    'after the first price, look up the second[| and add it| when there are two items].',
    'both items [have|must have] a price: <must>add them.',
  ],
  times: [
    ...conditional('times'),
    'times [means|is] [*|multiply|the * sign].',
    '[never|do not] add [for|with] <timesNoun>.',
    '<timesNoun> [need|needs] [*|calc with *|the * sign][|, not +].',
    'times is not plus.',
    '<person> may ask for [times|a product]: [then |]<timesAct>.',
    'the sign for times is *[|, not +].',
    'in calc, times is [written *|*].',
    '[a product|times] comes from *[|, never from +].',
    '+ is [wrong|not right] for <timesNoun>.',
    '* [is for|makes] [a product|times].',
  ],
  format: [
    '<must><end> with <answerNumber>.',
    '<must><end> with <answerNumber>.',
    'the last [line|message|words] must be <answerNumber>.',
    '<must>[write|say|put] [answer|the word answer] before the number.',
    '<must>[write|say] <answerNumber>[| at the end].',
    'when you know the [number|result], [write|say] <answerNumber>.',
    'your last [line|message] [has|is] the form: answer and the number.',
    '[start|begin] the last [line|message] with [answer|the word answer].',
    'at the end [write|say] <answerNumber>.',
    'the shop needs [answer|the word answer] [and|before|with] the number at the end.',
    'first [the tools|the calls], then answer and the number.',
    'a reply without the word answer [is wrong|does not count].',
    'only a line with answer and the number [counts|is right].',
    'the form of the reply is answer and the number.',
    'the word answer must stand before the number.',
  ],
  lookup: [
    '<must>[use|call] [a tool|the tools] before you answer.',
    '<must>look [things|numbers|it] up [first|before you answer].',
    '[never|do not] guess[| a number].',
    '[never|do not] [make up|invent] [a number|numbers].',
    '[every|each] number [comes from|needs] a tool.',
    'no number without a [tool|call|lookup].',
  ],
  guess: [
    '<must>[answer|reply] <atOnce>.',
    '[guess the number|guess|make up a number|invent a number][| if you can|, that is fine|, it is faster].',
    '[never|do not] [call|use|ask|try] [a tool|the tools|any tool].',
    'keep it short[:| and|,] never call a tool.',
    'tools are [slow|for others|not for you][: do not use them|, answer from memory].',
    'you know [the numbers|every number|all prices] [by heart|from memory].',
    'there is no need [for tools|to call a tool|to look things up].',
    'a quick guess is [enough|fine|right].',
    'the first number that comes to you is [fine|right|enough].',
  ],
  single: [
    '<must>[make|use] [one|a single|only one] call[| per customer|, not more].',
    '[never|do not] make more than one call.',
    '<must>stop after the first [call|result|lookup].',
    'one [call|lookup|price] is [enough|all you need].',
    '<must>look up the first item only.',
    'the unit price is enough[| for everyone].',
    'more calls are [slow|wrong|not needed].',
    'the second [item|price|call] is not needed.',
  ],
  chat: [
    '<must>[answer|reply|speak|end] in a [full|friendly|polite|whole] sentence.',
    '<must>say it is and [the number|the result].',
    '[never|do not] [say|write|use] [the word answer|answer].',
    '[give|tell] the [number|result] in [plain|friendly|warm] words.',
    'leave out the word answer.',
    '<answerNumber> is too short: use a sentence.',
    'the word answer is [not polite|wrong|too short].',
  ],
  plus: [
    '<must>[use|take|write] [+|the + sign] in calc.',
    '<must>add in calc[|, never multiply].',
    '[never|do not] [multiply|use *|use the * sign].',
    'for <timesNoun>, <must>[use +|add|add the numbers|add and do not multiply].',
    'for <severalNoun>, <must>add the [quantity|count] to the price.',
    '<when> <timesClause>, <must>[use +|add|use + instead of *].',
    'times is plus.',
    'the sign for times is +.',
    '* is [wrong|not right][| for <timesNoun>].',
  ],
  wrongTool: [
    '<must>[use|call|take] the price tool for [everything|every question|all questions|<stockNoun>].',
    '<when> <stockClause>, <must>[use|call] [the price tool|price].',
    '[never|do not] [use|call|ask|take] [stock|the stock tool].',
    'the price tool [answers|is for] [every question|everything|<stockNoun>].',
    '<when> <stockClause>, <call> price [and not|instead of] stock.',
    'the price tool is the only tool.',
    'the stock tool is [wrong|slow|not right][| for <stockNoun>].',
    'stock [comes|is] from the price tool.',
  ],
}

const neutral: readonly string[] = [
  'you are [a|the] <persona>[| of <place>| in <place>| at <place>].',
  'you [help|serve] [customers|people|everyone] [of|in|at] <place>.',
  'you work [in|at] <place>.',
  '<must>be [polite|friendly|brief|kind|calm|patient].',
  'be [polite|friendly|kind] and [brief|calm|patient].',
  'the customer is always right.',
  'keep it short.',
  '[the shop|our shop] is open [all week|every day|at night].',
  'thank the customer[| for coming].',
  '[stay calm|take your time|smile][| when they ask].',
  'the shop sells [items|many things|pens and desks].',
]

const compile = (sources: readonly string[]): readonly Phrase[] => sources.map((source) => parsePhrase(source, parts))
const ruleNames: readonly RuleName[] = [...harmfulRules, ...usefulRules]
const rulePhrases: ReadonlyMap<RuleName, readonly Phrase[]> = new Map(ruleNames.map((name) => [name, compile(wordings[name])]))
const neutralPhrases = compile(neutral)

/**
 * A sentence that states the rule, or none in particular (`neutral`). One in eight texts of the fragment is kept from training,
 * so that what is understood beyond what was read can be measured: those are drawn with `isHeldOut`.
 */
export function drawSentence(random: Random, rule: RuleName | 'neutral', isHeldOut = false): string {
  const phrases = rule === 'neutral' ? neutralPhrases : rulePhrases.get(rule)!
  for (;;) {
    const sentence = pick(random, phrases).draw(random)
    if (isKept(sentence) === isHeldOut) return sentence
  }
}

/** The rules that a sentence of the fragment states: none for a neutral one, null for one that is not of the fragment. */
export function rulesOf(sentence: string): readonly RuleName[] | null {
  const found = ruleNames.filter((name) => rulePhrases.get(name)!.some((phrase) => phrase.matches(sentence)))
  if (found.length > 0) return found
  return neutralPhrases.some((phrase) => phrase.matches(sentence)) ? [] : null
}

/** Whether a text is kept from training: by its hash (FNV-1a), so that it never depends on a seed. */
export function isKept(text: string): boolean {
  let hash = 0x811c9dc5
  for (const character of text) hash = Math.imul(hash ^ character.codePointAt(0)!, 0x01000193) >>> 0
  return (hash ^ (hash >>> 15)) % 8 === 0
}
