// What the types of tests.schema.shop:app allow and refuse. A line that ends with "wrong" must not compile, all others
// must. Compiled beside shop.ts, never run.

import MicroSocket, { type AnswerOf, type Contract, type ErrorOf, type PayloadOf } from "microsockets";
import type { Colour, Full, Item, ItemOutput, Lobby, PageItem, Params, Shop } from "./shop";

const auth = { token: "abc", verbose: true } satisfies Omit<Params, "shop">;
const params: Params = { shop: 7, ...auth };
const noParams: Params = { shop: "7", token: "abc" }; // wrong
const socket = new MicroSocket<Shop>(`/shop/${params.shop}`, { auth });
const lobby = MicroSocket<Lobby>("/");
export const contracts: Contract[] = [null as unknown as Shop, null as unknown as Lobby];

export const teapot: Item = { name: "teapot", price: 3, size: [1, 2] };
export const cat: Item = { ...teapot, price: "3.50", pet: { kind: "cat" }, parts: [teapot], tags: { a: ["b"] }, at: null };
export const noCat: Item = { ...teapot, pet: { lives: 3 } }; // wrong
export const noTuple: Item = { ...teapot, size: [1, 2, 3] }; // wrong
export const noColour: Colour = "green"; // wrong

export async function requests(): Promise<void> {
  const bought: ItemOutput = await socket.request("buy", teapot, { timeout: 5 });
  bought.label.toUpperCase();
  bought.parts[0]?.tags["red"]?.[0]?.trim();
  if (bought.pet?.kind === "cat") bought.pet.lives.toFixed();
  if (bought.pet?.kind === "cat") bought.pet.good; // wrong
  bought.price.toFixed(); // wrong
  const page: PageItem = await socket.request("browse");
  page.items.map((item) => item.colour satisfies "red" | "blue");
  await socket.request("browse", 2);
  await socket.request("browse", "2"); // wrong
  (await socket.request("leave")) satisfies null;
  (await socket.request("anything", { deep: [1] })) satisfies unknown;
  const colours: Record<string, Colour> = await socket.request("at once", ["red"]);
  await socket.request("at once", ["green"]); // wrong
  await socket.request("buy"); // wrong
  await socket.request("buy", { name: "teapot" }); // wrong
  await socket.request("buy", { ...teapot, label: "TEAPOT" }); // wrong
  await socket.request("bye", teapot); // wrong
  await socket.request("watch"); // wrong
  const text: string = await socket.request("buy", teapot); // wrong
  (await lobby.request("hello", "Ada")).trim();
  await lobby.request("buy", teapot); // wrong
  void [colours, text];
}

export function sends(): void {
  socket.send("buy", teapot);
  socket.send("leave");
  socket.send("browse", undefined, { queue: false });
  socket.send("leave", 1); // wrong
  socket.send("sold", teapot); // wrong
}

export async function streams(): Promise<void> {
  for await (const [number, name] of socket.stream("watch")) [number.toFixed(), name.trim()];
  for await (const [number] of socket.stream("watch")) number.trim(); // wrong
  socket.stream("buy", teapot); // wrong
}

export function listeners(): void {
  socket.on("sold", (item) => item.label.trim());
  socket.once("closing soon", (payload) => payload satisfies undefined);
  socket.onAny((payload, event) => [payload, event satisfies "sold" | "closing soon"]);
  socket.on("sold", (item: string) => item.trim()); // wrong
  socket.on("sold", ({ labels }) => labels); // wrong
  socket.on("bought", () => {}); // wrong
  lobby.on("sold", () => {}); // wrong
}

export function questions(): void {
  socket.handle("sure", (question) => question.length > 3);
  socket.handle("sure", async () => true);
  socket.handle("sure", () => "yes"); // wrong
  socket.handle("sure", (question: number) => question > 3); // wrong
  lobby.handle("sure", () => true); // wrong
}

export function errors(error: unknown): number | undefined {
  if (!socket.isError("buy", error)) return;
  if (error.code === "full") return error.details?.capacity;
  if (error.code === "closed") return error.details; // always undefined
  if (error.code === "rate_limited") return error.details?.retry_after;
  if (error.code === "fool") return; // wrong
  if (error.code === "timeout") return error.details.capacity; // wrong
  return;
}

export function otherErrors(error: unknown): void {
  if (socket.isError("leave", error) && error.code === "full") return; // wrong
}

export type Checks = [
  AnswerOf<Shop, "buy">,
  PayloadOf<Lobby, "hello">,
  Extract<ErrorOf<Shop, "buy">, { code: Full["code"] }>,
];
