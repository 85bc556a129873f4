import type { FieldProblem } from "./field-types.ts";
import type { Environment } from "./stray-variables.ts";

export interface Interpolated {
  /** Undefined for a file that holds too much. */
  readonly value: unknown;
  readonly problems: readonly FieldProblem[];
}

/**
 * Puts the environment's values where text says `${NAME}`, everywhere in a parsed file but in its names.
 * `$${` stands for `${`. Text with a problem stays as it is.
 */
export function interpolate(value: unknown, environment: Environment): Interpolated {
  const walk: Walk = { environment, problems: [], nodesLeft: nodesMax };
  const replaced = replaceIn(value, [], walk);
  return { value: walk.nodesLeft > 0 ? replaced : undefined, problems: walk.problems };
}

interface Walk {
  readonly environment: Environment;
  readonly problems: FieldProblem[];
  nodesLeft: number;
}

/** A file of ours is flat. An alias inside its own anchor never ends. At these bounds there is one problem. */
const nodesMax = 100_000;
const depthMax = 20;

function replaceIn(value: unknown, path: readonly PropertyKey[], walk: Walk): unknown {
  if (typeof value === "string") return replaceText(value, path, walk);
  if (typeof value !== "object" || value === null) return value;
  walk.nodesLeft -= 1;
  if (walk.nodesLeft < 0) return undefined;
  if (path.length > depthMax || walk.nodesLeft === 0) {
    walk.nodesLeft = 0;
    walk.problems.push({
      path: path.slice(0, 4),
      message: "holds too much: it may contain itself",
    });
    return undefined;
  }
  if (Array.isArray(value)) {
    return value.map((entry: unknown, index) => replaceIn(entry, [...path, index], walk));
  }
  const entries = Object.entries(value).map(([name, entry]) => {
    if (name === "__proto__") {
      walk.problems.push({ path: [...path, name], message: "is a name that nothing can have" });
    }
    return [name, replaceIn(entry, [...path, name], walk)] as const;
  });
  return Object.fromEntries(entries);
}

function replaceText(text: string, path: readonly PropertyKey[], walk: Walk): string {
  return text.replace(/\$\$\{|\$\{([^}]*)\}?/g, (written, name: string | undefined) => {
    if (name === undefined) return "${";
    const value = readVariable(written, name, walk.environment);
    if (typeof value === "string") return value;
    walk.problems.push({ path, message: value.problem });
    return written;
  });
}

function readVariable(
  written: string,
  name: string,
  environment: Environment,
): string | { readonly problem: string } {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || !written.endsWith("}")) {
    return {
      problem: "has a ${ that does not begin a ${NAME}; write $${ for the characters themselves",
    };
  }
  const value = environment[name]?.trim() ?? "";
  if (value !== "") return value;
  return {
    problem: `uses \${${name}}, which is not set; set it, for example ${name}=…, or remove this entry`,
  };
}
