import { didYouMean } from "./did-you-mean.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface KnownVariables {
  readonly known: readonly string[];
  /** What somebody may have meant who has mistyped a name: also those that name files. */
  readonly meant: readonly string[];
}

export interface SortedVariables {
  /** The known ones, trimmed. One that is empty is not set. */
  readonly values: Readonly<Record<string, string>>;
  readonly problems: readonly string[];
  readonly warnings: string[];
}

/** Parts the variables that are settings from those that only look like it, and says what to do about these. */
export function sortVariables(
  environment: Environment,
  { known, meant }: KnownVariables,
): SortedVariables {
  const values: Record<string, string> = {};
  const problems: string[] = [];
  const warnings: string[] = [];
  for (const [name, value] of Object.entries(environment)) {
    const text = value?.trim() ?? "";
    if (text === "" || isServiceLink(name, text, known)) continue;
    if (known.includes(name)) {
      if (linkWithUrl.test(name) && isLinkValue(text)) problems.push(linkProblem(name, text));
      else values[name] = text;
    } else if (/^sentinel_/i.test(name)) {
      judgeUnknown(name, meant, { problems, warnings });
    }
  }
  takeRedisUrl(environment, values);
  return { values, problems, warnings };
}

/** What hosts of Redis set by themselves counts too. Whoever chose the embedded store keeps it. */
function takeRedisUrl(environment: Environment, values: Record<string, string>): void {
  const redisUrl = environment["REDIS_URL"]?.trim();
  if (redisUrl && values["SENTINEL_STORE"] !== "sqlite") values["SENTINEL_REDIS_URL"] ??= redisUrl;
}

/**
 * Kubernetes sets these in every pod for each Service of the namespace, here for "sentinel" and "sentinel-…".
 * (https://kubernetes.io/docs/tutorials/services/connect-applications-service/, "Environment Variables")
 */
function isServiceLink(name: string, value: string, known: readonly string[]): boolean {
  return (
    linkNames.test(name) || (linkWithUrl.test(name) && isLinkValue(value) && !known.includes(name))
  );
}

const linkNames =
  /^SENTINEL_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/;
const linkWithUrl = /^SENTINEL_(\w+_)?PORT$/;
const isLinkValue = (value: string) => /^(tcp|udp|sctp):\/\//.test(value);

function linkProblem(name: string, value: string): string {
  const example = name === "SENTINEL_PORT" ? "8000" : "8001";
  return `${name} is ${JSON.stringify(value)}, which Kubernetes sets for a Service of that name. Put "enableServiceLinks: false" into the pod's spec, or set the variable in it yourself, for example ${name}=${example}.`;
}

function judgeUnknown(
  name: string,
  known: readonly string[],
  { problems, warnings }: { problems: string[]; warnings: string[] },
): void {
  const meant = didYouMean(name, known);
  if (meant === undefined) {
    warnings.push(`${name} is not a setting of this version and has no effect.`);
  } else {
    problems.push(
      `${name} is not a setting; did you mean ${meant}? Rename it, for example to ${meant}=…, or remove it.`,
    );
  }
}
