// npm install openai
import OpenAI from "openai";

const client = new OpenAI({
  baseURL: "{{ base }}",
  apiKey: process.env.SLIPWAY_API_KEY,
});
const stream = await client.chat.completions.create({
  model: "{{ model }}",
  messages: [{ role: "user", content: "Hello" }],
  max_tokens: 100,
  stream: true,
});
for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta?.content ?? "");
}
process.stdout.write("\n");
