import { startGateway } from "./gateway.ts";
import type { TestGateway } from "./gateway.ts";
import { chatBody, impatient, yamlOf } from "./one-upstream.ts";
import { startScriptedUpstream } from "./scripted-upstream.ts";
import type { Script, ScriptedUpstream } from "./scripted-upstream.ts";
import { shareGateway } from "./shared-gateway.ts";
import type { LendGateway } from "./shared-gateway.ts";

/** A gateway in front of several scripted upstreams, which are the targets of the alias `fast`, in this order. */
export interface Targets<Name extends string> extends AsyncDisposable {
  readonly gateway: TestGateway;
  readonly upstreams: Readonly<Record<Name, ScriptedUpstream>>;
  /** `POST /v1/chat/completions` for the model `fast`; the answer's body is read. */
  ask(fields?: object, headers?: Record<string, string>): Promise<Asked>;
  /** How many requests each of them saw. */
  counts(): Readonly<Record<Name, number>>;
}

export interface Asked {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly error: {
    readonly code: string | null;
    readonly message: string;
    readonly param: unknown;
  };
}

export interface TargetsOptions {
  /** More fields of every provider. */
  readonly provider?: object;
  /** More fields of the alias; it makes no retries where nothing else is said. */
  readonly alias?: object;
}

type StartTargets = <Name extends string>(
  scripts: Readonly<Record<Name, Script>>,
  options?: TargetsOptions,
) => Promise<Targets<Name>>;

export const startTargets: StartTargets = (scripts, options) =>
  targetsBehind((yaml) => startGateway({ env: impatient, yaml }), scripts, options);

/** The same on the one gateway of a file (`shared-gateway.ts`); the upstreams are new ones each time. */
export function shareTargets(): StartTargets {
  const lend = shareGateway(impatient);
  return (scripts, options) => targetsBehind(lend, scripts, options);
}

async function targetsBehind<Name extends string>(
  lend: LendGateway,
  scripts: Readonly<Record<Name, Script>>,
  { provider, alias }: TargetsOptions = {},
): Promise<Targets<Name>> {
  await using opening = new AsyncDisposableStack();
  const names = Object.keys(scripts) as Name[];
  const started = await Promise.all(names.map((name) => startScriptedUpstream(scripts[name])));
  for (const upstream of started) opening.use(upstream);
  const pairs = names.map((name, index) => [name, started[index]] as const);
  const upstreams = Object.fromEntries(pairs) as Record<Name, ScriptedUpstream>;
  const type = "openai-compatible";
  const providers = names.map(
    (name) =>
      [name, { type, base_url: upstreams[name].baseUrl, models: ["m"], ...provider }] as const,
  );
  const targets = names.map((name) => ({ provider: name, model: `m-of-${name}` }));
  const gateway = await lend(
    yamlOf({
      providers: Object.fromEntries(providers),
      models: { fast: { retries: 0, targets, ...alias } },
    }),
  );
  opening.defer(() => gateway.close());
  const resources = opening.move();
  return {
    gateway,
    upstreams,
    ask: async (fields = {}, headers = {}) => {
      const body = chatBody({ model: "fast", ...fields });
      return asked(await gateway.post("/v1/chat/completions", body, headers));
    },
    counts: () =>
      Object.fromEntries(names.map((name) => [name, upstreams[name].seen.length])) as Record<
        Name,
        number
      >,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** An answer with its body read. */
export async function asked(response: Response): Promise<Asked> {
  const text = await response.text();
  const { status, headers } = response;
  const error = status < 400 ? noError : (JSON.parse(text) as { error: Asked["error"] }).error;
  return { status, headers, text, error };
}

const noError = { code: null, message: "", param: null };
