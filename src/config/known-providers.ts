import { z } from "zod";
import { didYouMean } from "./did-you-mean.ts";
import type { FieldProblem } from "./field-types.ts";

/**
 * Who names whom in a file that may be wrong in other places, so that all its problems come at once. Apart
 * from the schema, since the providers may be the environment's.
 */
export interface References {
  /** Undefined if nobody can tell. */
  readonly providers: readonly string[] | undefined;
  readonly mentions: readonly {
    readonly path: readonly PropertyKey[];
    readonly provider: string;
  }[];
}

export function referencesIn(file: unknown): References {
  const { providers, models, defaults } = outline.parse(file);
  const targets = Object.entries(models).flatMap(([alias, model]) =>
    model.targets.map(({ provider }, index) => ({
      path: ["models", alias, "targets", index, "provider"],
      provider,
    })),
  );
  const mentions = [{ path: ["defaults", "provider"], provider: defaults.provider }, ...targets];
  return {
    providers: providers && Object.keys(providers),
    mentions: mentions.flatMap(({ path, provider }) =>
      provider === undefined ? [] : [{ path, provider }],
    ),
  };
}

/** The places that name a provider which is not among these. */
export function unknownProviders(
  { mentions }: References,
  { known, whose }: { readonly known: readonly string[]; readonly whose: string },
): FieldProblem[] {
  return mentions
    .filter(({ provider }) => !known.includes(provider))
    .map(({ path, provider }) => {
      const meant = didYouMean(provider, known);
      const hint = meant === undefined ? "" : `; did you mean "${meant}"?`;
      return { path, message: `must be one of the providers ${whose}: ${known.join(", ")}${hint}` };
    });
}

const reference = z.string().optional().catch(undefined);
const target = z.object({ provider: reference }).catch({ provider: undefined });
const model = z.object({ targets: z.array(target) }).catch({ targets: [] });
const unreadable = z.unknown().transform(() => undefined);
const outline = z
  .object({
    providers: z.record(z.string(), z.unknown()).default({}).or(unreadable),
    models: z.record(z.string(), model).catch({}),
    defaults: target,
  })
  .catch({ providers: undefined, models: {}, defaults: { provider: undefined } });
