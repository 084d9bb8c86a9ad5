// The checks of `clients_js.py`: OpenAI's and Anthropic's JavaScript SDKs through a guard.
//
// `node clients.mjs FOLDER URL ADMIN RICH POOR CHECK`: the SDKs are in FOLDER, the keys of two tenants are given.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import path from "node:path";

const [folder, url, admin, rich, poor, check] = process.argv.slice(2);
const require = createRequire(path.join(folder, "here.js"));
const { default: OpenAI } = require("openai");
const { default: Anthropic } = require("@anthropic-ai/sdk");

const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: rich });
const anthropic = new Anthropic({ baseURL: url, apiKey: rich });
const SAY = [{ role: "user", content: "Say a few words about rivers." }];
const PARAMETERS = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const FUNCTION = { type: "function", function: { name: "weather", parameters: PARAMETERS } };
const TOOL = { name: "weather", input_schema: PARAMETERS };
const chat = { model: "gpt-4o-mini", messages: SAY, max_tokens: 40 };
const message = { model: "claude-haiku-4-5", messages: SAY, max_tokens: 40 };
const simulated = (script) => [{ role: "user", content: `[[sim ${script}]]` }];

/** Gathers a stream. */
async function all(stream) {
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return pieces;
}

/** The sum of the figures whose lines begin so. */
async function metric(start) {
  const text = await (await fetch(`${admin}/metrics`)).text();
  const lines = text.split("\n").filter((line) => line.startsWith(start));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}

