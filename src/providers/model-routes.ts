import { Failure } from "../errors.ts";
import { Lru } from "../lib/lru.ts";
import type { ListedModel, ModelList } from "./model-lists.ts";
import type { Pin } from "./provider.ts";
import { aliasRoute, plainRoute } from "./routing/build-routes.ts";
import type { AliasEntry, Route, RouteTools } from "./routing/build-routes.ts";
import type { TargetStatus } from "./target-health.ts";
import type { Supplier } from "./target.ts";

/** A provider as the routes know it. */
export interface ProviderEntry extends Supplier {
  /** What it lists of itself; undefined for one that has no list worth asking for. */
  readonly list: ModelList | undefined;
  /** What the operator says it has. */
  readonly models: readonly string[] | undefined;
  readonly modelPrefixes: readonly string[];
}

export interface RouteOptions extends RouteTools {
  readonly providers: readonly ProviderEntry[];
  readonly aliases: readonly AliasEntry[];
  readonly defaultProviderName: string | undefined;
  readonly defaultRetries: number;
  /** Of models that go by their own names. */
  readonly defaultDrainTokensMax?: number | undefined;
  /** The operator has named the models, so a name that is none of them is a mistake. */
  readonly namesModels: boolean;
}

/** Names that clients make up are remembered only so far. */
const routesMax = 1_000;

/** Finds what serves a model: an alias, `provider/model`, a provider's own list, or the vendor's names. */
export class ModelRoutes {
  readonly #options: RouteOptions;
  readonly #providers: ReadonlyMap<string, ProviderEntry>;
  readonly #aliases: ReadonlyMap<string, Route>;
  readonly #found = new Lru<string, Remembered>(routesMax);
  readonly #pinned = new Lru<string, Route>(routesMax);

  constructor(options: RouteOptions) {
    this.#options = options;
    this.#providers = new Map(options.providers.map((provider) => [provider.name, provider]));
    this.#aliases = new Map(
      options.aliases.map((entry) => [entry.alias, aliasRoute(entry, this.#providers, options)]),
    );
  }

  /**
   * At once where the name is known; otherwise after asking the providers. Throws `model_not_found`, and
   * `invalid_value` for a pin that leads nowhere.
   */
  find(model: string, pin?: Pin): Route | Promise<Route> {
    if (pin !== undefined) return this.#findPinned(model, pin.providerName);
    return this.#aliases.get(model) ?? this.#remembered(model) ?? this.#search(model);
  }

  /** How the models of one provider have been doing; empty for one that there is not, or that nobody asked. */
  statusOf(providerName: string): readonly TargetStatus[] {
    return this.#providers.get(providerName)?.health.statuses ?? [];
  }

  /** Every model that can be named, with what its provider says of it. Asks providers never asked before. */
  async list(): Promise<readonly (ListedModel & { readonly owned_by: string })[]> {
    await this.#askAll((list) => list.models === undefined);
    const listed = new Map<string, ListedModel & { readonly owned_by: string }>();
    for (const { alias } of this.#options.aliases) {
      listed.set(alias, { id: alias, object: "model", created: 0, owned_by: "sentinel" });
    }
    for (const provider of this.#options.providers) {
      for (const model of modelsOf(provider)) {
        if (listed.has(model.id)) continue;
        const ownedBy = typeof model["owned_by"] === "string" ? model["owned_by"] : provider.name;
        listed.set(model.id, { object: "model", ...model, owned_by: ownedBy });
      }
    }
    return [...listed.values()];
  }

  /** Asks every provider for its list, in the background at start. */
  warmUp(): void {
    void this.#askAll(() => true);
  }

  #findPinned(model: string, providerName: string): Route {
    const key = `${providerName}\n${model}`;
    const known = this.#pinned.get(key);
    if (known !== undefined) return known;
    const route = this.#pinnedRoute(model, providerName);
    this.#pinned.set(key, route);
    return route;
  }

  /** An alias with only that provider's targets; any other model as that provider's own. */
  #pinnedRoute(model: string, providerName: string): Route {
    const provider = this.#providers.get(providerName);
    if (provider === undefined) throw badPin(`There is no provider '${shown(providerName)}' here`);
    const entry = this.#options.aliases.find(({ alias }) => alias === model);
    if (entry !== undefined) {
      const targets = entry.targets.filter((target) => target.providerName === providerName);
      if (targets.length > 0) {
        return aliasRoute({ ...entry, targets }, this.#providers, this.#options);
      }
      const names = [...new Set(entry.targets.map((target) => target.providerName))].join(", ");
      throw badPin(`The model '${model}' is not served by '${providerName}', but by: ${names}`);
    }
    const named = this.#named(model);
    if (named !== undefined && named.provider !== provider && !lists(provider, model)) {
      throw badPin(
        `The model '${model}' is one of '${named.provider.name}', not '${providerName}'`,
      );
    }
    return this.#plainRoute(model, named?.provider === provider ? named : { provider, model });
  }

  /** A guess is looked up again from time to time, while the old one serves. */
  #remembered(model: string): Route | undefined {
    const remembered = this.#found.get(model);
    if (remembered === undefined) return undefined;
    const nowMs = this.#options.clock.tickMs();
    if (nowMs >= remembered.lookAgainAtMs) {
      remembered.lookAgainAtMs = nowMs + guessMs;
      void this.#search(model).catch(() => undefined); // What was found before still holds.
    }
    return remembered.route;
  }

