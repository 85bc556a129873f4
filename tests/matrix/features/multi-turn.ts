import { expect } from "vitest";

import { modelSaid, user } from "../ask.ts";
import type { Feature } from "../cell.ts";

export const multiTurn: Feature = {
  name: "multi-turn",
  test: async ({ askFor, stage }) => {
    const first = user("My name is Zoë.");
    const reply = await askFor({ text: "Hello, Zoë." }, { system: "Be kind.", turns: [first] });
    const turns = [first, modelSaid(reply), user("What is my name?")];
    const second = await askFor({ text: "Zoë." }, { system: "Be kind.", turns });
    expect(second.text).toBe("Zoë.");
    const text = (said: string): object[] => [{ kind: "text", text: said }];
    expect(stage.seen()).toMatchObject({
      system: "Be kind.",
      turns: [
        { role: "user", parts: text("My name is Zoë.") },
        { role: "model", parts: text("Hello, Zoë.") },
        { role: "user", parts: text("What is my name?") },
      ],
    });

    // Two messages of one side, one after the other, may become one, in order.
    const more = [...turns, modelSaid(second), user("Spell it."), user("In capitals.")];
    expect((await askFor({ text: "Z O Ë" }, { turns: more })).text).toBe("Z O Ë");
    const last = stage.seen().turns.at(-1);
    const said = last?.parts.map((part) => (part.kind === "text" ? part.text : part.kind));
    expect(last?.role).toBe("user");
    expect(said?.join("\n\n")).toBe("Spell it.\n\nIn capitals.");
    return "ok";
  },
};
