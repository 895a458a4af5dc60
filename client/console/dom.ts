type Child = Node | string | null | undefined | false;

type Properties<Tag extends keyof HTMLElementTagNameMap> = Partial<
  Omit<HTMLElementTagNameMap[Tag], "style" | "dataset">
> & {
  readonly data?: Readonly<Record<string, string>>;
  readonly aria?: Readonly<Record<string, string>>;
};

/** Makes an element. Text stays text, whatever is in it. */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  { data, aria, ...properties }: Properties<Tag> = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  Object.assign(element, properties);
  Object.assign(element.dataset, data);
  for (const [name, value] of Object.entries(aria ?? {})) element.setAttribute(`aria-${name}`, value);
  element.append(...children.filter((child): child is Node | string => Boolean(child)));
  return element;
}

/** A button that does not submit the form it is in. */
export function button(text: string, onclick: () => void, properties: Properties<"button"> = {}): HTMLButtonElement {
  return h("button", { type: "button", ...properties, onclick }, text);
}

/** A choice of texts; its value is the one that is chosen. */
export function choice(
  options: readonly (readonly [value: string, text: string])[],
  properties: Properties<"select"> = {},
): HTMLSelectElement {
  const select = h("select", properties);
  select.append(...options.map(([value, text]) => h("option", { value }, text)));
  return select;
}

let last = 0;

/** An id that no other element of the page has. */
export function unique(): string {
  last += 1;
  return `n${last}`;
}
