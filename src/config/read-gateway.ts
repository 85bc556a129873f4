import { pointsAt } from "./base-url.ts";
import type { Listener } from "./base-url.ts";
import { providersFromEnvironment, urlVariableOf } from "./env-providers.ts";
import type { EnvironmentProviders } from "./env-providers.ts";
import { fieldPath } from "./field-types.ts";
import type { FieldProblem } from "./field-types.ts";
import { gatewayConfigSchema, normaliseGateway } from "./gateway-config.ts";
import type { GatewayConfig, ProviderConfig } from "./gateway-config.ts";
import { interpolate } from "./interpolate.ts";
import { referencesIn, unknownProviders } from "./known-providers.ts";
import type { References } from "./known-providers.ts";
import { parseYaml } from "./parse-yaml.ts";
import type { Environment } from "./stray-variables.ts";

export type ConfigFile =
  | { readonly kind: "absent" }
  | { readonly kind: "unreadable"; readonly path: string; readonly problem: string }
  | { readonly kind: "text"; readonly path: string; readonly text: string };

export type GatewayReading =
  | {
      readonly kind: "read";
      readonly gateway: GatewayConfig;
      readonly warnings: readonly string[];
    }
  | { readonly kind: "refused"; readonly problems: readonly string[] };

export interface GatewaySources {
  readonly file: ConfigFile;
  readonly environment: Environment;
  /** Sentinel's own, to which no provider may point; undefined while it is not known. */
  readonly listener: Listener | undefined;
}

/** Providers and models of the file, and the environment's providers where the file has none. Pure. */
export function readGateway({ file, environment, listener }: GatewaySources): GatewayReading {
  const contents = readContents(file, environment);
  if (contents.kind === "refused") return contents;
  const { value, unset, say } = contents;
  const parsed = gatewayConfigSchema.safeParse(value);
  const references = referencesIn(value);
  const around =
    references.providers?.length === 0 ? providersFromEnvironment(environment) : notNeeded;
  const inFile = [...(parsed.error?.issues ?? []), ...strangers(references, around)].filter(
    ({ path }) => !unset.some((problem) => isSamePath(problem.path, path)),
  );
  const problems = [...around.problems, ...[...unset, ...inFile].map(say)];
  if (!parsed.success || problems.length > 0) return refusal(...problems);
  const gateway = normaliseGateway(parsed.data, around.providers);
  const circles = listener === undefined ? [] : circleProblems(gateway.providers, listener, say);
  if (circles.length > 0) return refusal(...circles);
  return { kind: "read", gateway, warnings: around.warnings };
}

const notNeeded: EnvironmentProviders = { providers: [], problems: [], warnings: [] };

/** Targets whose provider is not there. Nobody can tell while the providers themselves are wrong. */
function strangers(references: References, around: EnvironmentProviders): FieldProblem[] {
  if (references.providers === undefined || around.problems.length > 0) return [];
  if (references.providers.length > 0) {
    return unknownProviders(references, { known: references.providers, whose: "of this file" });
  }
  const known = around.providers.map(({ name }) => name);
  const whose = "of the environment (OPENAI_API_KEY and the like add others)";
  return unknownProviders(references, { known, whose });
}

interface Contents {
  readonly kind: "contents";
  readonly value: unknown;
  /** What could not be interpolated. The schema sees the text as it was written. */
  readonly unset: readonly FieldProblem[];
  readonly say: (problem: FieldProblem) => string;
}

type Refused = Extract<GatewayReading, { kind: "refused" }>;

function readContents(file: ConfigFile, environment: Environment): Contents | Refused {
  if (file.kind === "absent") return { kind: "contents", value: {}, unset: [], say: sentence };
  if (file.kind === "unreadable") return refusal(`${file.path} ${file.problem}.`);
  const yaml = parseYaml(file.text);
  if (yaml.kind === "broken") {
    return refusal(...yaml.problems.map((problem) => `${file.path}, ${problem}`));
  }
  const say = (problem: FieldProblem) => {
    const line = yaml.lineOf(problem.path);
    return `${file.path}${line === undefined ? "" : `, line ${line}`}: ${sentence(problem)}`;
  };
  const { value, problems: unset } = interpolate(yaml.value ?? {}, environment);
  if (value === undefined) return refusal(...unset.map(say));
  return { kind: "contents", value, unset, say };
}

const refusal = (...problems: string[]): Refused => ({ kind: "refused", problems });
const sentence = ({ path, message }: FieldProblem) =>
  `${fieldPath(path)} ${message}${message.endsWith("?") ? "" : "."}`;
const isSamePath = (left: readonly PropertyKey[], right: readonly PropertyKey[]) =>
  left.length === right.length && left.every((part, index) => part === right[index]);

/** Developers often export OPENAI_BASE_URL for their application, in the shell that also starts Sentinel. */
function circleProblems(
  providers: readonly ProviderConfig[],
  listener: Listener,
  say: Contents["say"],
): string[] {
  const fault = "points at Sentinel itself, so that every request would come back to it";
  const remedy =
    "write the provider's own address, or move Sentinel, for example with SENTINEL_PORT=8080";
  return providers
    .filter(({ baseUrl }) => pointsAt(listener, baseUrl))
    .map((provider) => {
      const variable = urlVariableOf(provider);
      return variable === undefined
        ? say({
            path: ["providers", provider.name, "base_url"],
            message: `${fault}; ${remedy}`,
          })
        : `${variable} ${fault}. If it is meant for your application, start Sentinel without it, for example with: env -u ${variable} npm start; if not, ${remedy}.`;
    });
}
