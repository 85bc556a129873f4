import { Pair, Scalar, YAMLMap, YAMLSeq, isMap, isScalar, isSeq, parseDocument } from "yaml";
import type { Document } from "yaml";

import { vendors } from "../../src/config/vendors.ts";
import { defaultAliases, isSet, keyVariablesOf } from "./choices.ts";
import type { Choice, DefaultAlias, DefaultModels } from "./choices.ts";

export interface EditedConfig {
  readonly text: string;
  readonly providerName: string;
  /** Aliases with several targets of the operator's own, which are not touched. */
  readonly leftAlone: readonly DefaultAlias[];
}

export interface EditOptions {
  readonly choice: Pick<Choice, "type" | "providerName">;
  readonly models: DefaultModels;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The providers that the environment stands for, which count while the file has none. */
  readonly environmentProviders: readonly { readonly name: string; readonly type: string }[];
  /** Aliases with several targets are replaced too. */
  readonly replacesChains: boolean;
}

/**
 * The text of `sentinel.yaml` with its default models served by another provider. Comments and everything
 * else stay. Text that says so already comes back as it is. Throws an `Error` where the file is written in a
 * way that only a person can change.
 */
export function editConfig(text: string, options: EditOptions): EditedConfig {
  const document: Document = parseDocument(text);
  if (document.errors.length > 0) throw new Error("the file is not YAML; correct it first");
  const before = JSON.stringify(document.toJS());
  if (document.contents === null) document.contents = new YAMLMap();
  const root = document.contents;
  if (!isMap(root)) throw new Error("the file does not hold fields");
  const providerName = chooseProvider(document, options);
  const models = mapIn(document, "models");
  const leftAlone = defaultAliases.filter(
    (alias) => !switchAlias(models, { alias, providerName, options }),
  );
  mapIn(document, "defaults").set("provider", providerName);
  const isSame = JSON.stringify(document.toJS()) === before;
  const made = isSame ? text : written(document, text);
  return { text: text.trim() === "" ? `${heading}${made}` : made, providerName, leftAlone };
}

/** Above a file that there was none of. */
const heading =
  "# Made by: npm run switch-llm. What else may stand here is in sentinel.example.yaml.\n\n";

/** The provider that serves from now on: the file's first of that type, the environment's, or a new one. */
function chooseProvider(document: Document, options: EditOptions): string {
  const { choice, environmentProviders, environment } = options;
  const given = document.get("providers");
  const inFile = isMap(given)
    ? given.items.map(({ key, value }) => ({ name: textOf(key), value }))
    : [];
  const known = inFile.find(({ value }) => isMap(value) && value.get("type") === choice.type);
  if (known !== undefined) return known.name;
  if (inFile.length === 0) {
    const around = environmentProviders.find(({ type }) => type === choice.type);
    // A section of providers would take the place of all that the environment stands for.
    if (around !== undefined && around.type !== "demo") return around.name;
  }
  const providers = mapIn(document, "providers");
  const hidden = environmentProviders.filter(({ type }) => inFile.length === 0 && type !== "demo");
  for (const { name, type } of hidden) {
    providers.set(name, providerNode(type, environment));
  }
  const name = freeName(providers, choice.providerName);
  providers.set(name, providerNode(choice.type, environment));
  return name;
}

function freeName(providers: YAMLMap, wanted: string): string {
  let name = wanted;
  for (let number = 2; providers.has(name); number++) name = `${wanted}-${number}`;
  return name;
}

