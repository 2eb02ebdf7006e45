// A program over the types that openapi-typescript made, with openapi-fetch.
import createClient from "openapi-fetch";
import type { paths } from "./client/schema";

async function main(): Promise<void> {
  const api = createClient<paths>({ baseUrl: process.env.COMMLOG, headers: { apiKey: process.env.KEY } });
  const found = await api.POST("/api/communications/messages:search", {
    params: { query: { detailsLevel: "FULL" } },
    body: [{ field: "state", operator: "EQUALS", value: "FAILED" }],
  });
  const sent = await api.POST("/api/communications/messages", {
    params: { header: { "Idempotency-Key": "of the program" } },
    body: { type: "EMAIL", destination: "ana@example.org", subject: "Hello", body: "Dear Ana" },
  });
  if (!found.data || !sent.data || Array.isArray(sent.data)) throw new Error(JSON.stringify([found.error, sent.error]));
  const resent = await api.POST("/api/communications/messages:resend", { body: { messages: [found.data[0].encodedKey] } });
  const unknown = await api.GET("/api/communications/messages/{encodedKey}", { params: { path: { encodedKey: "0".repeat(32) } } });
  console.log(
    JSON.stringify({
      found: found.data.map((each) => [each.encodedKey, each.state, each.failureReason, new Date(each.creationDate).getUTCFullYear()]),
      sent: [sent.data.encodedKey, sent.data.state],
      resent: resent.response.status,
      unknown: unknown.error?.errors[0].errorCode,
    }),
  );
}

void main();
