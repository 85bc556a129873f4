import type { Evaluator } from "../evaluator.ts";
import { oneWord, reasoned } from "./parameters.ts";

/** For the semantic cache, whose bound is no better than this judge: conservative, short, one word. */
export const answerEquivalence: Evaluator = {
  name: "answer-equivalence",
  subject: "pair",
  instructions: `Somebody who asked the QUESTION is to get one of the two answers in place of \
the other, and must not be told anything else than the other one says.

Say same only if both answer the question in the same way: the same facts, names, numbers, dates \
and units, the same instructions in the same order where order matters, the same code behaviour, \
the same conclusion, and the same refusal if one refuses. Wording, tone, length, layout and \
examples that change nothing do not matter. Both have to answer the question that is shown: if \
one answers another question, or leaves out something that the other says and that the one who \
asks needs, say different. If one is in another language, say different. If you are in doubt, \
say different.`,
  labels: [
    {
      label: "different",
      score: 0,
      description: "They do not say the same in answer to the question, or it is not certain.",
    },
    {
      label: "same",
      score: 1,
      description:
        "They say the same in answer to the question, and either could stand for the other.",
    },
  ],
  isOrdinal: false,
  parameters: oneWord,
  source: "built-in",
};

/**
 * Instruction following comes first: where it does not, judges prefer what reads well to what does what was asked.
 * (LLMBar: Zeng et al. 2024, https://arxiv.org/abs/2310.07641)
 */
export const pairwisePreference: Evaluator = {
  name: "pairwise-preference",
  subject: "pair",
  instructions: `Which answer executes the instruction in the QUESTION better. Judge first, and \
above all, whether an answer does what the instruction says, precisely and completely, and no \
more than it says.

Begin with the instruction alone: what is the task, on which input, and which constraints does \
it put on content, form, number and length? What would an answer have to have, and what would be \
a mistake? Then check each answer against that by itself. An answer that does a different task, \
works on another input, answers a question it was meant to rewrite, leaves out a part, or breaks \
a constraint has failed, however good it is otherwise; a plain or clumsy one that does what was \
asked is better. Claims, calculations and code that the task depends on have to be right: check \
them. What is there that nobody asked for makes an answer worse, not better.

Only if both execute the instruction equally well, look at which is more accurate, and after \
that which is more helpful and harmless. Never prefer an answer because it is longer, more \
polite or enthusiastic, better laid out, more detailed than was asked, or because of its place: \
the order in which the two are shown is random.`,
  labels: [
    {
      label: "second",
      score: 0,
      description: "ANSWER 2 executes the instruction better.",
    },
    {
      label: "tie",
      score: 0.5,
      description:
        "Neither is better: both do it equally well, or fail it equally. Look for the difference that decides before you say so.",
    },
    {
      label: "first",
      score: 1,
      description: "ANSWER 1 executes the instruction better.",
    },
  ],
  isOrdinal: false,
  parameters: reasoned,
  source: "built-in",
};
