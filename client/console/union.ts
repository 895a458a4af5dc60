import { behind, type Problem } from "./problems.js";
import { type Definitions, nameOf, resolve, type Schema, type Shape, shapeOf } from "./schema.js";

type Union = Extract<Shape, { kind: "union" }>;

/**
 * The problems of the member that was chosen, as it would tell them alone; `undefined` if they cannot be told from those
 * of others.
 *
 * pydantic puts a tag before each `loc`. In a discriminated union it is the discriminator's, and only that member has
 * problems. Otherwise each member has some, in their order and behind its name, which only models have in schemas, too.
 */
export function ofMember(
  found: readonly Problem[],
  { options, isTagged }: Union,
  chosen: number,
  definitions: Definitions,
): Problem[] | undefined {
  const whole = found.filter(({ loc }) => loc.length === 0);
  const within = found.filter(({ loc }) => loc.length > 0);
  if (isTagged) return [...whole, ...within.map(behind)];
  // Optional is no union, and is not tried.
  const tried = options.filter((option) => shapeOf(option, definitions).kind !== "null");
  if (within.length === 0 || tried.length < 2) return [...found];
  const option = options[chosen] ?? {};
  for (const each of [within, within.map(unnested)]) {
    const tag = tagOf(option, each, options, definitions) ?? tagOf(option, each, tried, definitions);
    if (tag !== undefined) return [...whole, ...each.filter(({ loc }) => loc[0] === tag).map(behind)];
  }
  return undefined;
}

function tagOf(
  option: Schema,
  found: readonly Problem[],
  tried: readonly Schema[],
  definitions: Definitions,
): string | number | undefined {
  const tags = [...new Set(found.map(({ loc }) => loc[0]))];
  if (tags.length === tried.length) return tags[tried.indexOf(option)];
  // Of many problems the last ones are not told, and then not all members are there.
  const name = classOf(option, definitions);
  const isOnly = tried.filter((each) => classOf(each, definitions) === name).length === 1;
  return isOnly ? tags.find((tag) => tag === name) : undefined;
}

function classOf(option: Schema, definitions: Definitions): string | undefined {
  return option.$ref === undefined ? undefined : (resolve(option, definitions).title ?? nameOf(option.$ref));
}

/** A union within a union is one in the schema. */
function unnested(problem: Problem): Problem {
  return String(problem.loc[0]).startsWith("union[") ? behind(problem) : problem;
}