const CHECKS = {
  async openai_calls() {
    const { data, response } = await openai.chat.completions.create(chat).withResponse();
    assert.ok(response.headers.get("x-outlay-call") && Number(response.headers.get("x-outlay-cost-usd")) > 0);
    assert.ok(data.choices[0].message.content);
    let pieces = await all(await openai.chat.completions.create({ ...chat, stream: true }));
    assert.ok(pieces.length > 3 && pieces.every((piece) => !piece.usage && piece.choices.length > 0));
    const asked = { stream: true, stream_options: { include_usage: true } };
    pieces = await all(await openai.chat.completions.create({ ...chat, ...asked }));
    assert.ok(pieces.at(-1).usage.completion_tokens > 0);
    const answers = await Promise.all(Array.from({ length: 20 }, () => openai.chat.completions.create(chat)));
    assert.ok(answers.every((answer) => answer.usage.completion_tokens > 0));
    const vectors = await openai.embeddings.create({ model: "text-embedding-3-small", input: ["a river", "a lake"] });
    assert.equal(vectors.data.length, 2);
    assert.ok((await all(openai.models.list())).length > 0);
  },

  async openai_responses() {
    const ask = { model: "gpt-4.1", input: "hello", max_output_tokens: 40 };
    assert.ok((await openai.responses.create(ask)).output_text);
    const events = await all(await openai.responses.create({ ...ask, input: "[[sim output=20]]", stream: true }));
    assert.ok(events.some((event) => event.type === "response.output_text.delta"));
    assert.ok(events.at(-1).response.usage.output_tokens > 0);
    const tool = { type: "function", name: "weather", parameters: PARAMETERS, strict: false };
    const answer = await openai.responses.create({ ...ask, tools: [tool], max_output_tokens: 200 });
    const used = answer.output.find((item) => item.type === "function_call");
    assert.ok(used.name === "weather" && "city" in JSON.parse(used.arguments));
  },

  async openai_tools() {
    const ask = { ...chat, tools: [FUNCTION], max_tokens: 200 };
    const answer = (await openai.chat.completions.create(ask)).choices[0].message;
    const [call] = answer.tool_calls;
    assert.ok(call.function.name === "weather" && "city" in JSON.parse(call.function.arguments));
    const messages = [...SAY, answer, { role: "tool", tool_call_id: call.id, content: "rain" }];
    assert.ok((await openai.chat.completions.create({ ...ask, messages })).choices.length > 0);
    const pieces = await all(await openai.chat.completions.create({ ...ask, stream: true }));
    const parts = pieces.flatMap((piece) => piece.choices[0].delta.tool_calls ?? []);
    assert.equal(parts[0].function.name, "weather");
    assert.ok("city" in JSON.parse(parts.map((part) => part.function.arguments ?? "").join("")));
  },

  async openai_leaves() {
    const ask = { ...chat, messages: simulated("output=40 slow=2ms"), stream: true };
    const stream = await openai.chat.completions.create(ask);
    for await (const _ of stream) break;
  },

  async anthropic_calls() {
    const answer = await anthropic.messages.create(message);
    assert.ok(answer.usage.output_tokens > 0 && answer.content[0].text);
    const kinds = (await all(await anthropic.messages.create({ ...message, stream: true }))).map((event) => event.type);
    assert.ok(kinds[0] === "message_start" && kinds.at(-1) === "message_stop");
    const final = await anthropic.messages.stream(message).finalMessage();
    assert.ok(final.usage.output_tokens > 0);
    const bearer = new Anthropic({ baseURL: url, apiKey: null, authToken: rich });
    assert.ok((await bearer.messages.create(message)).content.length > 0);
    const answers = await Promise.all(Array.from({ length: 20 }, () => anthropic.messages.create(message)));
    assert.ok(answers.every((answer) => answer.usage.output_tokens > 0));
    assert.ok((await anthropic.messages.countTokens({ model: message.model, messages: SAY })).input_tokens > 0);
  },

  async anthropic_tools() {
    const ask = { ...message, tools: [TOOL], max_tokens: 200 };
    const { content } = await anthropic.messages.create(ask);
    const used = content.find((block) => block.type === "tool_use");
    assert.ok(used.name === "weather" && "city" in used.input);
    const result = { role: "user", content: [{ type: "tool_result", tool_use_id: used.id, content: "rain" }] };
    const messages = [...SAY, { role: "assistant", content }, result];
    assert.ok((await anthropic.messages.create({ ...ask, messages })).content.length > 0);
    const streamed = await anthropic.messages.stream(ask).finalMessage();
    assert.ok("city" in streamed.content.find((block) => block.type === "tool_use").input);
  },

  async anthropic_leaves() {
    const ask = { ...message, messages: simulated("output=40 slow=2ms"), stream: true };
    const stream = await anthropic.messages.create(ask);
    for await (const _ of stream) break;
  },

  async errors() {
    const before = await metric("outlay_refusals_total");
    const fifth = { maxRetries: 5 };
    await assert.rejects(openai.withOptions({ apiKey: poor, ...fifth }).chat.completions.create(chat), (error) => {
      assert.deepEqual([error.status, error.code, error.error.outlay.scope], [402, "cap_exhausted", "tenant:poor"]);
      return true;
    });
    await assert.rejects(anthropic.withOptions({ apiKey: poor, ...fifth }).messages.create(message), (error) => {
      assert.deepEqual([error.status, error.error.error.type], [402, "billing_error"]);
      return true;
    });
    assert.equal(await metric("outlay_refusals_total"), before + 2, "402 is not tried again");
    const once = { maxRetries: 0 };
    for (const [kind, options, more] of [
      [OpenAI.AuthenticationError, { apiKey: "outlay-nobody" }, {}],
      [OpenAI.BadRequestError, {}, { max_tokens: -1 }],
      [OpenAI.BadRequestError, {}, { model: "nobodys-model" }],
      [OpenAI.RateLimitError, once, { messages: simulated("status=429") }],
      [OpenAI.InternalServerError, once, { messages: simulated("status=500") }],
    ]) {
      await assert.rejects(openai.withOptions(options).chat.completions.create({ ...chat, ...more }), kind);
    }
    for (const [kind, options, more] of [
      [Anthropic.AuthenticationError, { apiKey: "outlay-nobody" }, {}],
      [Anthropic.BadRequestError, {}, { max_tokens: 0 }],
      [Anthropic.RateLimitError, once, { messages: simulated("status=429") }],
      [Anthropic.InternalServerError, once, { messages: simulated("overloaded") }],
    ]) {
      await assert.rejects(anthropic.withOptions(options).messages.create({ ...message, ...more }), kind);
    }
    const cut = { ...chat, messages: simulated("output=5 cut@chunk:2"), stream: true };
    await assert.rejects(async () => all(await openai.chat.completions.create(cut)));
  },
};

if (check === "list") {
  console.log(Object.keys(CHECKS).join("\n"));
} else {
  await CHECKS[check]();
}