  async #search(model: string): Promise<Route> {
    const named =
      this.#named(model) ?? (this.#providers.size === 1 ? this.#byPrefix(model) : undefined);
    if (named !== undefined) return this.#remember(model, named);
    await this.#askAll((list) => list.models === undefined);
    const known = this.#listed(model) ?? this.#byPrefix(model);
    if (known !== undefined) return this.#remember(model, known);
    await this.#askAll(() => true);
    const listed = this.#listed(model);
    if (listed !== undefined) return this.#remember(model, listed);
    const guess = this.#catchAll(model);
    if (guess !== undefined) {
      return this.#remember(model, guess, this.#options.clock.tickMs() + guessMs);
    }
    throw new Failure(
      "model_not_found",
      `The model '${model}' does not exist here. GET /v1/models lists those that do; 'provider/model' names one of a provider.`,
      { param: "model" },
    );
  }

  /** `provider/model`. */
  #named(model: string): Found | undefined {
    const slash = model.indexOf("/");
    const provider = slash === -1 ? undefined : this.#providers.get(model.slice(0, slash));
    const rest = model.slice(slash + 1);
    return provider === undefined || rest === "" ? undefined : { provider, model: rest };
  }

  #listed(model: string): Found | undefined {
    const provider = this.#inOrder().find((candidate) => lists(candidate, model));
    return provider === undefined ? undefined : { provider, model };
  }

  /** The vendor whose own models are called like this one. */
  #byPrefix(model: string): Found | undefined {
    const provider = this.#inOrder().find(({ modelPrefixes }) =>
      modelPrefixes.some((prefix) => model.startsWith(prefix)),
    );
    return provider === undefined ? undefined : { provider, model };
  }

  /**
   * For a name that nobody lists: the operator's default provider; or the only provider there is, if it
   * knows better than we do. It does not where its list came, or where the operator has named the models.
   */
  #catchAll(model: string): Found | undefined {
    const { providers, defaultProviderName, namesModels } = this.#options;
    const preferred = this.#providers.get(defaultProviderName ?? "");
    if (preferred !== undefined) return { provider: preferred, model };
    const [only] = providers;
    const mayKnow =
      only !== undefined && only.models === undefined && only.list?.models === undefined;
    return providers.length === 1 && mayKnow && !namesModels
      ? { provider: only, model }
      : undefined;
  }

  #inOrder(): readonly ProviderEntry[] {
    const { providers, defaultProviderName } = this.#options;
    const preferred = this.#providers.get(defaultProviderName ?? "");
    return preferred === undefined
      ? providers
      : [preferred, ...providers.filter((provider) => provider !== preferred)];
  }

  #remember(
    name: string,
    { provider, model }: Found,
    lookAgainAtMs = Number.POSITIVE_INFINITY,
  ): Route {
    const before = this.#found.get(name)?.route;
    const [known] = before?.targets ?? [];
    const isSame = known?.providerName === provider.name && known.model === model;
    const route =
      before !== undefined && isSame ? before : this.#plainRoute(name, { provider, model });
    this.#found.set(name, { route, lookAgainAtMs });
    return route;
  }

  #plainRoute(name: string, { provider, model }: Found): Route {
    const { defaultRetries: retriesMax, defaultDrainTokensMax, clock } = this.#options;
    const { deadlines } = provider;
    return plainRoute(name, {
      supplier: provider,
      model,
      deadlines,
      retriesMax,
      clock,
      drainTokensMax: defaultDrainTokensMax,
    });
  }

  /** Waits for the lists that match, but not for long: a provider that does not tell holds up nobody. */
  async #askAll(matches: (list: ModelList) => boolean): Promise<void> {
    const lists = this.#options.providers.flatMap(({ list }) => list ?? []).filter(matches);
    if (lists.length === 0) return;
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, listPatienceMs);
    });
    await Promise.race([Promise.all(lists.map((list) => list.ask())), patience]);
    clearTimeout(timer);
  }
}

interface Remembered {
  readonly route: Route;
  lookAgainAtMs: number;
}

/** For how long a model that nobody lists is taken to be where it was taken to be. */
const guessMs = 30_000;

interface Found {
  readonly provider: ProviderEntry;
  readonly model: string;
}

const listPatienceMs = 1_000;

/** Says what to do, and names no provider that the caller has not named or cannot see in an answer's headers. */
function badPin(fault: string): Failure {
  return new Failure(
    "invalid_value",
    `${fault}. Leave out the header 'x-sentinel-provider', or write in it what the same header of an answer says.`,
    { param: "x-sentinel-provider" },
  );
}

const shownCharsMax = 128;
const shown = (name: string): string => name.slice(0, shownCharsMax);

function modelsOf({ models, list }: ProviderEntry): Iterable<ListedModel> {
  if (models !== undefined) return models.map((id) => ({ id, created: 0 }));
  return list?.models?.values() ?? [];
}

/** Ollama lists `llama3:latest` and takes `llama3`. */
function lists({ models, list }: ProviderEntry, model: string): boolean {
  if (models !== undefined) return models.includes(model);
  const listed = list?.models;
  return listed !== undefined && (listed.has(model) || listed.has(`${model}:latest`));
}