/** With its secrets in the environment, where it is asked for them. */
function providerNode(type: string, environment: EditOptions["environment"]): YAMLMap {
  const node = new YAMLMap();
  node.flow = true;
  node.set("type", type);
  const vendor = Object.entries(vendors).find(([name]) => name === type)?.[1];
  if (vendor === undefined) return node;
  if (isSet(environment, vendor.urlVariable)) {
    node.set("base_url", quoted(`\${${vendor.urlVariable}}`));
  }
  const names: readonly string[] = vendor.keyVariables;
  const isLocal = keyVariablesOf({ type: type as keyof typeof vendors }).length === 0;
  const key = names.find((name) => isSet(environment, name)) ?? (isLocal ? undefined : names[0]);
  if (key !== undefined) {
    const keys = new YAMLSeq();
    keys.flow = true;
    keys.add(quoted(`\${${key}}`));
    node.set("api_keys", keys);
  }
  return node;
}

function quoted(text: string): Scalar {
  const scalar = new Scalar(text);
  scalar.type = Scalar.QUOTE_DOUBLE;
  return scalar;
}

/** False if the alias is the operator's own chain of targets, which stays. */
function switchAlias(
  models: YAMLMap,
  {
    alias,
    providerName,
    options,
  }: {
    readonly alias: DefaultAlias;
    readonly providerName: string;
    readonly options: EditOptions;
  },
): boolean {
  const target = new YAMLMap();
  target.flow = true;
  target.set("provider", providerName);
  target.set("model", options.models[alias]);
  const given = models.get(alias);
  if (given === undefined) {
    const made = new YAMLMap();
    made.set("targets", seqOf(target));
    models.set(alias, made);
    return true;
  }
  if (!isMap(given)) throw new Error(`models.${alias} is not written out in the file`);
  const targets = given.get("targets");
  const [first] = isSeq(targets) ? targets.items : [];
  if (isSeq(targets) && targets.items.length > 1 && !options.replacesChains) {
    return isMap(first) && first.get("provider") === providerName;
  }
  if (isMap(first) && isSeq(targets) && targets.items.length === 1) {
    // In its place, so that its comments stay.
    for (const field of ["weight", "price"]) first.delete(field);
    first.set("provider", providerName);
    first.set("model", options.models[alias]);
  } else {
    given.set("targets", seqOf(target));
  }
  return true;
}

function seqOf(target: YAMLMap): YAMLSeq {
  const targets = new YAMLSeq();
  targets.add(target);
  return targets;
}

/** The map under an outermost field, made if there is none. */
function mapIn(document: Document, field: string): YAMLMap {
  const given = document.get(field, true);
  if (isMap(given)) return given;
  const isEmpty = given === undefined || (isScalar(given) && given.value === null);
  if (!isEmpty) throw new Error(`${field} is not written out in the file`);
  const made = new YAMLMap();
  const root = document.contents;
  // Providers first, as people write it.
  if (isMap(root) && given === undefined && field === "providers") {
    root.items.unshift(new Pair(document.createNode(field), made));
  } else {
    document.set(field, made);
  }
  return made;
}

const textOf = (key: unknown): string => String(isScalar(key) ? key.value : key);

/** In the indentation of the text that was there, and with its own lines wherever only white space differs. */
function written(document: Document, text: string): string {
  const indent = /^( +)\S/m.exec(text)?.[1]?.length ?? 2;
  const made = document
    .toString({
      lineWidth: 0,
      indent: indent >= 2 && indent <= 8 ? indent : 2,
      indentSeq: !/^( *)[\w-]+:[^\S\n]*\n\1- /m.test(text),
    })
    .replaceAll(/\[ ("\$\{\w+\}") \]/g, "[$1]");
  const restored = withOwnLines(made, text);
  const isSame = JSON.stringify(parseDocument(restored).toJS()) === JSON.stringify(document.toJS());
  return isSame ? restored : made;
}

function withOwnLines(made: string, text: string): string {
  const bare = (line: string) => line.replaceAll(/\s/g, "");
  const own = text.split("\n");
  let from = 0;
  const lines = made.split("\n").map((line) => {
    const at = own.findIndex((candidate, index) => index >= from && bare(candidate) === bare(line));
    if (at === -1 || bare(line) === "") return line;
    from = at + 1;
    return own[at] ?? line;
  });
  return lines.join("\n");
}
